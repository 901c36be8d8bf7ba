import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { ruleFile } from "../../components/observability/rules";
import { checkId, type HealthCheck } from "../../model/health";
import { run } from "../support/commands";
import { watchedShop } from "../support/watched";
import { checkCases, NOW } from "./health-cases";
import { program } from "./monitoring-tools";
import { BUILD_MS } from "./tools";

jest.setTimeout(60_000);

/** What Prometheus itself makes of every health check that it answers: its level at each limit (FV-08, GG-08). */
const models = watchedShop();
const LEVELS = { well: 0, warning: 1, critical: 2 } as const;

let promtool: string;
let folder: string;
beforeAll(async () => {
  promtool = await program("promtool");
  folder = mkdtempSync(join(tmpdir(), "atalaya-health-"));
}, BUILD_MS);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const asked = models.flatMap((model) =>
  model.checks.filter(({ ask }) => ask.kind === "query").map((check) => ({ model, check })),
);

test("every check that Prometheus answers has a case for each of its limits, and one where it is well", () => {
  const wanted = asked
    // The second service is there for its links.
    .filter(({ check }) => check.component !== "worker")
    .flatMap(({ model, check: { component, name, limits } }) =>
      (["well", "warning", "critical"] as const)
        .filter((level) => level === "well" || limits?.[level] !== undefined)
        .map((level) => `${model.name}/${component}/${name} ${level}`),
    );
  const given = checkCases.flatMap(({ system = "shop", component, check, ...of }) =>
    (["well", "warning", "critical"] as const)
      .filter((level) => of[level] !== undefined)
      .map((level) => `${system}/${component}/${check} ${level}`),
  );
  expect([...new Set(given)].sort()).toEqual(wanted.sort());
});

describe.each([...new Set(checkCases.map(({ component }) => component))])("%s", (component) => {
  const cases = checkCases.filter((of) => of.component === component);
  const { model } = asked.find(({ check }) => check.component === component)!;

  test.each([...new Set(cases.map(({ check }) => check))])(
    "%s is well up to its limits, and beyond them what they say",
    async (name) => {
      const isIt = (check: HealthCheck): boolean =>
        check.component === component && check.name === name;
      const check = model.checks.find(isIt)!;
      // Two rules alone: what another check records is no input of this one.
      const rules = join(folder, `${component}-${name}.rules.yml`);
      writeFileSync(rules, stringify(ruleFile({ ...model, alerts: [], checks: [check] }, "")));
      const labels = `check="${checkId(check)}",component="${component}",group="${check.group}",system="${model.name}"`;
      const tests = cases
        .filter((of) => of.check === name)
        .flatMap((of) =>
          (["well", "warning", "critical", "unknown"] as const).flatMap((level) => {
            const series = of[level];
            if (series === undefined) return [];
            const exp_samples =
              level === "unknown"
                ? []
                : [{ labels: `atalaya_health{${labels}}`, value: LEVELS[level] }];
            return [
              {
                interval: "15s",
                input_series: Object.entries(series).map(([s, values]) => ({ series: s, values })),
                promql_expr_test: [
                  {
                    expr: `atalaya_health{system="${model.name}"}`,
                    eval_time: `${NOW}s`,
                    exp_samples,
                  },
                ],
              },
            ];
          }),
        );
      const file = join(folder, `${component}-${name}.test.yml`);
      writeFileSync(file, stringify({ rule_files: [rules], evaluation_interval: "5m", tests }));
      const { code, stdout, stderr } = await run(promtool, ["test", "rules", file]);
      expect(code === 0 ? "" : `${stdout}${stderr}`).toBe("");
    },
  );
});
