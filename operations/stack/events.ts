/** What the engine reported while it worked, from Pulumi's event log. */
export interface UpdateReport {
  /** Errors, each once, without colour codes. */
  readonly errors: readonly { readonly urn?: string; readonly message: string }[];
  /** How many resources were created, updated, deleted, left the same, …. */
  readonly changes: Readonly<Record<string, number>>;
}

/** One event, as far as it is read here; the names are Pulumi's (`apitype.EngineEvent`). */
export interface EngineEvent {
  readonly diagnosticEvent?: {
    readonly urn?: string;
    readonly message?: string;
    readonly severity?: string;
    readonly ephemeral?: boolean;
  };
  readonly summaryEvent?: { readonly resourceChanges?: Record<string, number> };
  readonly resourcePreEvent?: { readonly metadata: ResourceStep };
  readonly policyEvent?: {
    readonly resourceUrn?: string;
    readonly message: string;
    readonly policyName: string;
    readonly policyPackName: string;
    readonly enforcementLevel: string;
  };
}

/** What is going to happen to one resource. */
export interface ResourceStep {
  readonly op: string;
  readonly urn: string;
  readonly type: string;
  readonly old?: StepState | null;
  readonly new?: StepState | null;
  /** What forces a replacement. */
  readonly keys?: readonly string[] | null;
  /** What differs. */
  readonly diffs?: readonly string[] | null;
}

interface StepState {
  readonly protect?: boolean;
  readonly retainOnDelete?: boolean;
}

/** All events of a log: one JSON object a line; a line that was cut off is left out. */
export function* events(log: string): Generator<EngineEvent> {
  for (const line of log.split("\n")) {
    try {
      yield JSON.parse(line) as EngineEvent;
    } catch {
      continue;
    }
  }
}

/** What an event log says of errors and changes. */
export function readEvents(log: string): UpdateReport {
  const errors = new Map<string, { urn?: string; message: string }>();
  let changes: Record<string, number> = {};
  for (const { diagnosticEvent: told, summaryEvent: summary } of events(log)) {
    if (told?.severity === "error" && told.message) {
      const message = plain(told.message);
      errors.set(`${told.urn ?? ""}\0${message}`, {
        ...(told.urn ? { urn: told.urn } : {}),
        message,
      });
    }
    if (summary?.resourceChanges) changes = summary.resourceChanges;
  }
  return { errors: [...errors.values()], changes };
}

/** A message without Pulumi's colour marks (`<{%…%}>`) and terminal codes. */
export function plain(message: string): string {
  return (
    message
      .replace(/<\{%[^%]*%\}>/g, "")
      // eslint-disable-next-line no-control-regex -- terminal codes begin with a control character
      .replace(/\u001b\[[0-9;]*m/g, "")
      .trim()
  );
}

/**
 * Whether an update failed because the engine no longer has something that Pulumi's state has: a
 * service's delete that failed although the engine removed it, for one. A refresh and a second try
 * help then.
 */
export function isStale(report: UpdateReport): boolean {
  return report.errors.some(({ message }) =>
    /\b(service|secret|config|network|volume)\b.*\bnot found\b|no such (service|secret|config|network|volume)|still not removed|context deadline exceeded.*delet/is.test(
      message,
    ),
  );
}

/** The names that were taken when Pulumi wanted to create something of its own. */
export function alreadyExisting(
  report: UpdateReport,
): readonly { readonly urn?: string; readonly message: string }[] {
  return report.errors.filter(({ message }) =>
    /already exists|name conflicts with an existing object/i.test(message),
  );
}
