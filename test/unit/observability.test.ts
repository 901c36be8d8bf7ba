import { parse } from "yaml";
import { ProblemsError } from "../../model/problems";
import { alertmanagerConfig } from "../../components/observability/routes";
import { holds, RECENT_OUTAGE, silenceAfter } from "../../components/observability/rules";
import { OBSERVER } from "../../model/observability";
import type { SystemModel } from "../../model/system";
import { loadConfig, type RawConfig } from "../../stack/config";
import { describeStack } from "../../stack/describe";
import { systems } from "../../systems";
import { floresVictoria } from "../../systems/flores-victoria";
import { pronto } from "../../systems/pronto";
import { kubernetes } from "../../platforms/kubernetes/kubernetes";
import { swarm } from "../../platforms/swarm/swarm";
import { describeObserved, describeSystem, IMAGES } from "../support/systems";
import { alertsOf, watchedShop } from "../support/watched";

const raw = (values: Record<string, string>, secret: string[] = []): RawConfig => ({
  values,
  isSecret: (key, path = []) => secret.includes([key, ...path].join(".")),
});

function problems(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof ProblemsError) return error.message;
    throw error;
  }
  return "";
}

const PROD = {
  profile: "prod",
  "grupo-gad": '{"domain":"gad.example.org","acmeEmail":"ops@example.org"}',
};

const MAIL = {
  mail: { host: "smtp.example.org", from: "atalaya@example.org", to: "ops@example.org" },
};

interface Routes {
  readonly global: { readonly smtp_smarthost: string; readonly smtp_require_tls: boolean };
  readonly receivers: readonly { readonly name: string }[];
  readonly inhibit_rules: readonly {
    readonly source_matchers: readonly string[];
    readonly target_matchers: readonly string[];
  }[];
}

/** Alertmanager's file in a stack of a shop. */
function routesOf(config: object): Routes {
  const { files } = watchedShop(config).find(({ name }) => name === OBSERVER.system)!;
  return parse(files.find(({ name }) => name === "alertmanager-config")!.content) as Routes;
}

