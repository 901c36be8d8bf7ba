import { agentConfig, REDACTED } from "../../components/observability/logs/agent-config";
import { LABELS, storeConfig } from "../../components/observability/logs/store-config";
import { caddyLog } from "../../components/gateway/caddy/logs";
import { nginxLog } from "../../components/gateway/nginx/logs";
import { mongoLog } from "../../components/mongo/logs";
import { postgresConf } from "../../components/postgres/conf";
import { poolLog, postgresLog } from "../../components/postgres/logs";
import { redisLog } from "../../components/redis/logs";
import { Service } from "../../components/service";
import { serviceLog } from "../../components/service-logs";
import { in_, System } from "../../components/system";
import { type LogFormat, regexFault } from "../../model/logs";
import { type ProblemsError } from "../../model/problems";
import type { SystemModel } from "../../model/system";
import { kubernetes, type KubernetesSite } from "../../platforms/kubernetes/kubernetes";
import { swarm } from "../../platforms/swarm/swarm";
import { otherImages } from "../../operations/setup/images";
import { loadConfig, type RawConfig } from "../../stack/config";
import { describeStack } from "../../stack/describe";
import { grupoGad } from "../../systems/grupo-gad";
import { logs } from "../../systems/logs";
import { pronto } from "../../systems/pronto";
import { systems } from "../../systems";
import { HARMLESS_LINES, SECRET_LINES } from "../support/secret-lines";
import { describeObserved, IMAGES } from "../support/systems";
import { watchedShop } from "../support/watched";

/** What every container prints, kept and searchable (PR-04, PR-15, FV-09, GG-13). */
const observed = (
  platform: typeof swarm | typeof kubernetes = swarm,
  logged: object | undefined = {},
): SystemModel[] =>
  describeObserved(
    platform,
    "dev",
    [
      [grupoGad, {}],
      [pronto, {}],
    ],
    {},
    logged,
  );

const system = (models: readonly SystemModel[], name: string): SystemModel =>
  models.find((model) => model.name === name)!;

const KUBERNETES: KubernetesSite = {
  stack: "dev",
  entrance: { type: "load-balancer" },
  verticalAutoscaler: false,
};

describe("a stack's configuration", () => {
  const raw = (values: Record<string, string>): RawConfig => ({
    values,
    withoutSecrets: true,
    isSecret: () => false,
  });
  const names = (values: Record<string, string>): string[] =>
    describeStack("dev", raw(values), systems).systems.map(({ name }) => name);

  test("keeps logs only where it says so", () => {
    const watchers = ["grupo-gad", "nodes", "observability"];
    expect(names({ monitoring: "full" })).toEqual(watchers);
    expect(names({ monitoring: "full", logs: "off" })).toEqual(watchers);
    const with_ = ["grupo-gad", "logs", "nodes", "observability"];
    expect(names({ monitoring: "lean", logs: "on" })).toEqual(with_);
    expect(names({ monitoring: "full", logs: '{"keep":"7 d"}' })).toEqual(with_);
    expect(names({ logs: "off" })).toEqual(["grupo-gad"]);
  });

  test("says what is wrong with it, all at once", () => {
    const problems = (values: Record<string, string>): string[] => {
      try {
        loadConfig(raw(values), systems);
        return [];
      } catch (error) {
        return (error as ProblemsError).problems.map(({ path, message }) => `${path} ${message}`);
      }
    };
    expect(problems({ logs: "on" })).toEqual(["logs is part of monitoring, which is off"]);
    expect(problems({ monitoring: "full", logs: "yes" })).toEqual([
      "logs is text, expected an object or a list",
    ]);
    expect(problems({ monitoring: "full", logs: '{"kept":"7 d"}' })).toEqual([
      "logs.kept is no known key",
    ]);
  });

  test("an image that cannot be pulled says how to do without", () => {
    const { stack, systems: described } = describeStack(
      "dev",
      raw({ monitoring: "lean", logs: "on" }),
      systems,
    );
    expect(otherImages({ stack, systems: described })).toEqual([
      {
        image: "grafana/loki:3.5.8",
        without: [
          expect.stringContaining("logs.image") as string,
          expect.stringContaining("config set logs off") as string,
        ],
      },
    ]);
  });
});

