/** One task: `docker service ps` or `docker node ps` with `--no-trunc --format '{{json .}}'`. */
export interface TaskLine {
  readonly ID: string;
  readonly Name: string;
  readonly Image: string;
  /** Host name; empty where the task has none yet. */
  readonly Node: string;
  readonly DesiredState: string;
  readonly CurrentState: string;
  readonly Error: string;
}

/** The part of `docker service inspect` that tells how its last update went. */
export interface ServiceInspection {
  readonly ID: string;
  readonly Spec: { readonly Name: string };
  readonly UpdateStatus?: {
    readonly State?: string;
    readonly StartedAt?: string;
    readonly CompletedAt?: string;
    readonly Message?: string;
  };
}

/** A service that the engine put back to its former version. */
export interface RolledBack {
  readonly id: string;
  readonly service: string;
  /** In the engine's words. */
  readonly message: string;
}

/**
 * The services whose update was rolled back after a moment.
 *
 * @param since milliseconds since 1970
 */
export function rolledBackSince(
  services: readonly ServiceInspection[],
  since: number,
): readonly RolledBack[] {
  return services
    .filter(({ UpdateStatus: status }) => {
      if (!status?.State?.startsWith("rollback_")) return false;
      // A rollback that has not ended yet has no time of completion.
      const at = Date.parse(status.CompletedAt ?? status.StartedAt ?? "");
      return !(at < since);
    })
    .map(({ ID, Spec, UpdateStatus }) => ({
      id: ID,
      service: Spec.Name,
      message: UpdateStatus?.Message ?? UpdateStatus?.State ?? "",
    }));
}

/** The services that the engine is changing right now. */
export function inMotion(services: readonly ServiceInspection[]): readonly string[] {
  return services
    .filter(({ UpdateStatus }) =>
      ["updating", "rollback_started"].includes(UpdateStatus?.State ?? ""),
    )
    .map(({ Spec }) => Spec.Name);
}

/** The tasks of `docker`'s output: one a line. */
export const taskLines = (text: string): readonly TaskLine[] =>
  text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => JSON.parse(line) as TaskLine);

/** A task's error as the engine has it: `docker` puts it in quotes. */
export const withoutQuotes = (error: string): string => error.replace(/^"|"$/g, "");

/** The distinct errors of a service's tasks, the newest first. */
export function taskErrors(lines: string, limit = 3): readonly string[] {
  const errors = taskLines(lines)
    .filter(({ Error: error }) => error !== "")
    .map(({ Error: error }) => withoutQuotes(error));
  return [...new Set(errors)].slice(0, limit);
}

/** The task that failed last, whose log tells why; undefined when none failed. */
export function lastFailedTask(lines: string): string | undefined {
  return taskLines(lines).find(({ Error: error }) => error !== "")?.ID;
}
