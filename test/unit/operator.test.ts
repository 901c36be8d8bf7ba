import type { Service } from "kubernetes-types/core/v1";
import { parse } from "yaml";
import { portOf } from "../../operations/commands/open";
import { askAll, type StackCheck } from "../../operations/health/ask";
import { itsInstance, type Pod } from "../../operations/health/cluster";
import { CannotAsk, type HealthEngine } from "../../operations/health/engine";
import { OBSERVER } from "../../model/observability";
import { ProblemsError } from "../../model/problems";
import type { SystemModel } from "../../model/system";
import { kubernetes } from "../../platforms/kubernetes/kubernetes";
import type { ServiceMonitorSpec } from "../../platforms/kubernetes/monitors";
import type { Manifest } from "../../platforms/kubernetes/objects";
import { loadConfig as policyConfig } from "../../policies/engine/config";
import { evaluate } from "../../policies/engine/evaluate";
import { fromManifest } from "../../policies/engine/subject";
import { rules } from "../../policies/rules";
import type { RawConfig } from "../../stack/config";
import { type DescribedStack, describeStack } from "../../stack/describe";
import { type Kubectl, operatorProblems, type Prometheus } from "../../stack/kubernetes/operator";
import { kubernetesSite } from "../../stack/sites";
import { systems } from "../../systems";
import { OPERATOR } from "../support/systems";

const raw = (values: Record<string, string>): RawConfig => ({ values, isSecret: () => true });

const CHOSEN = {
  systems: '["pronto","grupo-gad"]',
  platform: "kubernetes",
  monitoring: "full",
  logs: "on",
};
const handing = (operator: object): { kubernetes: string } => ({
  kubernetes: JSON.stringify({ prometheusOperator: operator }),
});
const described = (values: Record<string, string>): DescribedStack =>
  describeStack("staging", raw(values), systems);

const own = described(CHOSEN);
const handed = described({ ...CHOSEN, ...handing({ labels: OPERATOR.labels }) });

const observer = ({ systems: models }: DescribedStack): SystemModel =>
  models.find(({ name }) => name === OBSERVER.system)!;
const collection = observer(handed).collection!;

describe("the key kubernetes.prometheusOperator", () => {
  const problems = (values: Record<string, string>): string => {
    try {
      described({ ...CHOSEN, ...values });
    } catch (error) {
      if (error instanceof ProblemsError) return error.message;
      throw error;
    }
    return "";
  };

  test("has what kube-prometheus-stack has, but for its release", () => {
    expect(kubernetesSite("staging", handed.config.site).prometheusOperator).toEqual(OPERATOR);
    expect(kubernetesSite("staging", own.config.site)).not.toHaveProperty("prometheusOperator");
  });

  test("is nothing for Swarm, and says what to do", () => {
    expect(problems({ platform: "swarm", ...handing({}) })).toMatch(
      /kubernetes\.prometheusOperator: is a matter of a cluster: swarm has no operators[^]*pulumi config rm/,
    );
  });

  test("needs something to hand over", () => {
    const values = { platform: "kubernetes", ...handing({}) };
    expect(() => describeStack("dev", raw(values), systems)).toThrow(
      /kubernetes\.prometheusOperator: has nothing to hand over: monitoring is off[^]*monitoring full/,
    );
  });

  test.each([
    [
      { labels: { "no good": "x" } },
      /prometheusOperator\.labels\.no good: .*is no name of a label/,
    ],
    [{ labels: { release: "a b" } }, /prometheusOperator\.labels\.release: is no value of a label/],
    [{ namespace: "Monitoring" }, /prometheusOperator\.namespace: is no namespace/],
    [{ pods: {} }, /prometheusOperator\.pods: is empty: every pod of the namespace/],
    [{ label: {} }, /prometheusOperator\.label: is no known key/],
  ])("refuses %j", (operator, says) => {
    expect(problems(handing(operator))).toMatch(says);
  });

  test("refuses what only a Prometheus of the stack's own would do, all at once", () => {
    const mail = { host: "smtp.example.org", from: "a@example.org", to: "b@example.org" };
    const observability = JSON.stringify({
      ...{ mail, slackChannel: "#alerts", heartbeat: "hc.example.org" },
      ...{ retention: "3 d", storage: "1 GiB", memory: "256 MiB" },
      ...{ dashboards: true, grafanaImage: "x" },
    });
    const said = problems({ ...handing({}), observability });
    for (const key of [
      ...["mail", "slackChannel", "heartbeat", "retention", "storage", "memory"],
      ...["dashboards", "grafanaImage"],
    ]) {
      expect(said).toContain(`observability.${key}: is of the stack's own Prometheus`);
    }
    // Without the operator all of it is taken; that Slack needs its webhook is seen later.
    expect(problems({ observability })).not.toContain("of the stack's own");
  });

  test("takes what holds for both, and asks for no mail address where people are served", () => {
    const observability = JSON.stringify({
      interval: "30 s",
      runbook: "https://docs.example.org/alerts",
      dashboards: false,
    });
    expect(problems({ ...handing({}), observability })).toBe("");
    const said = problems({ profile: "prod", ...handing({}) });
    expect(said).toContain("grupo-gad");
    expect(said).not.toContain("observability");
  });
});