describe("how long", () => {
  test("lines are kept, of each system (GDPR)", () => {
    const models = observed(swarm, {
      keep: "14 d",
      bySystem: { pronto: "90 d", "grupo-gad": "1 d" },
    });
    const { files, workloads } = system(models, "logs");
    expect(files[0]!.content).toContain("retention_period: 336h");
    expect(files[0]!.content).toContain("selector: '{system=\"pronto\"}'");
    expect(files[0]!.content).toContain("period: 2160h");
    expect(files[0]!.content).toContain("period: 24h");
    // All of it can be asked for at once: by then it is longer ago.
    const [, hours] = /max_query_length: (\d+)h/.exec(files[0]!.content)!;
    expect(Number(hours)).toBeGreaterThan(2_160);
    // What policies go by.
    expect(workloads[0]!.facts).toEqual({ logDays: "90" });
  });

  test("is whole days, of systems that there are", () => {
    const problems = (config: object): string[] => {
      try {
        observed(swarm, config);
        return [];
      } catch (error) {
        return (error as ProblemsError).problems.map(({ path, message }) => `${path} ${message}`);
      }
    };
    expect(problems({ keep: "12 h", bySystem: { prontoo: "7 d", pronto: "36 h" } })).toEqual([
      "logs.loki.keep 12 h is no number of whole days",
      "logs.loki.bySystem.pronto 36 h is no number of whole days",
      "logs.loki.bySystem.prontoo is no system of this stack",
    ]);
    expect(problems({ bySystem: { nodes: "7 d", observability: "7 d", logs: "7 d" } })).toEqual([]);
  });
});

test("the store tells nobody, listens to one port, and takes exactly the labels that the agent gives", () => {
  const kept = { folder: "/loki", keep: "30 d", bySystem: {} } as const;
  const config = storeConfig({ port: 3100, ...kept, memory: 3 * 2 ** 28 });
  expect(config).toMatchObject({
    analytics: { reporting_enabled: false },
    server: { http_listen_port: 3100, grpc_listen_address: "127.0.0.1" },
    compactor: { retention_enabled: true, delete_request_store: "filesystem" },
    ingester: { wal: { replay_memory_ceiling: 2 ** 28 } },
    limits_config: {
      allow_structured_metadata: true,
      otlp_config: {
        resource_attributes: {
          ignore_defaults: true,
          attributes_config: [{ action: "index_label", attributes: LABELS }],
        },
      },
    },
  });
  const [store] = system(observed(), "logs").workloads;
  expect(store!.exposures).toEqual([]);
  expect(store!.user.uid).toBeGreaterThan(0);
  const agent = JSON.stringify(
    agentConfig({
      files: { ...swarm.logFiles("dev"), mounted: "/node/logs" },
      systems: [],
      folder: "/data",
      store: "http://loki.logs:3100",
      ports: { health: 1, own: 2, counts: 3 },
      memory: 2 ** 28,
    }),
  );
  const labels = [...agent.matchAll(/"field":"resource\.(\w+)"/g)].map(([, name]) => name);
  expect([...new Set(labels)].sort()).toEqual([...LABELS].sort());
});

