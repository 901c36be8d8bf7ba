import type { Problem } from "../model/problems";
import type { SystemModel } from "../model/system";

/** Two systems, or two gateways, that want one public port of the same host. */
export function portClashes(systems: readonly SystemModel[]): Problem[] {
  const taken = new Map<number, string>();
  const problems: Problem[] = [];
  for (const system of systems) {
    for (const workload of system.workloads) {
      for (const { public: port } of workload.exposures) {
        const path = `${system.name}.${workload.name}`;
        const other = taken.get(port);
        if (other !== undefined) {
          problems.push({
            path,
            message: `port ${port} is already taken by ${other}`,
            fix: `give one of them another port: pulumi config set --path '${system.name}.ports.https' 8443`,
          });
        }
        taken.set(port, path);
      }
    }
  }
  return problems;
}
