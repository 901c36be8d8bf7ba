import type { Problem } from "../model/problems";
import type { SystemModel } from "../model/system";

/** Ports that are proposed begin here: 8080 and 8443 for 80 and 443. */
const UNPRIVILEGED = 8000;

/** Two systems, or two gateways, that want one public port of the same host. */
export function portClashes(systems: readonly SystemModel[]): Problem[] {
  const exposed = systems.flatMap(({ name, workloads }) =>
    workloads.flatMap((workload) =>
      workload.exposures.map(({ public: port, port: own }) => ({
        system: name,
        path: `${name}.${workload.name}`,
        port,
        kind: workload.ports.find((of) => of.port === own)?.name ?? "https",
      })),
    ),
  );
  const taken = new Map<number, string>();
  const wanted = new Set(exposed.map(({ port }) => port));
  return exposed.flatMap(({ system, path, port, kind }) => {
    const other = taken.get(port);
    if (other === undefined) {
      taken.set(port, path);
      return [];
    }
    const free = firstFree(port, wanted);
    wanted.add(free);
    const fix = `give one of them another port: pulumi config set --path '${system}.ports.${kind}' ${free}`;
    return [{ path, message: `port ${port} is already taken by ${other}`, fix }];
  });
}

function firstFree(port: number, wanted: ReadonlySet<number>): number {
  let free = port < 1024 ? port + UNPRIVILEGED : port + 1;
  while (wanted.has(free)) free += 1;
  return free;
}
