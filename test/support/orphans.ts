import type { Engine } from "./engine";
import { until } from "./poll";
import type { Workspace } from "./workspace";

interface State {
  readonly deployment: {
    readonly resources: readonly {
      readonly type: string;
      readonly outputs?: { name?: string; metadata?: { name?: string } };
    }[];
    readonly pending_operations?: readonly unknown[];
  };
}

/**
 * Checks that everything in the engine with the stack's label is in the stack's state, and that nothing
 * is pending there.
 * @throws Error that names the orphans
 */
export async function expectNoOrphans(stack: Workspace, engine: Engine): Promise<void> {
  const { deployment } = JSON.parse(
    await stack.pulumi("stack", "export", "--stack", stack.stack),
  ) as State;
  const known = deployment.resources
    .filter(({ type }) => /^(?:docker|kubernetes):/.test(type))
    .map(({ outputs }) => outputs?.metadata?.name ?? outputs?.name);
  expect(deployment.pending_operations ?? []).toEqual([]);
  // The engine needs a moment to let go of what was deleted.
  const orphans = async (): Promise<string[]> =>
    (await engine.left()).filter((entry) => !known.includes(entry.split(" ")[1]));
  await until("no orphan", { within: 15_000 }, async () => (await orphans()).length === 0).catch(
    () => undefined,
  );
  expect(await orphans()).toEqual([]);
}
