import { ProblemsError } from "../../model/problems";
import { loadConfig, type RawConfig } from "../../stack/config";
import { grupoGad } from "../../systems/grupo-gad";

const raw = (values: Record<string, string>, secret: string[] = []): RawConfig => ({
  values,
  isSecret: (key) => secret.includes(key),
});

function problemsOf(config: RawConfig): ProblemsError {
  try {
    loadConfig(config, [grupoGad]);
  } catch (error) {
    if (error instanceof ProblemsError) return error;
    throw error;
  }
  throw new Error("expected problems");
}

const paths = (error: ProblemsError): string[] => error.problems.map((p) => p.path);

test("nothing set is a laptop's stack: secrets are made up", () => {
  const { site, systems, sensitive } = loadConfig(raw({}), [grupoGad]);
  expect(site).toMatchObject({ profile: "dev", platform: "swarm", systems: ["grupo-gad"] });
  expect(systems[0]!.secrets["secretKey"]).toEqual({
    kind: "generated",
    length: 48,
    protect: false,
    replaceable: true,
  });
  expect(systems[0]!.secrets["telegramToken"]).toBeUndefined();
  expect(sensitive.size).toBe(0);
});

test("all problems come at once, each with its path and fix", () => {
  const error = problemsOf(
    raw({
      profil: "dev",
      platform: "nomad",
      systems: '["grupo-gat"]',
    }),
  );
  expect(paths(error)).toEqual(["profil", "platform", "systems"]);
  expect(error.message).toContain('did you mean "profile"?');
});

test("a system that does not exist is named with what was meant", () => {
  const error = problemsOf(raw({ systems: '["grupo-gat"]' }));
  expect(error.message).toContain('there is no system "grupo-gat"');
  expect(error.message).toContain('did you mean "grupo-gad"?');
});

test("a system's own configuration: unknown key, wrong type, impossible size, bad port", () => {
  const error = problemsOf(
    raw({
      "grupo-gad": JSON.stringify({
        domian: "x",
        api: { min: "two" },
        database: { storage: "20 GB" },
        ports: { https: 70_000 },
      }),
    }),
  );
  expect(paths(error).sort()).toEqual([
    "grupo-gad.api.min",
    "grupo-gad.database.storage",
    "grupo-gad.domian",
    "grupo-gad.ports.https",
  ]);
});

test("production demands its secrets (GG-15)", () => {
  const error = problemsOf(raw({ profile: "prod" }));
  expect(paths(error)).toEqual([
    "grupo-gad.acmeEmail",
    "grupo-gad.domain",
    "grupo-gad.secrets.secretKey",
    "grupo-gad.secrets.jwtSecretKey",
  ]);
  expect(error.message).toContain(
    "pulumi config set --secret --path 'grupo-gad.secrets.secretKey'",
  );
});

test("a secret that is too short or in plain text is refused and never shown (GG-15)", () => {
  const short = "too-short-a-secret";
  const secrets = { secretKey: short, jwtSecretKey: "j".repeat(32), telegramTokn: "x" };
  const error = problemsOf(raw({ "grupo-gad": JSON.stringify({ secrets }) }));
  expect(error.message).toContain("has 18 characters, expected at least 32");
  expect(error.message).toContain("stands in plain text");
  expect(error.message).toContain('did you mean "telegramToken"?');
  expect(error.message).not.toContain(short);
  expect(error.message).not.toContain("jjjj");
});

test("encrypted secrets of the right length are taken", () => {
  const secrets = { secretKey: "s".repeat(32), jwtSecretKey: "j".repeat(32) };
  const system = { domain: "gad.example.org", acmeEmail: "ops@example.org", secrets };
  const { systems, sensitive } = loadConfig(
    raw({ profile: "prod", "grupo-gad": JSON.stringify(system) }, ["grupo-gad"]),
    [grupoGad],
  );
  expect(systems[0]!.secrets["secretKey"]).toEqual({
    kind: "configured",
    key: "grupo-gad.secrets.secretKey",
  });
  expect(sensitive.get("grupo-gad.secrets.secretKey")).toBe("s".repeat(32));
});

test("a plain secret beside an encrypted one is seen", () => {
  const secrets = { secretKey: "s".repeat(32), jwtSecretKey: "j".repeat(32) };
  const error = problemsOf({
    values: { "grupo-gad": JSON.stringify({ secrets }) },
    isSecret: (_key, path) => path?.at(-1) === "secretKey",
  });
  expect(paths(error)).toEqual(["grupo-gad.secrets.jwtSecretKey"]);
});

test("production never breaks itself on purpose", () => {
  const system = { domain: "gad.example.org", acmeEmail: "ops@example.org", testHooks: true };
  const error = problemsOf(raw({ profile: "prod", "grupo-gad": JSON.stringify(system) }));
  expect(paths(error)[0]).toBe("grupo-gad.testHooks");
});

test("text where an object belongs is a problem, not a crash", () => {
  expect(paths(problemsOf(raw({ "grupo-gad": "yes" })))).toContain("grupo-gad");
});

test("what is Swarm's alone is not swallowed elsewhere", () => {
  const traffic = "encrypted";
  expect(loadConfig(raw({ traffic }), [grupoGad]).site.traffic).toBe("encrypted");
  expect(paths(problemsOf(raw({ traffic, platform: "kubernetes" })))).toEqual(["traffic"]);
});

test("a registry needs its password, encrypted", () => {
  const registry = JSON.stringify({ server: "ghcr.io/example", username: "ci" });
  expect(paths(problemsOf(raw({ registry })))).toEqual(["registryPassword"]);
  expect(paths(problemsOf(raw({ registry, registryPassword: "x" })))).toEqual(["registryPassword"]);
  expect(
    loadConfig(raw({ registry, registryPassword: "x" }, ["registryPassword"]), [grupoGad]).site
      .registry,
  ).toBeDefined();
});
