import type { SystemModel } from "../../../model/system";
import { readStackFile } from "../../../operations/setup/stack-file";
import { configOf } from "../../../stack/config-file";
import { describeStack } from "../../../stack/describe";
import { systems } from "../../../systems";
import { measured } from "../../support/measurements";
import { type Answer, type Asked, panelQueries, unanswered } from "../../support/panels";
import { until } from "../../support/poll";
import type { Workspace } from "../../support/workspace";

/** A watched stack as these cases see it. */
export interface Watching {
  readonly stack: Workspace;
  /** An instant query to the stack's own Prometheus; rejects where it is refused. */
  readonly ask: (expr: string) => Promise<Answer>;
  /** Uses the system as people do: a service that nobody asked shows no requests. @default nobody does */
  readonly visit?: () => Promise<unknown>;
  /**
   * What a question has to answer here, where that is more than anything at all: of those that may be empty elsewhere,
   * and of those that count what `visit` does. @default nothing more
   */
  readonly here?: (question: Asked) => Asked;
  /** Address of the only dashboard that is asked. @default all are */
  readonly dashboard?: string;
}

/** Two rounds of questions for metrics, and what they need to be kept. */
const WITHIN = { within: 180_000, every: 10_000 };

/** The stack as its file describes it; with dashboards, whether or not Grafana's image is to be had here. */
export function shown({ stack: name, folder }: Workspace): readonly SystemModel[] {
  const raw = configOf(readStackFile(folder, name).config ?? {}, "atalaya");
  const own = JSON.parse(raw.values["observability"] ?? "{}") as object;
  const observability = JSON.stringify({ ...own, dashboards: true });
  return describeStack(name, { ...raw, values: { ...raw.values, observability } }, systems).systems;
}

/**
 * Waits until every question has its answer where the system runs (FV-07, PR-03, GG-06).
 * @returns how many there are
 */
export async function answered(watching: Watching): Promise<number> {
  const { stack, ask, visit, here = (question) => question, dashboard } = watching;
  const questions = panelQueries(shown(stack))
    .filter((question) => dashboard === undefined || question.dashboard.uid === dashboard)
    .map(here);
  let without: string[] | undefined;
  await until("all have one", WITHIN, async () => {
    await visit?.();
    without = await unanswered(questions, ask);
    return without.length === 0;
  }).catch((error: unknown) => {
    // Nobody got as far as a question.
    if (without === undefined) throw error;
  });
  expect(without).toEqual([]);
  return questions.length;
}

/** Every question of every panel. */
export function dashboards(watching: () => Watching): void {
  test("each question of each panel has an answer", async () => {
    const questions = await answered(watching());
    expect(questions).toBeGreaterThan(50);
    measured("panels of a watched stack", { questions });
  });
}
