import { ExitCode, UserError } from "../errors";
import { CannotAsk, type HealthEngine, type Instance } from "../health/engine";

/** How long the engine may take to say where an instance is. */
const PATIENCE_MS = 20_000;

/** An instance that is well. @throws UserError where none is, or none can be reached from here */
export async function found(
  engine: HealthEngine,
  { system, workload, stack }: { system: string; workload: string; stack: string },
): Promise<Instance> {
  try {
    const { workloads } = await engine.state(PATIENCE_MS);
    const { instances = [] } = workloads.get(`${system}/${workload}`) ?? {};
    const there = instances.find(({ reachable }) => reachable);
    if (there !== undefined) return there;
    throw instances.length === 0
      ? new UserError(
          `No instance of ${workload} is up and well.`,
          `npx atalaya health -s ${stack} --system ${system} says why.`,
        )
      : new UserError(
          `${workload} runs on a node that cannot be reached from here.`,
          "Name that node: DOCKER_HOST=ssh://…",
          ExitCode.missing,
        );
  } catch (error) {
    if (!(error instanceof CannotAsk)) throw error;
    throw new UserError(
      `The engine does not say where ${workload} is: ${error.message}.`,
      "`npx atalaya doctor` says what is missing.",
      ExitCode.missing,
    );
  }
}