describe("what is handed over", () => {
  const files = (name: RegExp): unknown[] =>
    observer(own)
      .files.filter((file) => name.test(file.name))
      .map(({ content }) => parse(content) as unknown);

  test("replaces Prometheus, Alertmanager and Grafana: who asks from outside stays", () => {
    expect(observer(handed).workloads.map(({ name }) => name)).toEqual([OBSERVER.probes]);
    expect(observer(handed).secrets).toEqual([]);
  });

  test("is the targets that the stack's own Prometheus has, with the same labels and steps", () => {
    const [config] = files(/^prometheus-config$/) as [
      { global: object; scrape_configs: { job_name: string }[] },
    ];
    const { interval, timeout, evaluation } = collection;
    expect(config.global).toEqual({
      scrape_interval: `${interval}s`,
      scrape_timeout: `${timeout}s`,
      evaluation_interval: `${evaluation}s`,
    });
    const gone = /^observability\/(?:prometheus|alertmanager|grafana)$/;
    // Containers of who is not there are nobody's.
    const without = (of: unknown): unknown =>
      JSON.parse(JSON.stringify(of).replaceAll(/\|?(?:prometheus|alertmanager|grafana)\b/g, ""));
    const jobs = collection.targets.map(
      ({ name, path, params, port, system, workload, relabel, relabelMetrics }) => ({
        job_name: name,
        metrics_path: path,
        // Older operators do not know it: a service's own content type is demanded there (docs/configuration.md).
        fallback_scrape_protocol: "PrometheusText0.0.4",
        ...(params === undefined ? {} : { params }),
        dns_sd_configs: [
          {
            names: [kubernetes.instances("staging", system, workload)],
            type: "A",
            port,
            refresh_interval: "5s",
          },
        ],
        relabel_configs: relabel,
        ...(relabelMetrics === undefined ? {} : { metric_relabel_configs: relabelMetrics }),
      }),
    );
    const wanted = config.scrape_configs.filter(({ job_name }) => !gone.test(job_name));
    expect(without(jobs)).toEqual(without(wanted));
    expect(jobs.length).toBeGreaterThan(15);
  });

  test("is the rules that the stack's own Prometheus has, of everybody who is there", () => {
    // Whose containers they are: another Prometheus has the cluster's, too.
    const named = (groups: readonly { name: string }[]): [string, object][] =>
      groups.map((group) => [
        group.name,
        JSON.parse(JSON.stringify(group).replaceAll('{system!=\\"\\"}', "")) as object,
      ]);
    const before = Object.fromEntries(
      (files(/^rules-/) as { groups: { name: string }[] }[]).flatMap(({ groups }) => named(groups)),
    );
    const after = Object.fromEntries(named(collection.rules.flatMap(({ groups }) => groups)));
    // What is recent is of use to our own Alertmanager alone: another one would tell people of it.
    const gone = /^observability\/|\/outages$/;
    const own = Object.entries(before).filter(([name]) => !gone.test(name));
    expect(Object.fromEntries(Object.entries(after).filter(([name]) => !gone.test(name)))).toEqual(
      Object.fromEntries(own),
    );
    expect(own.length).toBeGreaterThan(10);
    expect(Object.keys(after)).not.toContain("observability/prometheus");
    expect(Object.keys(after).filter((name) => name.endsWith("/outages"))).toEqual([]);
  });

  test("asks for series of the stack alone: a cluster's Prometheus has others of the same names", () => {
    /** Selectors of PromQL: a name, and what is in the braces behind it, if there are any. */
    const selectors = (expr: string): string[] =>
      [
        ...expr
          .replace(/"(?:[^"\\]|\\.)*"/g, (text) => text.replace(/[^"]/g, "x"))
          .replace(/\b(?:by|on|without|ignoring|group_left|group_right) ?\([^)]*\)/g, "")
          .matchAll(/(?<![\w:])([a-zA-Z_:][\w:]*)(\{[^}]*\})?(?![\w:]| *\()/g),
      ]
        .filter(([, name]) => !/^(?:or|and|unless|bool|by|on|Inf|NaN|[smhd])$/.test(name!))
        .filter(([whole]) => whole !== "")
        .map(([, name, braces]) => `${name}${braces ?? ""}`)
        .filter((text) => !/^x*$/.test(text));
    const plain = (expr: string): string =>
      expr.replace(/\[[^\]]*\]/g, "").replace(/ offset \w+/g, "");
    const exprs = collection.rules.flatMap(({ groups }) =>
      groups.flatMap(({ rules: of }) => of.map(({ expr }) => expr)),
    );
    expect(selectors('max(a{x="1"}) / b > 2 or vector(0)')).toEqual(['a{x="x"}', "b"]);
    const all = exprs.flatMap((expr) => selectors(plain(expr)));
    expect(all.filter((selector) => !/[{,](?:exported_)?system!?=/.test(selector))).toEqual([]);
    expect(all.length).toBeGreaterThan(100);
  });
});