describe("the key monitoring", () => {
  const names = (values: Record<string, string>): string[] =>
    loadConfig(raw(values), systems).systems.map(({ name }) => name);

  test("is off: nothing else runs, and no part of a system changes", () => {
    expect(names({})).toEqual(["grupo-gad"]);
    const [model] = describeStack("dev", raw({}), systems).systems;
    expect([model!.scrapes, model!.probes, model!.alerts, model!.ways]).toEqual([[], [], [], []]);
    expect(model!.components.some(({ kind }) => kind === "Exporter")).toBe(false);
  });

  test("adds those who watch, last, whatever is watched", () => {
    expect(names({ monitoring: "lean", systems: '["pronto","grupo-gad"]' })).toEqual([
      ...["pronto", "grupo-gad"],
      ...["nodes", "observability"],
    ]);
  });

  test("is the one way to have them", () => {
    const said = problems(() => loadConfig(raw({ systems: '["nodes"]' }), systems));
    expect(said).toContain('there is no system "nodes"');
    expect(said).not.toContain("observability");
  });

  test("asks who is told, where people are served", () => {
    const site = { profile: "staging", monitoring: "full" };
    const said = (observability: object): string =>
      problems(() =>
        loadConfig(raw({ ...site, observability: JSON.stringify(observability) }), systems),
      );
    expect(said({})).toMatch(/observability\.mail: is missing: nobody would hear of an alert/);
    expect(said(MAIL)).not.toContain("observability.mail");
  });

  test("says at every preview outside dev what is better set: a heartbeat, and where alerts are explained", () => {
    const notices = (values: Record<string, string>): string[] =>
      loadConfig(
        { ...raw({ monitoring: "full", ...values }), withoutSecrets: true },
        systems,
      ).notices.map(({ path, message, fix }) => `${path}: ${message} (${fix})`);
    const runbook = "https://docs.example.org/alerts";
    const of = (more: object): string[] =>
      notices({ ...PROD, observability: JSON.stringify({ ...MAIL, runbook, ...more }) });
    expect(of({})).toEqual([
      expect.stringMatching(/^observability\.heartbeat: is not set: when all that watches is gone/),
    ]);
    expect(of({ heartbeat: "hc.example.org" })).toEqual([]);
    expect(of({ heartbeat: "off" })).toEqual([]);
    expect(of({ heartbeat: "off", runbook: undefined })).toEqual([
      expect.stringMatching(/^observability\.runbook: is docs\/alerts\.md, no address/),
    ]);
    expect(of({ heartbeat: "off", runbook: "wiki.example.org/alerts" })).toHaveLength(1);
    expect(of({ heartbeat: "off", runbook: "http://wiki/alerts" })).toEqual([]);
    expect(notices({})).toEqual([]);
    expect(notices({ ...PROD, monitoring: "off" })).toEqual([]);
    const { notices: unset } = loadConfig({ ...raw(PROD), withoutSecrets: true }, systems);
    expect(unset.map(({ path }) => path)).toEqual(["monitoring"]);
    for (const heartbeat of [
      ...["https://hc.example.org/ping/abc", "hc.example.org/ping"],
      ...["hc.example.org:99999", "hc.example.org:"],
    ]) {
      const said = problems(() => of({ heartbeat }));
      expect(said).toMatch(/observability\.heartbeat: is neither a host nor off.*heartbeatUrl/);
      expect(said).not.toContain("/ping");
    }
  });

  test("keeps the heartbeat's address a secret, and says where it is missing or none", () => {
    const values = { monitoring: "full", observability: '{"heartbeat":"hc.example.org:8443"}' };
    expect(problems(() => describeStack("dev", raw(values), systems))).toMatch(
      /heartbeat: has a host and no address[^]*secrets\.heartbeatUrl/,
    );
    const secrets = { heartbeatUrl: "hc.example.org/known-to-nobody" };
    const observability = JSON.stringify({ heartbeat: "hc.example.org", secrets });
    const said = problems(() => loadConfig(raw({ ...values, observability }), systems));
    expect(said).toMatch(/observability\.secrets\.heartbeatUrl: is no address, expected https:/);
    expect(said).not.toContain("known-to-nobody");
    for (const heartbeatUrl of [
      "https://other.example.org/known-to-nobody",
      "http://hc.example.org/known-to-nobody",
      "https://hc.example.org:8443/known-to-nobody",
    ]) {
      const told = { heartbeat: "hc.example.org", secrets: { heartbeatUrl } };
      const elsewhere = problems(() =>
        loadConfig(raw({ ...values, observability: JSON.stringify(told) }), systems),
      );
      expect(elsewhere).toMatch(/heartbeatUrl: is at another host or port.*\(hc\.example\.org\)/);
      expect(elsewhere).not.toContain("known-to-nobody");
    }
    const right = {
      heartbeat: "hc.example.org",
      secrets: { heartbeatUrl: "https://hc.example.org/x" },
    };
    expect(
      problems(() => loadConfig(raw({ ...values, observability: JSON.stringify(right) }), systems)),
    ).not.toMatch(/another host/);
    const model = watchedShop({ ...MAIL, heartbeat: "hc.example.org:8443" }).find(
      ({ name }) => name === OBSERVER.system,
    )!;
    expect(model.externals).toContainEqual(
      expect.objectContaining({ host: "hc.example.org", port: 8443 }),
    );
    const routes = model.files.find(({ name }) => name.startsWith("alertmanager"))!.content;
    expect(routes).toContain("url_file: /run/secrets/heartbeat-url");
  });

  test("takes a heartbeat that is off for none", () => {
    const model = watchedShop({ ...MAIL, heartbeat: "off" }).find(
      ({ name }) => name === OBSERVER.system,
    )!;
    const routes = model.files.find(({ name }) => name.startsWith("alertmanager"))!.content;
    expect(routes).not.toMatch(/heartbeat|webhook_configs/);
  });

  test("asks at least every half minute: rules look at two", () => {
    const of = (interval: string): string =>
      problems(() =>
        loadConfig(
          raw({ monitoring: "full", observability: JSON.stringify({ interval }) }),
          systems,
        ),
      );
    expect(of("30 s")).not.toContain("interval");
    expect(of("31 s")).toMatch(/observability\.interval: is more than 30 s/);
    expect(of("soon")).toMatch(/observability\.interval: is no time/);
  });

  test("has mail at port 465 be TLS from its first byte, where no host offers STARTTLS", () => {
    const demanded = (mail: object): unknown => {
      const { global } = routesOf({ mail: { ...MAIL.mail, ...mail } });
      return [global.smtp_smarthost, global.smtp_require_tls];
    };
    expect(demanded({})).toEqual(["smtp.example.org:587", true]);
    expect(demanded({ port: 465 })).toEqual(["smtp.example.org:465", false]);
    expect(demanded({ port: 25, tls: false })).toEqual(["smtp.example.org:25", false]);
    const said = (mail: object): string =>
      problems(() =>
        loadConfig(
          raw({
            monitoring: "full",
            observability: JSON.stringify({ mail: { ...MAIL.mail, ...mail } }),
          }),
          systems,
        ),
      );
    expect(said({ port: 465, tls: false })).toMatch(
      /observability\.mail\.tls: is false, and at port 465 everything is TLS/,
    );
    expect(said({ port: 465 })).toBe("");
    expect(said({ tls: false })).toBe("");
  });

  test("has people of single systems told, those of who watches as well, of systems that there are", () => {
    const bySystem = { shop: "shop@example.org", observability: "infra@example.org" };
    const routes = (of: object): Routes => routesOf({ mail: { ...MAIL.mail, bySystem: of } });
    expect(routes(bySystem).receivers.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["people of shop", "people of observability"]),
    );
    expect(problems(() => routes({ ...bySystem, shopp: "lost@example.org" }))).toMatch(
      /alertmanager\.mail\.bySystem\.shopp: is no system of this stack[^]*there are shop, logs, nodes, observability/,
    );
  });

  test("tells once what two alerts of who watches say", () => {
    const { inhibit_rules: rules } = routesOf(MAIL);
    const critical = rules.find(({ target_matchers: [target] }) =>
      target!.includes('"HealthCheckCritical"'),
    )!;
    expect(critical.source_matchers[0]).toContain("NotificationsFailing");
  });

  test("says which half is there without the other, of what sends and of what is set in vain", () => {
    const { mail } = MAIL;
    const secrets = {
      mailPassword: "kept-to-itself",
      slackUrl: "https://hooks.slack.com/kept-to-itself",
      heartbeatUrl: "https://hc.example.org/kept-to-itself",
    };
    const said = (config: object, ...names: (keyof typeof secrets)[]): string => {
      const given = Object.fromEntries(names.map((name) => [name, secrets[name]]));
      const observability = JSON.stringify({ ...config, secrets: given });
      const encrypted = names.map((name) => `observability.secrets.${name}`);
      const values = { monitoring: "full", observability };
      return problems(() => describeStack("dev", raw(values, encrypted), systems));
    };
    const set = "pulumi config set --path observability.";
    const seal = "pulumi config set --secret --path observability.secrets.";
    const slack = { slackChannel: "#alerts" };
    for (const [text, line, config, ...names] of [
      ["mail: has a user and no password", `${seal}mailPassword`, { mail: { ...mail, user: "a" } }],
      ["mail: has a password and no user", `${set}mail.user`, { mail }, "mailPassword"],
      ["mail: has a password and no user", `${set}mail.user`, {}, "mailPassword"],
      ["slack: has a channel and no address of a webhook", `${seal}slackUrl`, slack],
      ["slack: has the address of a webhook and no channel", `${set}slackChannel`, {}, "slackUrl"],
      ["heartbeat: has a host and no address", `${seal}heartbeatUrl`, { heartbeat: "hc.org" }],
      ["heartbeat: has an address and no host", `${set}heartbeat`, {}, "heartbeatUrl"],
    ] as const) {
      expect(said(config, ...names)).toContain(`observability.alertmanager.${text}`);
      expect(said(config, ...names)).toContain(line);
      expect(said(config, ...names)).not.toContain("kept-to-itself");
    }
    const heartbeat = { heartbeat: "hc.example.org" };
    const whole = { mail: { ...mail, user: "a" }, ...slack, ...heartbeat };
    expect(said(whole, "mailPassword", "slackUrl", "heartbeatUrl")).toBe("");
    expect(said({ mail })).toBe("");
    // Whoever goes without for a while may keep the address.
    expect(said({ heartbeat: "off" }, "heartbeatUrl")).toBe("");
  });
});

