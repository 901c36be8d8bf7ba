import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { stringify } from "yaml";
import { kubernetes, type KubernetesSite } from "../../platforms/kubernetes/kubernetes";
import { renderSystem } from "../../platforms/kubernetes/render";
import { swarm } from "../../platforms/swarm/swarm";
import type { Profile } from "../../systems/definition";
import { describeGrupoGad, IMAGES } from "../support/grupo-gad";

/**
 * The whole description of each system on each platform as plain data, without any engine. A change
 * shows as a difference for review; `UPDATE_GOLDEN=1 npm run test:unit` writes the files anew.
 */
const update = process.env["UPDATE_GOLDEN"] === "1";

const cases: { name: string; profile: Profile; config: object }[] = [
  { name: "grupo-gad.dev", profile: "dev", config: {} },
  {
    name: "grupo-gad.prod",
    profile: "prod",
    config: {
      domain: "gad.example.org",
      acmeEmail: "ops@example.org",
      images: { api: "ghcr.io/example/gad-api:v1.2.3", bot: "ghcr.io/example/gad-bot:v1.2.3" },
      api: { min: 3, max: 3, workers: 4, migrate: ["alembic", "upgrade", "head"] },
      database: { storage: "100 GiB" },
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

test.each(cases)("$name on swarm is what its golden file says", ({ name, profile, config }) => {
  const { objects, notices } = swarm.lower(describeGrupoGad(profile, config), {
    stack: profile,
    images: { front: IMAGES.front },
  });
  const text = stringify({ notices, objects }, { lineWidth: 0, aliasDuplicateObjects: false });
  expectGolden(`${name}.swarm.yaml`, text);
});

test.each(cases)(
  "$name on kubernetes is what its golden files say",
  ({ name, profile, config }) => {
    const model = describeGrupoGad(profile, config, kubernetes);
    const site: KubernetesSite = {
      stack: profile,
      entrance: { type: "load-balancer" },
      verticalAutoscaler: profile === "prod",
      ...(profile === "prod"
        ? {
            sharedStorageClass: "shared",
            registry: { server: "ghcr.io/example", username: "pull" },
          }
        : {}),
    };
    const { objects } = kubernetes.lower(model, site);
    for (const file of renderSystem(model, objects)) {
      expectGolden(path.join(`${name}.kubernetes`, file.path), file.text);
    }
  },
);