describe("how lines are read", () => {
  const shop = watchedShop()[0]!;
  const service = (log: LogFormat, logged = true): SystemModel => {
    const system_ = new System("shop", {
      images: IMAGES,
      surroundings: swarm.surroundings,
      logged,
    });
    new Service(
      "legacy",
      {
        image: "example.org/legacy:1",
        port: 8000,
        health: { live: "/live", ready: "/ready" },
        resources: {
          cpu: { reserve: 0.1, limit: 1 },
          memory: { reserve: "64 MiB", limit: "128 MiB" },
        },
        log,
      },
      in_(system_),
    );
    return system_.describe();
  };
  const problems = (log: object): string[] => {
    try {
      service(log);
      return [];
    } catch (error) {
      return (error as ProblemsError).problems.map(
        ({ path, message, fix }) => `${path} ${message}${fix === undefined ? "" : ` (${fix})`}`,
      );
    }
  };

  test("each kind of component says itself, a service in its arguments", () => {
    const formats = new Map(shop.logFormats.map(({ component, ...format }) => [component, format]));
    expect(Object.fromEntries(formats)).toMatchObject({
      db: postgresLog,
      "db-backup": postgresLog,
      "db-pool": poolLog,
      documents: mongoLog,
      sessions: redisLog,
      edge: caddyLog,
      counter: nginxLog,
      api: serviceLog,
    });
    const own: LogFormat = { json: { level: "lvl" } };
    expect(service(own).logFormats).toEqual([{ component: "legacy", ...own }]);
    expect(service(own, false).logFormats).toEqual([]);
  });

  test("PostgreSQL's is how its lines begin", () => {
    const prefix = /log_line_prefix = '(.*)'/.exec(
      postgresConf({ memoryLimit: 2 ** 28, maxConnections: 100 }),
    )![1];
    expect(prefix).toBe("%m [%p] %q%u@%d ");
  });

  test("the agent has them, of systems that are logged", () => {
    const { files } = system(observed(), "nodes");
    const config = files.find(({ name }) => name === "log-agent-config")!.content;
    for (const component of ["pronto/edge", "grupo-gad/db", "grupo-gad/cache"]) {
      expect(config).toContain(JSON.stringify(component).replaceAll('"', '\\"'));
    }
  });

  test("a format that says nothing, or what nobody can read, is refused, all at once", () => {
    expect(problems({})).toEqual([
      "shop.legacy.log says nothing (leave it out, or give json, text or levels)",
    ]);
    expect(
      problems({
        json: { lvl: "a", user: ["ok", "a..b"], sesion_id: "x" },
        text: ["^(?P<levl>x)", "(?=a)", "no group", "(?P<user>\\y)", "(?P<user>x"],
        levels: { err: "e", error: "(" },
      }),
    ).toEqual([
      expect.stringContaining('shop.legacy.log.json.lvl "lvl" is no field: there are level, time,'),
      expect.stringContaining('shop.legacy.log.json.user "a..b" is no place in a line of JSON'),
      expect.stringContaining("(did you mean session_id?)"),
      expect.stringContaining('shop.legacy.log.text[0] "levl" is no field'),
      expect.stringContaining("shop.legacy.log.text[1] looks around, which RE2 cannot"),
      expect.stringContaining("shop.legacy.log.text[2] names no field (name a group: (?P<level>…)"),
      expect.stringContaining("shop.legacy.log.text[3] has \\y, which is none of"),
      expect.stringContaining("shop.legacy.log.text[4] is no regular expression: Unterminated"),
      expect.stringContaining('shop.legacy.log.levels.err "err" is no level: there are fatal,'),
      expect.stringContaining("shop.legacy.log.levels.error is no regular expression"),
    ]);
    expect(problems({ text: "^(?P<level>\\w+) " })).toEqual([]);
  });

  test("a regular expression is refused where Go or ours would read it otherwise", () => {
    const faults = {
      "": "is empty",
      ["a".repeat(1_001)]: "has more than 1000 characters",
      "(a)\\1": "refers back to a group, which RE2 cannot",
      "(?<!a)b": "looks around, which RE2 cannot",
      "a{500}b{3}": "repeats more than 1000 times",
      "(?<level>a)": "has a group that begins otherwise than ( (?: (?P<name> or (?i:",
      "(?P<level>a)(?P<level>b)": expect.stringContaining("Duplicate") as string,
    };
    for (const [regex, fault] of Object.entries(faults)) expect(regexFault(regex)).toEqual(fault);
    for (const regex of ["a\\\\1", "\\(\\?=", "a{2,}", "x{1000}", "(?i:A|b)+?", "[({]"]) {
      expect(regexFault(regex)).toBeUndefined();
    }
  });
});

describe("what is not kept of a line", () => {
  /** As the collector does it; of its dialect only the flag and the groups of what is put there are others. */
  const redacted = (line: string): string =>
    REDACTED.reduce((text, { words, regex, by }) => {
      if (!words.some((word) => text.toLowerCase().includes(word))) return text;
      return text.replace(
        new RegExp(regex.replace(/^\(\?i\)/, ""), regex.startsWith("(?i)") ? "gi" : "g"),
        by.replace(/\$\{(\d)\}/g, "$$$1"),
      );
    }, line);

  test.each(SECRET_LINES)("is a secret, of %s", (printed, kept) => {
    expect(redacted(printed)).toBe(kept);
  });

  const parsed = (line: string): unknown => {
    try {
      return JSON.parse(line);
    } catch {
      return undefined;
    }
  };

  test.each(SECRET_LINES.filter(([printed]) => parsed(printed) !== undefined))(
    "leaves JSON, of %s",
    (printed) => {
      expect(parsed(redacted(printed))).toBeDefined();
    },
  );

  test.each(HARMLESS_LINES)("is nothing, of %s", (line) => {
    expect(redacted(line)).toBe(line);
  });

  test("is looked for by regular expressions that the collector takes", () => {
    expect(REDACTED.map(({ regex }) => regexFault(regex))).toEqual(REDACTED.map(() => undefined));
  });
});

test("a dollar in it is no variable of the collector's environment", () => {
  const config = agentConfig({
    files: { format: "docker", folder: "/f", stack: "a$b", mounted: "/node/logs" },
    systems: [],
    folder: "/data",
    store: "http://loki.logs:3100",
    ports: { health: 1, own: 2, counts: 3 },
    memory: 2 ** 28,
  });
  const text = JSON.stringify(config);
  expect(text).toContain("a$$b");
  expect(text.replaceAll("$$", "")).not.toContain("$");
});