describe("as objects of a cluster", () => {
  const lowered = (of: DescribedStack): Manifest[] => {
    const site = kubernetesSite(of.stack, of.config.site);
    return of.systems.flatMap((model) =>
      kubernetes.lower(model, site).objects.map(({ manifest }) => manifest),
    );
  };
  const manifests = lowered(handed);
  const ofKind = (kind: string): Manifest[] => manifests.filter((m) => m.kind === kind);

  test("every object that is handed over can be chosen by the labels", () => {
    const given = [...ofKind("ServiceMonitor"), ...ofKind("PrometheusRule")];
    expect(given.length).toBeGreaterThan(15);
    for (const { metadata } of given) expect(metadata.labels).toMatchObject(OPERATOR.labels);
  });

  test("every target leads to one Service beside its monitor, by a port that it has", () => {
    const services = ofKind("Service") as (Manifest & Service)[];
    const asked = ofKind("ServiceMonitor").flatMap(({ metadata, spec }) => {
      const { selector, endpoints } = spec as ServiceMonitorSpec;
      const found = services.filter(
        (service) =>
          service.metadata.namespace === metadata.namespace &&
          Object.entries(selector.matchLabels).every(
            ([name, value]) => service.metadata.labels?.[name] === value,
          ),
      );
      expect(found.map((service) => service.metadata.name)).toEqual([`${metadata.name}-instances`]);
      expect(found[0]!.spec).toMatchObject({ clusterIP: "None", publishNotReadyAddresses: true });
      return endpoints.map(({ port }) => {
        const number = found[0]!.spec!.ports!.find(({ name }) => name === port)?.port;
        return `${metadata.namespace}/${metadata.name}:${number}`;
      });
    });
    expect(asked.sort()).toEqual(
      collection.targets
        .map(({ system, workload, port }) => `staging-${system}/${workload}:${port}`)
        .sort(),
    );
  });

  test("our own policies find nothing that they would not find without the operator", () => {
    const ids = rules.map(({ id }) => id);
    const judged = (of: readonly object[]): string[] =>
      evaluate(
        of.flatMap((manifest) => fromManifest(manifest) ?? []),
        policyConfig({ environment: "staging" }, ids),
        { rules, now: new Date("2026-11-22") },
      ).findings.map(
        ({ rule, resource, path }) => `${rule} ${resource.kind}/${resource.name} ${path}`,
      );
    const before = new Set(judged(lowered(own)));
    expect(judged(manifests).filter((finding) => !before.has(finding))).toEqual([]);
    // They look at what is handed over: an alert that says nothing of what to do is found.
    const mute = manifests.map(
      (manifest) =>
        JSON.parse(JSON.stringify(manifest).replaceAll('"runbook_url"', '"runbook"')) as object,
    );
    expect(judged(mute).filter((finding) => !before.has(finding))).toContainEqual(
      expect.stringMatching(/^operations\/alert-runbook PrometheusRule\/pronto /),
    );
  });
});

