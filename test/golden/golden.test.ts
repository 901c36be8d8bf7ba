import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { stringify } from "yaml";
import { OBSERVER } from "../../model/observability";
import type { SystemModel } from "../../model/system";
import { kubernetes, type KubernetesSite } from "../../platforms/kubernetes/kubernetes";
import { renderSystem } from "../../platforms/kubernetes/render";
import type { KubernetesObject, Manifest } from "../../platforms/kubernetes/objects";
import type { SwarmObject } from "../../platforms/swarm/objects";
import { swarm } from "../../platforms/swarm/swarm";
import type { Profile, SystemDefinition } from "../../systems/definition";
import { floresVictoria } from "../../systems/flores-victoria";
import { grupoGad } from "../../systems/grupo-gad";
import { pronto } from "../../systems/pronto";
import { differences, fields } from "../support/differences";
import { BACKUPS, describeObserved, describeSystem, IMAGES, OPERATOR } from "../support/systems";

/**
 * The whole description of each system on each platform as plain data, without any engine. A change
 * shows as a difference for review; `UPDATE_GOLDEN=1 npm run test:unit` writes the files anew.
 */
const update = process.env["UPDATE_GOLDEN"] === "1";

interface Case {
  readonly name: string;
  // Each case's configuration is parsed by its own system's schema.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly system: SystemDefinition<any>;
  readonly profile: Profile;
  readonly config: object;
}

const flores = (profile: "staging" | "prod"): object => ({
  domain: profile === "prod" ? "flores.example.org" : "flores.staging.example.org",
  acmeEmail: "ops@example.org",
  services: { "user-service": { image: "ghcr.io/example/user-service:v1.2.3" } },
});

const cases: Case[] = [
  { name: "grupo-gad.dev", system: grupoGad, profile: "dev", config: {} },
  {
    name: "grupo-gad.prod",
    system: grupoGad,
    profile: "prod",
    config: {
      domain: "gad.example.org",
      acmeEmail: "ops@example.org",
      images: { api: "ghcr.io/example/gad-api:v1.2.3", bot: "ghcr.io/example/gad-bot:v1.2.3" },
      api: { min: 3, max: 3, workers: 4, migrate: ["alembic", "upgrade", "head"] },
      database: { storage: "100 GiB" },
    },
  },
  { name: "flores-victoria.dev", system: floresVictoria, profile: "dev", config: {} },
  { name: "flores-victoria.prod", system: floresVictoria, profile: "prod", config: flores("prod") },
  { name: "pronto.dev", system: pronto, profile: "dev", config: {} },
  {
    name: "pronto.prod",
    system: pronto,
    profile: "prod",
    config: {
      domain: "pronto.example.org",
      acmeEmail: "ops@example.org",
      services: { "order-service": { image: "ghcr.io/example/order-service:v1.2.3" } },
      migrate: ["flask", "db", "upgrade"],
      database: { storage: "100 GiB", maxConnections: 200, pool: { orders: 40 } },
      openAtOnce: { "/": 100, "/login": 5 },
    },
  },
];

