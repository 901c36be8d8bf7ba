/**
 * Bad input is reported all at once: every problem has the path of what is wrong, what was
 * expected, and the fix. A secret's value never appears in one.
 */
export interface Problem {
  /** Where: a property path such as `grupo-gad.api.links[0]`. */
  readonly path: string;
  /** What is wrong, with the type of what was given, never a secret's value. */
  readonly message: string;
  /** What to do about it, as an instruction. */
  readonly fix?: string;
}

/** Thrown once, with everything that is wrong. Its message is complete: print it without a stack. */
export class ProblemsError extends Error {
  override readonly name = "ProblemsError";

  constructor(
    readonly subject: string,
    readonly problems: readonly Problem[],
  ) {
    super(formatProblems(subject, problems));
  }
}

/** One problem for people, its fix under it. @param indent before each of both lines @default none */
export const formatProblem = ({ path, message, fix }: Problem, indent = ""): string =>
  `${indent}${path}: ${message}${fix === undefined ? "" : `\n${indent}  fix: ${fix}`}`;

/** One message for people: a heading, then each problem with its fix under it. */
export function formatProblems(subject: string, problems: readonly Problem[]): string {
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  const rows = problems.map((problem) => formatProblem(problem, "  "));
  return [`${subject}: ${count}`, ...rows].join("\n");
}

/** @throws ProblemsError when there is at least one problem */
export function throwIfAny(subject: string, problems: readonly Problem[]): void {
  if (problems.length > 0) throw new ProblemsError(subject, problems);
}

/**
 * The known word that was most likely meant, for “did you mean …?”.
 * Distance is Levenshtein's, at most a third of the word's length (and 1 at least).
 */
export function didYouMean(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const distance = levenshtein(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function levenshtein(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(previous[j]! + 1, current[j - 1]! + 1, substitution));
    }
    previous = current;
  }
  return previous[b.length]!;
}
