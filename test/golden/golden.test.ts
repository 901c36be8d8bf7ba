import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { stringify } from "yaml";
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
import { describeObserved, describeSystem, IMAGES } from "../support/systems";

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
  heartbeat: "https://hc.example.org/ping",
};

const watchedModels = (platform: typeof swarm | typeof kubernetes): SystemModel[] =>
  describeObserved(platform, watched.profile, [[watched.system, watched.config]], watching);

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
