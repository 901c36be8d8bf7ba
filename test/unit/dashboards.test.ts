import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { dashboardJson } from "../../components/observability/grafana/json";
import { type Dashboard, dashboards } from "../../components/observability/grafana/dashboards";
import { LABELS } from "../../components/observability/logs/store-config";
import { allAlerts } from "../../components/observability/page";
import { Service } from "../../components/service";
import { in_, System } from "../../components/system";
import type { Panel } from "../../model/dashboard";
import type { SystemModel } from "../../model/system";
import { swarm } from "../../platforms/swarm/swarm";
import { floresVictoria } from "../../systems/flores-victoria";
import { grupoGad } from "../../systems/grupo-gad";
import { pronto } from "../../systems/pronto";
import { readLogql } from "../support/logql";
import { panelQueries } from "../support/panels";
import { describeObserved, IMAGES } from "../support/systems";
import { alertsOf, watchedShop } from "../support/watched";

/** Dashboards are collected from what components show of themselves (FV-07, PR-03, GG-06). */
const PAGE = "https://docs.example.org/alerts";
const shop = watchedShop();
const ours = describeObserved(swarm, "dev", [
  [floresVictoria, {}],
  [grupoGad, {}],
  [pronto, {}],
]);

const panelsOf = ({ rows }: Dashboard): readonly Panel[] => rows.flatMap(({ panels }) => panels);
const find = (systems: readonly SystemModel[], uid: string): Dashboard =>
  dashboards(systems).find((dashboard) => dashboard.uid === uid)!;

test("one a system, one a service, one a kind of component", () => {
  const byFolder = (folder: Dashboard["folder"]): string[] =>
    dashboards(ours)
      .filter((dashboard) => dashboard.folder === folder)
      .map(({ uid }) => uid);
  expect(byFolder("Systems")).toEqual([
    "system-flores-victoria",
    "system-grupo-gad",
    "system-pronto",
  ]);
  expect(byFolder("Services")).toEqual(
    ours.flatMap(({ name, components }) =>
      components
        .filter(({ kind }) => kind === "Service")
        .map((of) => `service-${name}--${of.name}`)
        // One character more than Grafana takes.
        .map((uid) =>
          uid === "service-flores-victoria--wishlist-service"
            ? "service-flores-victoria--wish-1b1e2535e8"
            : uid,
        ),
    ),
  );
  expect(byFolder("Components")).toEqual(
    [
      "postgresql",
      "mongodb",
      "redis",
      "gateways",
      "pgbouncer",
      "machines",
      "containers",
      "monitoring",
    ].map((kind) => `kind-${kind}`),
  );
});

test("a component that is added is shown, without another word", () => {
  const titles = find(shop, "kind-redis").rows.map(({ title }) => title);
  expect(titles).toEqual(["shop / sessions", "shop / pages"]);
  expect(find(shop, "kind-backups").rows.map(({ title }) => title)).toEqual([
    "shop / db",
    "shop / documents",
    "shop / sessions",
  ]);
});

test("nobody observes: nothing is shown", () => {
  expect(dashboards(ours.map((model) => ({ ...model, showings: [] })))).toEqual([]);
});

test("a system has the golden signals of all its components, each line named by its component (GG-06)", () => {
  const { rows } = find(shop, "system-shop");
  expect(rows.map(({ title }) => title)).toEqual([
    "How it is",
    "Traffic",
    "Errors",
    "Duration",
    "Saturation",
    "What it prints",
  ]);
  const [requests] = rows[1]!.panels;
  expect(requests).toMatchObject({
    title: "Requests",
    queries: [{ legend: "api" }, { legend: "worker" }],
  });
});

test("Pronto's own figures come first: orders a minute and what was paid (PR-03)", () => {
  const [, first] = find(ours, "system-pronto").rows;
  expect(first).toMatchObject({
    title: "What it is for",
    panels: [
      { title: "Orders per minute", unit: "per minute" },
      { title: "Revenue per minute", unit: { currency: "MXN" } },
    ],
  });
});