function expectGolden(name: string, text: string): void {
  const file = path.join(__dirname, "files", name);
  if (update) {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  expect(existsSync(file)).toBe(true);
  expect(text).toBe(readFileSync(file, "utf8"));
}

test.each(cases)(
  "$name on swarm is what its golden file says",
  ({ name, system, profile, config }) => {
    const { objects, notices } = swarm.lower(describeSystem(system, profile, config), {
      stack: profile,
      images: { front: IMAGES.front },
    });
    const text = stringify({ notices, objects }, { lineWidth: 0, aliasDuplicateObjects: false });
    expectGolden(`${name}.swarm.yaml`, text);
  },
);

const kubernetesSite = (profile: Profile): KubernetesSite => ({
  stack: profile,
  entrance: { type: "load-balancer" },
  verticalAutoscaler: profile !== "dev",
  ...(profile === "dev"
    ? {}
    : {
        sharedStorageClass: "shared",
        registry: { server: "ghcr.io/example", username: "pull" },
      }),
});

test.each(cases)(
  "$name on kubernetes is what its golden files say",
  ({ name, system, profile, config }) => {
    const model = describeSystem(system, profile, config, kubernetes);
    const { objects } = kubernetes.lower(model, kubernetesSite(profile));
    for (const file of renderSystem(model, objects)) {
      expectGolden(path.join(`${name}.kubernetes`, file.path), file.text);
    }
  },
);

/** Production of Pronto, and who watches it (FV-07, GG-06). */
const watched = cases.find(({ name }) => name === "pronto.prod")!;

const watching = {
  mail: {
    host: "smtp.example.org",
    from: "atalaya@example.org",
    to: "ops@example.org",
    user: "ops",
  },
  slackChannel: "#alerts",
  heartbeat: "hc.example.org",
};

const watchedModels = (
  platform: typeof swarm | typeof kubernetes,
  logged?: object,
): SystemModel[] =>
  describeObserved(platform, watched.profile, [[watched.system, watched.config]], watching, logged);

test("who watches a stack on swarm is what the golden files say, and what that adds to a system", () => {
  const lower = (model: SystemModel): readonly SwarmObject[] =>
    swarm.lower(model, { stack: "prod", images: { front: IMAGES.front } }).objects;
  const byKey = (objects: readonly SwarmObject[]): object =>
    Object.fromEntries(objects.map((object) => [object.key, object]));
  const [pronto, ...watchers] = watchedModels(swarm);
  const before = lower(describeSystem(watched.system, watched.profile, watched.config));
  const found = fields(byKey(before), byKey(lower(pronto!)), "");
  expectGolden("watched.swarm/pronto.txt", `${found.join("\n")}\n`);
  for (const model of watchers) {
    const text = stringify(lower(model), { lineWidth: 0, aliasDuplicateObjects: false });
    expectGolden(`watched.swarm/${model.name}.yaml`, text);
  }
});

test("who watches a stack on kubernetes is what the golden files say, and what that adds to a system", () => {
  const lower = (model: SystemModel): readonly KubernetesObject[] =>
    kubernetes.lower(model, kubernetesSite("prod")).objects;
  const manifests = (model: SystemModel): Manifest[] => lower(model).map((o) => o.manifest);
  const before = describeSystem(watched.system, watched.profile, watched.config, kubernetes);
  const models = watchedModels(kubernetes);
  const found = differences(manifests(before), manifests(models[0]!));
  expectGolden("watched.kubernetes/pronto.txt", `${found.join("\n")}\n`);
  for (const model of models) {
    const isNew = ({ path: file }: { path: string }): boolean =>
      model.name !== before.name || file.includes("-metrics.");
    for (const file of renderSystem(model, lower(model)).filter(isNew)) {
      expectGolden(path.join("watched.kubernetes", file.path), file.text);
    }
  }
});

/** Whose logs are kept for longer than others (PR-04, FV-09, GG-13). */
const keeping = { bySystem: { pronto: "90 d" } };

test("what keeping logs adds on swarm is what the golden files say", () => {
  const lower = (models: readonly SystemModel[]): readonly SwarmObject[] =>
    models.flatMap((model) =>
      swarm
        .lower(model, { stack: "prod", images: { front: IMAGES.front } })
        .objects.map((object) => ({ ...object, key: `${model.name}/${object.key}` })),
    );
  const before = lower(watchedModels(swarm));
  const after = lower(watchedModels(swarm, keeping));
  const keys = new Set(before.map(({ key }) => key));
  const byKey = (objects: readonly SwarmObject[]): object =>
    Object.fromEntries(objects.filter(({ key }) => keys.has(key)).map((o) => [o.key, o]));
  const added = after.filter(({ key }) => !keys.has(key));
  expectGolden(
    "logged.swarm/changed.txt",
    `${fields(byKey(before), byKey(after), "").join("\n")}\n`,
  );
  const text = stringify(added, { lineWidth: 0, aliasDuplicateObjects: false });
  expectGolden("logged.swarm/added.yaml", text);
});

test("what keeping logs adds on kubernetes is what the golden files say", () => {
  for (const model of watchedModels(kubernetes, keeping)) {
    const { objects } = kubernetes.lower(model, kubernetesSite("prod"));
    const isNew = ({ path: file }: { path: string }): boolean =>
      model.name === "logs" || file.includes("log-agent");
    for (const file of renderSystem(model, objects).filter(isNew)) {
      expectGolden(path.join("logged.kubernetes", file.path), file.text);
    }
  }
});

test("a stack that hands over to the cluster's operator is what the golden files say, beside one that collects itself (FV-07)", () => {
  const own = describeObserved(kubernetes, watched.profile, [[watched.system, watched.config]]);
  const models = describeObserved(
    ...([kubernetes, watched.profile, [[watched.system, watched.config]]] as const),
    ...([{}, undefined, true] as const),
  );
  const site = kubernetesSite("prod");
  for (const model of models) {
    const { objects } = kubernetes.lower(model, { ...site, prometheusOperator: OPERATOR });
    if (model.name === OBSERVER.system) {
      for (const file of renderSystem(model, objects)) {
        expectGolden(path.join("handed-over.kubernetes", file.path), file.text);
      }
      continue;
    }
    const before = kubernetes.lower(
      own.find(({ name }) => name === model.name)!,
      site,
    );
    const manifests = (of: readonly KubernetesObject[]): Manifest[] => of.map((o) => o.manifest);
    const found = differences(manifests(before.objects), manifests(objects));
    expectGolden(`handed-over.kubernetes/${model.name}.txt`, `${found.join("\n")}\n`);
  }
});

test.each(["grupo-gad.prod", "pronto.prod"])(
  "the gateway of %s with the cluster's cert-manager is what the golden file says (issue 5)",
  (name) => {
    const { system, profile, config } = cases.find((of) => of.name === name)!;
    const surroundings = { ...kubernetes.surroundings, issuesCertificates: true } as const;
    const model = describeSystem(system, profile, config, { surroundings });
    const { objects } = kubernetes.lower(model, {
      ...kubernetesSite("prod"),
      certManager: { issuer: "letsencrypt", kind: "ClusterIssuer" },
    });
    const own = `${model.name}/${model.certificates[0]!.component}.yaml`;
    const file = renderSystem(model, objects).find((of) => of.path === own)!;
    expectGolden(path.join("issued.kubernetes", file.path), file.text);
  },
);

/** Production of Grupo GAD, and what backups add to it (FV-06, PR-13). */
const backedUp = cases.find(({ name }) => name === "grupo-gad.prod")!;

test("what backups add to a system on swarm is what the golden file says", () => {
  const lower = (more: object): readonly SwarmObject[] => {
    const { system, profile, config } = backedUp;
    const model = describeSystem(system, profile, config, swarm, more);
    return swarm.lower(model, { stack: "prod", images: { front: IMAGES.front } }).objects;
  };
  const before = lower({});
  const after = lower({ backups: BACKUPS });
  const keys = new Set(before.map(({ key }) => key));
  const byKey = (objects: readonly SwarmObject[]): object =>
    Object.fromEntries(objects.filter(({ key }) => keys.has(key)).map((o) => [o.key, o]));
  expectGolden(
    "backed-up.swarm/changed.txt",
    `${fields(byKey(before), byKey(after), "").join("\n")}\n`,
  );
  const added = after.filter(({ key }) => !keys.has(key));
  const text = stringify(added, { lineWidth: 0, aliasDuplicateObjects: false });
  expectGolden("backed-up.swarm/added.yaml", text);
});

test("what backups add to a system on kubernetes is what the golden files say", () => {
  const { system, profile, config } = backedUp;
  const before = describeSystem(system, profile, config, kubernetes);
  const after = describeSystem(system, profile, config, kubernetes, { backups: BACKUPS });
  const lower = (model: SystemModel): readonly KubernetesObject[] =>
    kubernetes.lower(model, kubernetesSite("prod")).objects;
  const manifests = (model: SystemModel): Manifest[] => lower(model).map((o) => o.manifest);
  const found = differences(manifests(before), manifests(after));
  expectGolden("backed-up.kubernetes/differences.txt", `${found.join("\n")}\n`);
  for (const file of renderSystem(after, lower(after))) {
    expectGolden(path.join("backed-up.kubernetes", file.path), file.text);
  }
});

test("staging of Flores Victoria is production with these differences", () => {
  const manifests = (profile: "staging" | "prod"): Manifest[] => {
    const model = describeSystem(floresVictoria, profile, flores(profile), kubernetes);
    // Under one name, which stands nearly everywhere.
    const site = { ...kubernetesSite(profile), stack: "shared" };
    return kubernetes.lower(model, site).objects.map(({ manifest }) => manifest);
  };
  const found = differences(manifests("prod"), manifests("staging"));
  expectGolden("flores-victoria.staging-from-prod.txt", `${found.join("\n")}\n`);
});