describe("before an up, the cluster", () => {
  const prometheus = (spec: Prometheus["spec"] = {}): Prometheus => ({
    metadata: { name: "k8s" },
    spec: {
      serviceMonitorSelector: { matchLabels: OPERATOR.labels },
      serviceMonitorNamespaceSelector: {},
      ruleSelector: { matchLabels: OPERATOR.labels },
      ruleNamespaceSelector: {},
      ...spec,
    },
  });
  const KNOWN = ["PrometheusRule", "ServiceMonitor"];
  /** What the cluster says of the operator's API. */
  const api = (kinds: readonly string[]): Promise<string> =>
    kinds.length === 0
      ? Promise.reject(new Error("Error from server (NotFound)"))
      : Promise.resolve(JSON.stringify({ resources: kinds.map((kind) => ({ kind })) }));

  /** What is said where kubectl answers like that. */
  const said = async (
    answers: { known?: readonly string[]; prometheis?: unknown[]; others?: unknown[] },
    operator = OPERATOR,
  ): Promise<string> => {
    const { known = KNOWN, prometheis = [prometheus()], others = [] } = answers;
    const kubectl: Kubectl = (...args) => {
      if (args[1] === "--raw") return api(known);
      const items = args[1]!.startsWith("prometheuses") ? prometheis : others;
      return Promise.resolve(JSON.stringify({ items }));
    };
    const problems = await operatorProblems(kubectl, "staging", operator);
    return problems.map(({ path, message, fix }) => `${path}: ${message}; ${fix}`).join("\n");
  };

  test("that has all of it is taken, and so is one that shows nothing of its Prometheis", async () => {
    expect(await said({})).toBe("");
    const kubectl: Kubectl = (...args) =>
      args[1] === "--raw" ? api(KNOWN) : Promise.reject(new Error("Forbidden"));
    expect(await operatorProblems(kubectl, "staging", OPERATOR)).toEqual([]);
  });

  test.each<[string[], string]>([
    [[], "ServiceMonitor and PrometheusRule"],
    [["ServiceMonitor"], "PrometheusRule"],
  ])("that does not know the kinds (%j) is told so", async (known, kinds) => {
    expect(await said({ known })).toMatch(
      new RegExp(
        `kubernetes\\.prometheusOperator: the cluster does not know ${kinds} .*pulumi config rm --path kubernetes\\.prometheusOperator`,
      ),
    );
  });

  test("has a Prometheus in the namespace", async () => {
    expect(await said({ prometheis: [] })).toMatch(
      /prometheusOperator\.namespace: there is no Prometheus in the namespace monitoring/,
    );
  });

  test.each<[string, Prometheus["spec"]]>([
    ["other labels", { serviceMonitorSelector: { matchLabels: { release: "other" } } }],
    ["rules by other labels", { ruleSelector: { matchLabels: { role: "alert-rules" } } }],
    ["no selector at all", { serviceMonitorSelector: null }],
    [
      "an expression",
      { ruleSelector: { matchExpressions: [{ key: "release", operator: "DoesNotExist" }] } },
    ],
  ])("has one that would look at it: %s", async (_, spec) => {
    expect(await said({ prometheis: [prometheus(spec)] })).toMatch(
      /prometheusOperator\.labels: k8s in monitoring would not look at what is handed over/,
    );
    expect(await said({ prometheis: [prometheus(spec), prometheus()] })).toBe("");
  });

  test("has one that looks at every namespace", async () => {
    const prometheis = [prometheus({ ruleNamespaceSelector: null })];
    expect(await said({ prometheis })).toMatch(/looks at monitors and rules of its own namespace/);
  });

  test("has one that takes rules as they are", async () => {
    const prometheis = [prometheus({ enforcedNamespaceLabel: "namespace" })];
    expect(await said({ prometheis })).toMatch(/k8s in monitoring narrows every rule to series of/);
    expect(await said({ prometheis: [...prometheis, prometheus()] })).toBe("");
  });

  test("needs no labels where a Prometheus takes all", async () => {
    const takesAll = prometheus({ serviceMonitorSelector: {}, ruleSelector: {} });
    expect(await said({ prometheis: [takesAll] }, { ...OPERATOR, labels: {} })).toBe("");
  });

  test("has no other stack in the same Prometheus: both have a system `nodes`", async () => {
    const others = [{ metadata: { labels: { "app.kubernetes.io/instance": "prod" } } }];
    expect(await said({ others })).toMatch(/the stack prod hands over to the same Prometheus/);
  });
});