test("a service has P50, P95 and P99, by endpoint too, saturation and WebSocket connections (PR-03, GG-06)", () => {
  const titles = panelsOf(find(ours, "service-grupo-gad--api")).map(({ title }) => title);
  expect(titles).toEqual(
    expect.arrayContaining([
      "Answer time",
      "P50 by endpoint",
      "P95 by endpoint",
      "P99 by endpoint",
      "Processor time, of the limit",
      "Memory, of the limit",
      "Open WebSocket connections",
      "Connections to the database",
    ]),
  );
});

describe("what containers print", () => {
  const asked = panelQueries(shop, "logs");
  const of = (uid: string): [title: string, expr: string][] =>
    asked
      .filter(({ dashboard }) => dashboard.uid === uid)
      .map(({ panel, expr }) => [panel.title, expr]);

  test("each service's page ends with its errors and its lines, each system's with the errors of all (FV-09, PR-04)", () => {
    expect(of("service-shop--api")).toEqual([
      ["Lines by level", '60 * sum by (level) (rate({system="shop", service=~"api"}[5m]))'],
      ["Errors", '{system="shop", service=~"api", level=~"fatal|error"}'],
      ["Lines", '{system="shop", service=~"api"}'],
    ]);
    expect(of("system-shop")).toEqual([
      ["Lines by level", '60 * sum by (level) (rate({system="shop"}[5m]))'],
      ["Errors of all", '{system="shop", level=~"fatal|error"}'],
    ]);
    for (const uid of ["service-shop--api", "system-shop"]) {
      expect(find(shop, uid).rows.at(-1)!.title).toBe("What it prints");
    }
    // One service more, or one system, has them without another word.
    expect(new Set(asked.map(({ dashboard }) => dashboard.uid))).toEqual(
      new Set(
        dashboards(shop)
          .filter(({ folder }) => folder !== "Components")
          .map(({ uid }) => uid),
      ),
    );
  });

  test("is shown only where it is kept", () => {
    expect(panelQueries(ours, "logs")).toEqual([]);
  });

  test("is asked for in LogQL as Grafana's own grammar has it, by labels that the store has", () => {
    for (const { expr } of asked) {
      const { wrong, labels } = readLogql(expr);
      expect(wrong).toEqual([]);
      expect(labels.filter((label) => !LABELS.includes(label as never))).toEqual([]);
      expect(labels).toContain("system");
    }
    // It would not take anything.
    expect(readLogql("{system=shop}").wrong).not.toEqual([]);
    expect(readLogql('sum by (level) (rate({system="shop"}))').wrong).not.toEqual([]);
  });

  test("a service without metrics of its own has a page for it all the same", () => {
    const pages = (logged: boolean): Dashboard[] => {
      const system = new System("shop", {
        ...{ images: IMAGES, surroundings: swarm.surroundings, observed: true, logged },
      });
      const health = { live: "/live", ready: "/ready" };
      const resources = {
        cpu: { reserve: 0.1, limit: 1 },
        memory: { reserve: "64 MiB", limit: "128 MiB" },
      } as const;
      const of = { image: "example.org/bot:1", port: 8000, metrics: false, health, resources };
      new Service("bot", of as Service["args"], in_(system));
      return dashboards([system.describe()]);
    };
    expect(pages(false)).toEqual([]);
    expect(pages(true)).toMatchObject([
      { uid: "service-shop--bot", rows: [{ title: "What it prints" }] },
    ]);
  });
});

test("an address is stable, unique and no longer than Grafana takes", () => {
  const system = { ...shop[0]!, name: "a-system-with-quite-a-long-name" };
  const uids = dashboards([...ours, system]).map(({ uid }) => uid);
  expect(new Set(uids).size).toBe(uids.length);
  expect(uids.filter((uid) => uid.length > 40)).toEqual([]);
  expect(dashboards([...ours, system]).map(({ uid }) => uid)).toEqual(uids);
  const cut = uids.filter((uid) => uid.startsWith("service-a-system"));
  expect(cut).toHaveLength(3);
  for (const uid of cut) expect(uid).toMatch(/^service-a-system-with-quite-a-[\da-f]{10}$/);
});

