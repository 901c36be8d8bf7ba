import { isPort } from "../model/names";
import type { Problem } from "../model/problems";
import { runnables, type SystemModel } from "../model/system";

/** The images that Atalaya owns and its components run. */
export type OwnedImages = Readonly<
  Record<
    "postgres" | "pgbouncer" | "mongo" | "redis" | "caddy" | "nginx" | "monitoring" | "log-agent",
    string
  >
>;

/** What can only be seen when a system is complete. */
export function systemProblems(model: SystemModel): Problem[] {
  return [
    ...duplicateNames(model),
    ...danglingReferences(model),
    ...startCycles(model),
    ...portProblems(model),
    ...resourceProblems(model),
    ...environmentProblems(model),
  ];
}

function duplicateNames(model: SystemModel): Problem[] {
  const kinds: [string, readonly { name: string; component: string }[]][] = [
    ["workload or job", runnables(model)],
    // One that is issued becomes a secret, too.
    ["secret", [...model.secrets, ...model.certificates]],
    ["file", model.files],
    ["volume", model.volumes],
  ];
  return kinds.flatMap(([kind, items]) =>
    items
      .filter((item, i) => items.findIndex((other) => other.name === item.name) !== i)
      .map((item) => ({
        path: `${model.name}.${item.component}`,
        message: `a second ${kind} is named "${item.name}"`,
        fix: "give the component or the link another name",
      })),
  );
}

function danglingReferences(model: SystemModel): Problem[] {
  const problems: Problem[] = [];
  const names = (items: readonly { name: string }[]): Set<string> =>
    new Set(items.map((item) => item.name));
  const known = {
    secret: names(model.secrets),
    certificate: names(model.certificates),
    file: names(model.files),
    volume: names(model.volumes),
  };
  const startable = names([...model.workloads, ...model.jobs]);
  for (const runnable of runnables(model)) {
    const missing = [
      ...runnable.secrets.filter((m) => !known.secret.has(m.secret)).map((m) => m.secret),
      ...[runnable.certificate ?? []].flat().filter((name) => !known.certificate.has(name)),
      ...runnable.files.filter((m) => !known.file.has(m.file)).map((m) => m.file),
      ...runnable.volumes.filter((m) => !known.volume.has(m.volume)).map((m) => m.volume),
      ...runnable.startAfter.filter((name) => !startable.has(name)),
    ];
    for (const name of missing) {
      problems.push({
        path: `${model.name}.${runnable.name}`,
        message: `refers to "${name}", which the system does not have`,
      });
    }
  }
  return problems;
}

function startCycles(model: SystemModel): Problem[] {
  const after = new Map<string, readonly string[]>(
    [...model.workloads, ...model.jobs].map((item) => [item.name, item.startAfter]),
  );
  const done = new Set<string>();
  const cycles: Problem[] = [];
  const visit = (name: string, trail: readonly string[]): void => {
    if (trail.includes(name)) {
      const cycle = [...trail.slice(trail.indexOf(name)), name];
      cycles.push({
        path: `${model.name}.${name}`,
        message: `each waits for the next to start: ${cycle.join(" → ")}`,
        fix: 'let one of the links not wait: as("…", { wait: false })',
      });
      return;
    }
    if (done.has(name)) return;
    for (const next of after.get(name) ?? []) visit(next, [...trail, name]);
    done.add(name);
  };
  for (const name of after.keys()) visit(name, []);
  return cycles;
}

function portProblems(model: SystemModel): Problem[] {
  const problems: Problem[] = [];
  for (const workload of model.workloads) {
    const ports = [
      ...workload.ports.map((p) => p.port),
      ...workload.exposures.flatMap((e) => [e.public, e.port]),
    ];
    for (const port of ports.filter((p) => !isPort(p))) {
      problems.push({
        path: `${model.name}.${workload.name}.port`,
        message: `${port} is no port`,
        fix: "choose a whole number from 1 to 65535",
      });
    }
  }
  return problems;
}

function resourceProblems(model: SystemModel): Problem[] {
  const problems: Problem[] = [];
  const roots = model.workloads.filter(({ node }) => node?.root).map(({ name }) => name);
  for (const { name, resources, user } of runnables(model)) {
    const path = `${model.name}.${name}`;
    for (const kind of ["cpu", "memory"] as const) {
      const { reserve, limit } = resources[kind];
      if (!(reserve > 0) || !(limit > 0) || reserve > limit) {
        problems.push({
          path: `${path}.resources.${kind}`,
          message: `reserves ${reserve} with a limit of ${limit}`,
          fix: "both must be above 0, and the reservation at most the limit",
        });
      }
    }
    if (!Number.isInteger(user.uid) || (user.uid <= 0 && !roots.includes(name))) {
      problems.push({
        path: `${path}.user`,
        message: `user ${user.uid} is root or no user id`,
        fix: "run as a user of its own, with a number above 0",
      });
    }
  }
  for (const { name, scale } of model.workloads) {
    const whole = Number.isInteger(scale.min) && Number.isInteger(scale.max);
    if (!whole || scale.min < 1 || scale.max < scale.min) {
      problems.push({
        path: `${model.name}.${name}.scale`,
        message: `${scale.min} to ${scale.max} instances`,
        fix: "whole numbers, at least 1, and max not below min",
      });
    }
  }
  return problems;
}

/** A variable with such a name holds a secret, unless it is the path of one. */
const SENSITIVE =
  /(?:^|_)(?:PASSWORD|PASSWD|PASS|PASSPHRASE|SECRET|TOKEN|PRIVATE_KEY|API_KEY|ACCESS_KEY|DSN|SECRET_KEY)$/;

function environmentProblems(model: SystemModel): Problem[] {
  const problems: Problem[] = [];
  for (const { name, environment } of runnables(model)) {
    for (const key of Object.keys(environment)) {
      const path = `${model.name}.${name}.environment.${key}`;
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(key)) {
        problems.push({ path, message: "is no name of a variable", fix: "letters, digits, _" });
      }
      if (SENSITIVE.test(key)) {
        problems.push({
          path,
          message: "looks like a secret in plain text",
          fix: "give it under `secrets`: the process gets a file and its path in a *_FILE variable",
        });
      }
    }
  }
  return problems;
}
