import { block, code, counted, folded, table, warning } from "../markdown";
import type { Change, Fate } from "./manifests";

/** What differs in one stack, or between two folders. */
export interface Comparison {
  /** Whose manifests, for example `stack prod`. */
  readonly of: string;
  readonly changes: readonly Change[];
}

const FATES: readonly Fate[] = ["added", "changed", "replaced", "removed"];

/** Characters of Markdown that a summary may have. GitHub takes 65,536 in a comment. */
const ROOM = 60_000;

/**
 * Differences as Markdown: what endangers data first, then counts by system, then every object. Details
 * that have no room are left out, and it says so.
 * @param room characters. @default 60000
 */
export function comparisonSummary(comparisons: readonly Comparison[], room = ROOM): string {
  const parts = comparisons.map(({ of, changes }) =>
    [`### Manifests of ${of}`, ...overview(changes)].join("\n\n"),
  );
  let left = room - parts.join("\n\n").length;
  let cut = 0;
  const details = comparisons.map(({ changes }) =>
    changes.flatMap((change) => {
      const text = detail(change);
      if (text.length > left) {
        cut += 1;
        return [];
      }
      left -= text.length;
      return [text];
    }),
  );
  return [
    ...parts.flatMap((part, i) => [part, ...details[i]!]),
    ...(cut === 0
      ? []
      : [
          `${counted(cut, "object")} had no room here: run \`npx atalaya compare\` yourself to see all.`,
        ]),
  ].join("\n\n");
}

function overview(changes: readonly Change[]): string[] {
  if (changes.length === 0) return ["No difference."];
  const endangered = changes.filter(({ data }) => data !== undefined);
  const systems = [...new Set(changes.map(({ system }) => system))].sort();
  const count = (system: string, fate: Fate): string =>
    String(changes.filter((one) => one.system === system && one.fate === fate).length);
  return [
    ...(endangered.length === 0
      ? []
      : [
          warning(
            `Data: look at ${counted(endangered.length, "object")} before you merge`,
            endangered.map((one) => `**${one.fate}** ${name(one)}: ${one.data!}`),
          ),
        ]),
    table(
      ["system", ...FATES],
      systems.map((system) => [code(system), ...FATES.map((fate) => count(system, fate))]),
    ),
  ];
}

const name = ({ kind, namespace, name: own }: Change): string =>
  `${kind} ${code(namespace === "" ? own : `${namespace}/${own}`)}`;

const detail = (change: Change): string =>
  folded(
    `${change.fate} ${change.kind} <code>${html(change.name)}</code>`,
    block(change.diff, "diff"),
  );

const html = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
