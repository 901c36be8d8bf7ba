/**
 * Exit codes of the `atalaya` command line; `atalaya --help` lists them. `audit` and `health`, which give a verdict,
 * have their own, which their help lists.
 */
export const ExitCode = {
  ok: 0,
  /** The work was tried and failed. */
  failed: 1,
  /** A wrong argument, or input that cannot be used. */
  usage: 2,
  /** Something this machine lacks; nothing was changed. */
  missing: 3,
  /** The engine rolled a release back: the old version is running. */
  rolledBack: 4,
} as const;

/** One of {@link ExitCode}'s values. */
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/**
 * An error that a person can do something about: printed as problem and fix, without a stack trace.
 * The texts never contain a secret's value.
 */
export class UserError extends Error {
  /**
   * @param problem what is wrong, one sentence
   * @param fix what to do about it; several lines are possible
   * @param exitCode default {@link ExitCode.failed}
   */
  constructor(
    readonly problem: string,
    readonly fix: string,
    readonly exitCode: ExitCode = ExitCode.failed,
    options?: ErrorOptions,
  ) {
    super(problem, options);
    this.name = "UserError";
  }
}

/** The person pressed Ctrl-C, or the process was told to end. */
export class Interrupted extends Error {
  constructor(
    readonly signal: NodeJS.Signals,
    readonly number: number,
    /** What to do now. */
    readonly fix = "Run the same command again: it goes on where this stopped.",
  ) {
    super(`interrupted by ${signal}`);
    this.name = "Interrupted";
  }

  /** The same, where whoever was at it knows better what to do. */
  advising(fix: string): Interrupted {
    return new Interrupted(this.signal, this.number, fix);
  }
}

/** Text of an error of any kind. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