describe("on Swarm", () => {
  const lower = (models: readonly SystemModel[], name: string): readonly object[] =>
    swarm.lower(system(models, name), { stack: "dev", images: { front: "front" } }).objects;

  test("each container's file says whose it is, where logs are kept and nowhere else", () => {
    const services = (logged: object | undefined): readonly unknown[] =>
      describeObserved(swarm, "dev", [[pronto, {}]], {}, logged)
        .flatMap(
          (model) => swarm.lower(model, { stack: "dev", images: { front: "front" } }).objects,
        )
        .filter(({ type }) => type === "service")
        .map((service) => "logged" in service && service.logged);
    expect(services({}).length).toBeGreaterThan(20);
    expect(new Set(services({}))).toEqual(new Set([true]));
    expect(new Set(services(undefined))).toEqual(new Set([false]));
  });

  test("the agent runs on every node, reads the engine's files alone, and keeps its place there", () => {
    const objects = lower(observed(), "nodes");
    expect(objects).toContainEqual(
      expect.objectContaining({ type: "volume", name: "dev-nodes-log-agent-data" }),
    );
    expect(objects).toContainEqual(
      expect.objectContaining({
        type: "service",
        name: "dev-nodes-log-agent",
        replicas: "one a node",
        placement: [],
        update: expect.objectContaining({ order: "stop-first" }) as object,
        container: expect.objectContaining({
          user: "0:0",
          nodeFolders: [{ source: "/var/lib/docker/containers", target: "/node/logs" }],
          volumes: [
            { source: { ref: "volume:log-agent-data", attribute: "name" }, target: "/data" },
          ],
        }) as object,
      }),
    );
  });

  test("only agents, Grafana and Prometheus have a way to the store", () => {
    const from = system(observed(), "logs").ways.map((way) => way.from);
    expect(from).toEqual([
      { system: "nodes", workload: "log-agent" },
      { system: "observability", workload: "grafana" },
      { system: "observability", workload: "prometheus" },
    ]);
  });
});

test("on Kubernetes the agent is the only root, without a capability, and reads its stack's pods alone", () => {
  const models = observed(kubernetes);
  const { objects } = kubernetes.lower(system(models, "nodes"), KUBERNETES);
  const agent = objects.find(({ key }) => key === "DaemonSet:log-agent")!.manifest as unknown as {
    spec: { template: { spec: Record<string, unknown> } };
  };
  expect(agent.spec.template.spec).toMatchObject({
    securityContext: { runAsNonRoot: false, runAsUser: 0 },
    containers: [
      {
        securityContext: {
          runAsNonRoot: false,
          privileged: false,
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ["ALL"] },
        },
        volumeMounts: expect.arrayContaining([
          { name: "node-0", mountPath: "/node/logs", readOnly: true },
          { name: "node-keeps", mountPath: "/data" },
        ]) as unknown[],
      },
    ],
    volumes: expect.arrayContaining([
      { name: "node-0", hostPath: { path: "/var/log/pods", type: "Directory" } },
      {
        name: "node-keeps",
        hostPath: {
          path: "/var/lib/atalaya/dev-nodes/log-agent-data",
          type: "DirectoryOrCreate",
        },
      },
    ]) as unknown[],
  });
  const content = system(models, "nodes").files.find(
    ({ name }) => name === "log-agent-config",
  )!.content;
  for (const name of ["grupo-gad", "pronto", "logs", "nodes", "observability"]) {
    expect(content).toContain(`"/node/logs/dev-${name}_*/*/*.log"`);
  }
  // A job's lines are its component's.
  expect(content).toContain('\\"pronto/db-grant\\":\\"db\\"');
});

test("nobody else may be root", () => {
  const models = observed();
  const roots = models.flatMap(({ workloads }) =>
    workloads.filter(({ user }) => user.uid === 0).map(({ name }) => name),
  );
  expect(roots).toEqual(["log-agent"]);
});

test("every component that runs something is watched by what it prints, where it is kept", () => {
  const errors = (models: readonly SystemModel[]): string[] =>
    models.flatMap(({ name, alerts }) =>
      alerts.filter((of) => of.name === "LogErrors").map((of) => `${name}/${of.component}`),
    );
  expect(errors(observed())).toEqual(
    expect.arrayContaining(["grupo-gad/api", "pronto/db", "logs/loki", "nodes/log-agent"]),
  );
  expect(errors(describeObserved(swarm, "dev", [[pronto, {}]]))).toEqual([]);
});

test("Grafana asks it where there is one", () => {
  const sources = (logged: object | undefined): string =>
    system(describeObserved(swarm, "dev", [[pronto, {}]], {}, logged), "observability").files.find(
      ({ name }) => name === "grafana-sources",
    )!.content;
  expect(sources({})).toContain("url: http://loki.logs:3100");
  expect(sources(undefined)).not.toContain("loki");
});

test("its definition is optional, and comes before the agents that need its name", () => {
  expect(logs).toMatchObject({ watches: true, optional: true });
  const names = systems.map(({ name }) => name);
  expect(names.indexOf("logs")).toBeLessThan(names.indexOf("nodes"));
});