test.each([
  ["a-b", "c", "a", "b-c"],
  ["a--b", "c", "a", "b--c"],
  ["a", "b--c-d", "a--b", "c-d"],
])("%s/%s and %s/%s have addresses of their own", (system, component, other, another) => {
  const one = shop[0]!.showings.find(({ on }) => on === "each")!;
  const of = (name: string, its: string): SystemModel => ({
    ...{ ...shop[0]!, name },
    showings: [{ ...one, component: its }],
  });
  const uids = dashboards([of(system, component), of(other, another)])
    .filter(({ folder }) => folder === "Services")
    .map(({ uid }) => uid);
  expect(uids).toHaveLength(2);
  expect(new Set(uids).size).toBe(2);
});

/** A threshold in a panel, and the alert that it is of. */
const limits = [shop, ours].flatMap((systems) =>
  systems.flatMap((model) =>
    model.showings.flatMap(({ component, rows }) =>
      rows.flatMap(({ panels }) =>
        panels.flatMap((panel) =>
          panel.alert === undefined || panel.limits === undefined
            ? []
            : [{ system: model.name, component, panel, alert: panel.alert, of: systems }],
        ),
      ),
    ),
  ),
);

test("each threshold is the limit of an alert of the same component", () => {
  // The alert that a panel names has one of its limits; a milder one of the same name's family the other.
  const wrong = limits.flatMap(({ system, component, panel, alert, of }) => {
    const texts = alertsOf(of)
      .filter((known) => known.system === system && known.component === component)
      .map(({ name, expr }) => ({ name, expr }));
    const { beyond, warning, critical } = panel.limits!;
    const sign = beyond === "above" ? ">" : "<";
    const stands = (limit: number, among: typeof texts): boolean =>
      among.some(({ expr }) =>
        [`${sign} ${limit}`, ...(beyond === "below" && limit === 1 ? ["== 0"] : [])].some(
          (end) => expr.endsWith(end) || expr.includes(`${end} and `),
        ),
      );
    const own = texts.filter(({ name }) => name === alert);
    const named = [warning, critical].filter((limit) => limit !== undefined);
    const ok =
      named.some((limit) => stands(limit, own)) && named.every((limit) => stands(limit, texts));
    return ok ? [] : [`${system}/${component} ${panel.title}: ${alert}`];
  });
  expect(limits.length).toBeGreaterThan(50);
  expect(wrong).toEqual([]);
});

test("each alert that a panel names is one", () => {
  const known = new Set(allAlerts.map(({ name }) => name));
  const named = [shop, ours]
    .flatMap((of) => panelQueries(of))
    .flatMap(({ panel }) => panel.alert ?? []);
  expect(named.filter((name) => !known.has(name))).toEqual([]);
});

