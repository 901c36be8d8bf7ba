import type { SystemModel } from "../../../model/system";
import { readConfigFile } from "../../../stack/config-file";
import { describeStack } from "../../../stack/describe";
import { systems } from "../../../systems";
import { measured } from "../../support/measurements";
import { type Answer, panelQueries, unanswered } from "../../support/panels";
import { until } from "../../support/poll";
import type { Workspace } from "../../support/workspace";

/** A watched stack as these cases see it. */
export interface Watching {
  readonly stack: Workspace;
  /** An instant query to the stack's own Prometheus; rejects where it is refused. */
  readonly ask: (expr: string) => Promise<Answer>;
  /** Uses the system as people do: a service that nobody asked shows no requests. */
  readonly visit: () => Promise<unknown>;
}

/** Two rounds of questions for metrics, and what they need to be kept. */
const WITHIN = { within: 180_000, every: 10_000 };

/** The stack as its file describes it; with dashboards, whether or not Grafana's image is to be had here. */
export function shown({ stack: name, configFile }: Workspace): readonly SystemModel[] {
  const raw = readConfigFile(configFile, "atalaya");
  const own = JSON.parse(raw.values["observability"] ?? "{}") as object;
  const observability = JSON.stringify({ ...own, dashboards: true });
  return describeStack(name, { ...raw, values: { ...raw.values, observability } }, systems).systems;
}

/** Every question of every panel has an answer where the system runs (FV-07, PR-03, GG-06). */
export function dashboards(watching: () => Watching): void {
  test("each question of each panel has an answer", async () => {
    const { stack, ask, visit } = watching();
    const questions = panelQueries(shown(stack));
    expect(questions.length).toBeGreaterThan(50);
    let without: string[] = [];
    await until("all have one", WITHIN, async () => {
      await visit();
      without = await unanswered(questions, ask);
      return without.length === 0;
    }).catch(() => undefined);
    expect(without).toEqual([]);
    measured("panels of a watched stack", { questions: questions.length });
  });
}
