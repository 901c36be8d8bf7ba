import { type Dashboard, dashboards } from "../../components/observability/grafana/dashboards";
import type { Panel, PanelQuery, PanelSource } from "../../model/dashboard";
import type { SystemModel } from "../../model/system";

/** One question of one panel, and where it stands. */
export interface Asked extends PanelQuery {
  /** @example "system-shop: Answer time (api)" */
  readonly at: string;
  readonly panel: Panel;
  readonly dashboard: Dashboard;
}

/** Every question of every panel of every dashboard, to Prometheus or to Loki. */
export const panelQueries = (
  systems: readonly SystemModel[],
  source: PanelSource = "metrics",
): Asked[] =>
  dashboards(systems).flatMap((dashboard) =>
    dashboard.rows.flatMap(({ panels }) =>
      panels
        .filter((panel) => (panel.source ?? "metrics") === source)
        .flatMap((panel) =>
          panel.queries.map((query) => ({
            ...query,
            at: `${dashboard.uid}: ${panel.title} (${query.legend})`,
            panel,
            dashboard,
          })),
        ),
    ),
  );

/** Names of metrics in PromQL of ours: what stands before a selector, or alone in brackets or at an end. */
export function metricsOf(expr: string): string[] {
  const plain = expr
    .replace(/"(?:[^"\\]|\\.)*"/g, '""')
    .replace(/\{[^}]*\}/g, "")
    .replace(/\[[^\]]*\]/g, "")
    .replace(/\b(?:by|on|without|ignoring) ?\([^)]*\)/g, "");
  const words = [...plain.matchAll(/[a-zA-Z_:][\w:]*(?!\w)(?! *\()/g)].map(([word]) => word);
  return [...new Set(words.filter((word) => !/^(?:or|and|unless|bool|by|on|Inf|NaN)$/.test(word)))];
}

/** What Prometheus answers to an instant query. */
export type Answer = readonly { readonly value: readonly [number, string] }[];

/** Each question may be a process of its own. */
const AT_ONCE = 6;

/**
 * Questions that nothing answers, though something should: those that may be empty are asked all the same, since an
 * error is one for them, too.
 * @param ask rejects where Prometheus refuses the question
 */
export async function unanswered(
  questions: readonly Asked[],
  ask: (expr: string) => Promise<Answer>,
): Promise<string[]> {
  const found: string[] = [];
  const waiting = [...questions];
  const askOn = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { at, expr, mayBeEmpty } = next;
      try {
        const numbers = (await ask(expr)).filter(({ value: [, text] }) => text !== "NaN");
        if (numbers.length === 0 && !mayBeEmpty) found.push(`${at}: no number`);
      } catch (error) {
        found.push(`${at}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, askOn));
  return found;
}