describe("what is collected", () => {
  const models = watchedShop({ ...MAIL, heartbeat: "hc.example.org" });
  const file = (name: string): unknown =>
    parse(
      models.find((model) => model.name === OBSERVER.system)!.files.find((f) => f.name === name)!
        .content,
    );
  const config = file("prometheus-config") as {
    scrape_configs: {
      job_name: string;
      params?: { module: string[] };
      relabel_configs: object[];
    }[];
    rule_files: string[];
  };
  const jobs = config.scrape_configs.map((of) => of.job_name);

  test("is asked of everything that runs and shows metrics, and of every gateway by each of its names", () => {
    const asked = new Set(jobs.map((job) => job.split("/").slice(0, 2).join("/")));
    const running = models.flatMap(({ name, workloads }) =>
      workloads.map((w) => `${name}/${w.name}`),
    );
    // The platform's, before each gateway.
    const fronts = ["shop/counter-front", "shop/edge-front"];
    // The stores themselves answer by their exporters, and one service says that it has no metrics.
    const stores = ["shop/db", "shop/documents", "shop/pages", "shop/sessions"];
    expect([...asked, ...stores, "shop/bot"].sort()).toEqual([...running, ...fronts].sort());
    expect(jobs).toEqual(
      expect.arrayContaining(["shop/counter/a.example.org", "shop/counter/b.example.org"]),
    );
    expect(new Set(jobs).size).toBe(jobs.length);
  });

  test("knows when a certificate has ended: where it is verified as well, who does not verify asks", () => {
    // The other gateway's are of its own authority: they are not verified anyway.
    const asked = config.scrape_configs.filter((of) => of.job_name.includes("certificate"));
    expect(asked.map((of) => of.job_name)).toEqual(["shop/edge/certificate of shop.example.org"]);
    const { modules } = file("blackbox-config") as { modules: Record<string, { tcp: object }> };
    expect(modules[asked[0]!.params!.module[0]!]!.tcp).toMatchObject({
      tls: true,
      tls_config: { server_name: "shop.example.org", insecure_skip_verify: true },
    });
    // Else it would be taken for a question through the front, or for an answer over HTTPS.
    expect(asked[0]!.relabel_configs).toEqual(
      expect.arrayContaining([
        { target_label: "probe", replacement: "certificate" },
        { target_label: "host", replacement: "shop.example.org" },
      ]),
    );
  });

  test("says of which host a certificate ends", () => {
    const [urgent] = alertsOf(models).filter(({ name }) => name === "SSLCertificateExpiring");
    expect(urgent!.expr).toMatch(/^min by \(host\) /);
    expect(urgent!.summary).toContain("{{ $labels.host }}");
    // A host whose certificate has ended does not silence another's that is late.
    const { inhibit_rules } = alertmanagerConfig(models, {}) as {
      inhibit_rules: { target_matchers: string[]; equal: string[] }[];
    };
    const late = inhibit_rules.find(({ target_matchers: [of] }) =>
      of!.includes("CertificateNotRenewed"),
    );
    expect(late!.equal).toContain("host");
    // A check has one value.
    const checks = models.flatMap((model) => model.checks);
    const [check] = checks.filter(({ name }) => name === "certificates");
    expect(check!.ask).toMatchObject({ expr: expect.stringMatching(/^min\(/) as string });
  });

  test("has rules for every system that can be in trouble", () => {
    expect(config.rule_files).toEqual(models.map(({ name }) => `/etc/atalaya/rules-${name}.yml`));
  });

  test("opens a way for each question, in the models of both ends", () => {
    const own = models.find(({ name }) => name === OBSERVER.system)!;
    const others = models.filter((model) => model !== own);
    const ways = (model: SystemModel): string[] => model.ways.map((way) => JSON.stringify(way));
    const asks = others
      .flatMap((model) => model.ways)
      .filter(({ from, to }) => [from.system, to.system].includes(OBSERVER.system))
      .map((way) => JSON.stringify(way));
    expect(asks.sort()).toEqual(ways(own).sort());
    expect(ways(own).length).toBeGreaterThan(10);
  });
});

/** What is silent while an alert with such labels fires, of those that have no more labels than where and what. */
function silencer(
  models: readonly SystemModel[],
): (source: Readonly<Record<string, string>>) => string[] {
  const { inhibit_rules: rules } = alertmanagerConfig(models, {}) as {
    inhibit_rules: { source_matchers: string[]; target_matchers: string[]; equal?: string[] }[];
  };
  const fits = (matchers: readonly string[], labels: Readonly<Record<string, string>>): boolean =>
    matchers.every((matcher) => {
      const [, name, value] = /^(\w+)=~?"(.*)"$/.exec(matcher)!;
      return new RegExp(`^(?:${value!})$`).test(labels[name!] ?? "");
    });
  const alerts = alertsOf(models).map(
    ({ system, component, name: alertname }): Record<string, string> => ({
      ...{ system, component, alertname },
    }),
  );
  return (source) =>
    alerts
      .filter((labels) =>
        rules.some(
          ({ source_matchers: from, target_matchers: to, equal = [] }) =>
            fits(from, source) &&
            fits(to, labels) &&
            equal.every((label) => source[label] === labels[label]),
        ),
      )
      .map(({ system, component, alertname }) => `${system}/${component} ${alertname}`);
}

test("an outage silences others, while it lasts and just after, and never itself (GG-07)", () => {
  const models = watchedShop();
  const silent = silencer(models);
  const alerts = alertsOf(models).map(({ name: alertname, system, component, outage }) => ({
    outage,
    labels: { system, component, alertname },
  }));
  /** What is silent because of an outage that is so recent. */
  const silenced = (system: string, component: string, silence: string): string[] =>
    silent({ system, component, alertname: RECENT_OUTAGE, silence });
  const outages = alerts.filter(({ outage }) => outage).map(({ labels }) => labels);
  const all = outages.map(
    ({ system, component, alertname }) => `${system}/${component} ${alertname}`,
  );
  expect(outages.length).toBeGreaterThan(8);
  for (const { system, component } of outages) {
    const own = all.filter((one) => one.startsWith(`${system}/${component} `));
    expect(silenced(system, component, "45s").filter((one) => own.includes(one))).toEqual([]);
    // That something else is out now is told in time.
    for (const silence of ["165s", "345s"]) {
      expect(silenced(system, component, silence).filter((one) => all.includes(one))).toEqual([]);
    }
  }
  expect(silenced("shop", "db", "45s")).toEqual(
    expect.arrayContaining(["shop/api APIDown", "shop/edge GatewayFailing"]),
  );
  const means = ["shop/api HighErrorRate", "shop/api HighLatency"];
  expect(silenced("shop", "db", "165s")).toEqual(expect.arrayContaining(means));
  expect(silenced("shop", "db", "345s")).toEqual(
    expect.arrayContaining(["shop/api ModerateErrorRate", "shop/api HealthCheckCritical"]),
  );
  // Who is back and answers with errors is told of, by checks and warnings somewhat later.
  expect(["45s", "165s"].flatMap((silence) => silenced("shop", "api", silence))).not.toEqual(
    expect.arrayContaining([means[0]]),
  );
  expect(silenced("shop", "api", "345s")).toContain("shop/api HealthCheckCritical");
  expect(silenced("shop", "db", "45s").some((one) => one.startsWith("shop/pages "))).toBe(false);
});

describe("the interval between two questions", () => {
  const alert = { for: 15 };

  test("of 15 s or less leaves everything as it is written", () => {
    for (const given of [0, 15, 30, 45, 120]) {
      expect([5, 15].map((interval) => holds({ for: given }, interval))).toEqual([given, given]);
    }
    expect([0, 120, 300].map((looksBack) => silenceAfter({ looksBack }))).toEqual([45, 165, 345]);
  });

  test("has what looks at single answers wait for as many where it is longer, one behind another", () => {
    expect(holds(alert, 30)).toBe(40);
    expect([30, 45].map((given) => holds({ for: given }, 30))).toEqual([70, 100]);
    expect([0, 60, 120].map((given) => holds({ for: given }, 30))).toEqual([0, 60, 120]);
  });

  test("decides in rules and routes for how long others are silent after an outage", () => {
    const files = (interval?: string): string[] =>
      watchedShop(interval === undefined ? {} : { interval })
        .find(({ name }) => name === OBSERVER.system)!
        .files.filter(({ name }) => /^(?:rules-shop|alertmanager-config)$/.test(name))
        .map(({ content }) => content);
    const silences = (content: string): string[] =>
      [
        ...new Set([...content.matchAll(/silence(?:: |=\\?")(\d+s)/g)].map(([, time]) => time!)),
      ].sort();
    for (const [interval, times] of [
      [undefined, ["165s", "345s", "45s"]],
      ["30 s", ["180s", "360s", "60s"]],
    ] as const) {
      const both = files(interval);
      expect(both).toHaveLength(2);
      for (const content of both) expect(silences(content)).toEqual(times);
    }
    expect(files("30 s").join("")).toMatch(/alert: APIDown\n[^]*?for: 40s/);
  });
});

describe("what is behind a gateway", () => {
  const silent = silencer(watchedShop());
  const out = (component: string, of = silent, system = "shop"): string[] =>
    of({ system, component, alertname: "APIDown" }).filter((one) =>
      /\/(?:edge|counter) /.test(one),
    );

  test("never explains that nobody is let in, or not through its front", () => {
    const outages = alertsOf(watchedShop()).filter(({ outage }) => outage);
    const others = outages.filter(({ component }) => !["edge", "counter"].includes(component));
    for (const { system, component, name: alertname } of others) {
      const told = silent({ system, component, alertname });
      expect(told.filter((one) => /GatewayDown|GatewayFrontDown/.test(one))).toEqual([]);
    }
  });

  test("explains what those see whom it answers, and nothing to others", () => {
    expect(out("api")).toEqual(
      expect.arrayContaining(
        [
          ...["edge GatewayFailing", "edge GatewayDegraded", "edge HealthCheckCritical"],
          ...["edge WebSocketsDown", "counter GatewayFailing"],
        ].map((one) => `shop/${one}`),
      ),
    );
    // It answers below a path that nobody asks; lines in the log are of all paths.
    expect(out("worker")).toEqual(["shop/counter LogErrors"]);
    expect(silent({ system: "shop", component: "pages", alertname: "RedisDown" })).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/edge|counter (?!LogErrors)/)]),
    );
  });

  test("explains nothing where no service answers at the door (FV-02)", () => {
    const models = describeObserved(kubernetes, "prod", [[floresVictoria, {}]]);
    const of = silencer(models);
    for (const { system, component, name: alertname } of alertsOf(models)) {
      if (component === "edge") continue;
      const told = of({ system, component, alertname });
      expect(told.filter((one) => /\/edge (?!LogErrors)/.test(one))).toEqual([]);
    }
  });

  test("leaves the rest of a component that has less to explain", () => {
    const models = describeObserved(kubernetes, "prod", [[pronto, {}]]);
    const of = (component: string): string[] => out(component, silencer(models), "pronto");
    expect(of("kitchen-display").filter((one) => !one.endsWith("LogErrors"))).toEqual([]);
    expect(of("clients-app")).toContain("pronto/edge GatewayDegraded");
  });
});

describe("the front before a gateway", () => {
  const site = { stack: "dev", images: { front: IMAGES.front } };
  const objects = new Map(
    watchedShop().map((model) => [model.name, swarm.lower(model, site).objects] as const),
  );
  /** Who is in a network of the shop, and by which names. */
  const members = (network: string): [string, readonly string[]][] =>
    [...objects].flatMap(([system, all]) =>
      all.flatMap((o): [string, readonly string[]][] => {
        if (o.type !== "service") return [];
        const joined = o.networks.filter(
          (n) => n.network.ref === `network:${network}` && (n.network.system ?? system) === "shop",
        );
        return joined.map(({ aliases }) => [o.key, aliases]);
      }),
    );

  test("is met by those who watch in a network of its own, which leads nowhere else", () => {
    expect(members("edge-entrance")).toEqual([
      ["service:edge-front", ["edge-front", "edge-front.shop"]],
      ["service:blackbox", ["blackbox.observability"]],
      ["service:prometheus", ["prometheus.observability"]],
    ]);
    const network = objects.get("shop")!.find(({ key }) => key === "network:edge-entrance");
    expect(network).toMatchObject({ internal: true });
  });

  test("is alone with its gateway where that believes what it hears of clients", () => {
    expect(members("edge-front").map(([key]) => key)).toEqual([
      "service:edge",
      "service:edge-front",
    ]);
  });

  test("is found by whoever watches under one address", () => {
    const named = ["edge-front", "edge-public", "edge-entrance"].filter((network) =>
      members(network).some(([, aliases]) => aliases.includes("edge-front.shop")),
    );
    expect(named).toEqual(["edge-entrance"]);
  });

  test("is not there where the engine has none", () => {
    const of = describeObserved(kubernetes, "prod", [[pronto, {}]]);
    expect(of.flatMap(({ probes, ways }) => [...probes, ...ways.map(({ to }) => to)])).toEqual(
      expect.not.arrayContaining([expect.objectContaining({ front: true })]),
    );
    expect(alertsOf(of).map(({ name }) => name)).not.toContain("GatewayFrontDown");
  });
});

describe("Nginx's port for a prober", () => {
  const nginx = (observed: boolean): string =>
    describeSystem(pronto, "dev", {}, swarm, { observed }).files.find(
      ({ name }) => name === "edge-config",
    )!.content;

  test("is there beside the one that wants a PROXY header, with the same hosts", () => {
    expect(nginx(false)).not.toContain("8444");
    const count = (text: RegExp): number => nginx(true).match(text)?.length ?? 0;
    expect(count(/listen 8444 [^;]*ssl/g)).toBe(count(/listen 8443 [^;]*ssl/g));
    expect(nginx(true)).not.toMatch(/listen 8444[^;]*proxy_protocol/);
  });
});

describe("who watches the machines", () => {
  const nodes = (values: Record<string, string>): SystemModel =>
    describeStack("dev", raw({ monitoring: "full", ...values }), systems).systems.find(
      ({ name }) => name === "nodes",
    )!;
  const reads = (model: SystemModel): string[] =>
    model.workloads.flatMap(({ node }) => (node?.reads ?? []).map(({ host }) => host));

  test("sees a disk of the engine's own, and not once more what is in its containers", () => {
    const [machine] = nodes({}).workloads;
    const given = /mount-points-exclude=(.*)/.exec((machine!.args ?? []).join("\n"))!;
    const isNone = new RegExp(given[1]!);
    const disks = ["/", "/data", "/var/lib/docker", "/var/lib/containerd", "/var/lib/postgresql"];
    expect(disks.filter((mount) => isNone.test(mount))).toEqual([]);
    const none = ["/run/user/0", "/proc", "/var/lib/docker/overlay2/a/merged", "/sys/fs/cgroup"];
    expect(none.filter((mount) => !isNone.test(mount))).toEqual([]);
  });

  test("is missed on a single node of several, by whom else is there (PR-04)", () => {
    const models = watchedShop();
    const observers = models.find(({ name }) => name === "nodes")!;
    const everywhere = observers.workloads.filter(({ node }) => node !== undefined);
    expect(everywhere.map(({ name }) => name)).toEqual(["machine", "containers", "log-agent"]);
    for (const { name } of everywhere) {
      const alert = observers.alerts.find(
        (of) => of.name === "NodeUnobserved" && of.component === name,
      )!;
      expect(alert.expr).toContain('max(count by (job) (up{system="nodes"} == 1))');
      const asked = observers.checks.filter(({ component }) => component === name);
      expect(asked.map(({ ask }) => ask)).toEqual(
        expect.arrayContaining([
          { kind: "workload", workload: name, what: "absent" },
          { kind: "query", expr: alert.expr.replace(/ > 0$/, "") },
        ]),
      );
    }
    // What runs on a node that shows nothing is not taken for gone.
    const [shop] = models;
    const down = shop!.alerts.find((of) => of.name === "APIDown" && of.component === "bot")!;
    const { expr } = observers.alerts.find(
      (of) => of.name === "NodeUnobserved" && of.component === "containers",
    )!;
    expect(down.expr).toContain(`min_over_time(${expr.replace(/ > 0$/, "")}[30s:15s]) == 0`);
  });

  test("knows containers by the folder in which the engine has them (PR-03)", () => {
    expect(reads(nodes({}))).toContain("/var/lib/docker/containers");
    const moved = reads(nodes({ nodes: '{"logFolder":"/data/docker/containers"}' }));
    expect(moved).toContain("/data/docker/containers");
    expect(moved).not.toContain("/var/lib/docker/containers");
  });
});