describe("as Grafana reads it", () => {
  interface Json {
    readonly uid: string;
    readonly editable: boolean;
    readonly panels: readonly {
      readonly id: number;
      readonly type: string;
      readonly title: string;
      readonly description?: string;
      readonly links?: readonly { readonly title: string; readonly url: string }[];
      readonly gridPos: { readonly x: number; readonly y: number; readonly w: number };
      readonly targets?: readonly { readonly expr: string; readonly refId: string }[];
      readonly fieldConfig?: {
        readonly defaults: {
          readonly unit: string;
          readonly thresholds: { readonly steps: readonly object[] };
        };
      };
    }[];
  }
  const json = (dashboard: Dashboard, page = PAGE): Json =>
    JSON.parse(dashboardJson(dashboard, page)) as Json;
  const panel = (uid: string, title: string, page = PAGE): Json["panels"][number] =>
    json(find(shop, uid), page).panels.find((of) => of.title === title)!;

  test("every panel keeps its queries, and no two share a place or a number", () => {
    for (const dashboard of [...dashboards(shop), ...dashboards(ours)]) {
      const { panels } = json(dashboard);
      const wanted = panelsOf(dashboard).flatMap(({ queries }) => queries.map(({ expr }) => expr));
      expect(panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))).toEqual(wanted);
      expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
      const places = panels.map(({ gridPos }) => `${gridPos.x} ${gridPos.y}`);
      expect(new Set(places).size).toBe(panels.length);
      expect(panels.filter(({ gridPos: { x, w } }) => x + w > 24)).toEqual([]);
    }
  });

  test("what was printed is asked of Loki, everything else of Prometheus", () => {
    const { panels } = JSON.parse(dashboardJson(find(shop, "service-shop--api"), PAGE)) as {
      panels: {
        type: string;
        title: string;
        gridPos: { w: number };
        datasource?: { uid: string };
        targets?: { datasource: { uid: string }; queryType?: string }[];
      }[];
    };
    for (const { title, targets = [], datasource } of panels.filter(({ type }) => type !== "row")) {
      const logs = ["Lines by level", "Errors", "Lines"].includes(title);
      expect([title, datasource!.uid]).toEqual([title, logs ? "loki" : "prometheus"]);
      expect(targets.map((target) => target.datasource.uid)).toEqual(
        targets.map(() => datasource!.uid),
      );
      expect(targets.map(({ queryType }) => queryType)).toEqual(
        targets.map(() => (logs ? "range" : undefined)),
      );
    }
    const text = panels.filter(({ type }) => type === "logs");
    expect(text.map(({ title, gridPos: { w } }) => [title, w])).toEqual([
      ["Errors", 16],
      ["Lines", 24],
    ]);
  });

  test("limits become colours: above, below, both", () => {
    const colours = (uid: string, title: string): readonly object[] =>
      panel(uid, title).fieldConfig!.defaults.thresholds.steps;
    expect(colours("service-shop--api", "Answer time")).toEqual([
      { value: null, color: "green" },
      { value: 0.2, color: "orange" },
      { value: 0.5, color: "red" },
    ]);
    expect(colours("kind-machines", "Free part of disks")).toEqual([
      { value: null, color: "red" },
      { value: 0.1, color: "green" },
    ]);
    expect(colours("kind-gateways", "Time until a certificate ends")).toEqual([
      { value: null, color: "red" },
      { value: 7 * 86_400, color: "orange" },
      { value: 21 * 86_400, color: "green" },
    ]);
    expect(colours("service-shop--api", "Instances that answer")).toEqual([
      { value: null, color: "orange" },
      { value: 2, color: "green" },
    ]);
  });

  test("a panel leads to what to do; a page without an address is only named", () => {
    const of = ["kind-postgresql", "Connections in use, of all"] as const;
    expect(panel(...of).links).toMatchObject([
      { title: "DatabaseConnectionsHigh", url: `${PAGE}#databaseconnectionshigh` },
    ]);
    const local = panel(...of, "docs/alerts.md");
    expect(local.links).toBeUndefined();
    expect(local.description).toContain("docs/alerts.md#databaseconnectionshigh");
  });

  test("the same system gives the same text: its golden files", () => {
    const folder = path.join(__dirname, "..", "golden", "files", "dashboards");
    const all = dashboards(shop);
    if (process.env["UPDATE_GOLDEN"] === "1") {
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder, { recursive: true });
      for (const one of all) writeFileSync(`${folder}/${one.uid}.json`, dashboardJson(one, PAGE));
    }
    for (const one of all) {
      const file = `${folder}/${one.uid}.json`;
      expect(existsSync(file) ? readFileSync(file, "utf8") : "").toBe(dashboardJson(one, PAGE));
    }
  });
});
