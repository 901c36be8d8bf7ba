import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { stringify } from "yaml";
import { swarm } from "../../platforms/swarm/swarm";
import type { Profile } from "../../systems/definition";
import { describeGrupoGad, IMAGES } from "../support/grupo-gad";

/**
 * The whole Swarm description of each system as plain data, without any engine. A change shows as a
 * difference for review; `UPDATE_GOLDEN=1 npm run test:unit` writes the files anew.
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

test.each(cases)("$name on swarm is what its golden file says", ({ name, profile, config }) => {
  const file = path.join(__dirname, "files", `${name}.swarm.yaml`);
  const { objects, notices } = swarm.lower(describeGrupoGad(profile, config), {
    stack: profile,
    images: { front: IMAGES.front },
  });
  const text = stringify({ notices, objects }, { lineWidth: 0, aliasDuplicateObjects: false });
  if (update) {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  expect(existsSync(file)).toBe(true);
  expect(text).toBe(readFileSync(file, "utf8"));
});