describe("what the stack's own Prometheus is asked elsewhere", () => {
  const pod = (ready: boolean, more: object = {}): Pod => ({
    kind: "Pod",
    metadata: { name: `prometheus-k8s-${ready ? 1 : 0}`, namespace: "monitoring", ...more },
    status: {
      containerStatuses: [
        { name: "config-reloader", ready: true, restartCount: 0 },
        { name: "prometheus", ready, restartCount: 0 },
      ],
    },
  });

  test("is asked of a pod of the operator's that is ready", () => {
    expect(itsInstance([pod(false), pod(true)], OPERATOR)).toEqual({
      ...{ id: "prometheus-k8s-1", namespace: "monitoring" },
      ...{ container: "prometheus", reachable: true },
    });
    const leaving = pod(true, { deletionTimestamp: "2026-11-22T10:00:00Z" });
    expect(() => itsInstance([pod(false), leaving], OPERATOR)).toThrow(
      "no pod with app.kubernetes.io/name=prometheus is ready in monitoring",
    );
  });

  const query: StackCheck = {
    ...observer(own).checks.find(({ ask }) => ask.kind === "query")!,
    system: OBSERVER.system,
  };
  const engine = (prometheus: NonNullable<HealthEngine["prometheus"]>): HealthEngine => ({
    state: () => Promise.reject(new CannotAsk("not asked")),
    exec: (instance, command) =>
      Promise.resolve({
        ...{ code: 0, stderr: "" },
        stdout:
          instance.container === "prometheus" && command.includes("http://localhost:9090")
            ? '[{"metric":{},"value":[1,"7"]}]'
            : "[]",
      }),
    invocation: () => ({ command: "false", args: [] }),
    entrance: () => Promise.reject(new CannotAsk("not asked")),
    prometheus,
  });

  test("is answered there, or by why it is not", async () => {
    const its = engine(() => Promise.resolve(itsInstance([pod(true)], OPERATOR)));
    expect(await askAll([query], handed.systems, its, 300)).toMatchObject([{ value: 7 }]);
    const none = engine(() => Promise.reject(new CannotAsk("Forbidden")));
    expect(await askAll([query], handed.systems, none, 300)).toMatchObject([
      { value: undefined, note: "Prometheus: Forbidden" },
    ]);
  });

  test.each(["grafana", "prometheus", "alertmanager"] as const)(
    "`atalaya open %s` says whose it is",
    (page) => {
      expect(() => portOf(handed, page)).toThrow(/the cluster's operator collects for it/);
      expect(portOf(own, page)).toBeGreaterThan(0);
    },
  );
});
