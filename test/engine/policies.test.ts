import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ConfigInput } from "../../policies/engine/config";
import type { Case } from "../../policies/tools/fixtures";
import { systems } from "../../systems";
import { plain } from "../../operations/stack/events";
import { run } from "../support/commands";
import { Workspace } from "../support/workspace";

/** The pack of policies in the real CLI: what stops a preview, and what does not (AT-03). */
jest.setTimeout(300_000);

/** Nobody answers there. */
const NO_ENGINE = { DOCKER_HOST: "unix:///nonexistent/docker.sock" };

interface Seen {
  readonly code: number;
  /** All that a person sees. */
  readonly text: string;
  /** Findings that stop it, and the others, as `rule` with their message. */
  readonly mandatory: readonly string[];
  readonly advisory: readonly string[];
  /** What a resource would be created with. */
  readonly inputs: (name: string) => object;
}

interface EngineEvent {
  readonly policyEvent?: {
    readonly policyName: string;
    readonly message: string;
    readonly enforcementLevel: string;
  };
  readonly resourcePreEvent?: {
    readonly metadata: { readonly urn: string; readonly new?: { readonly inputs: object } };
  };
}

const folder = mkdtempSync(join(tmpdir(), "atalaya-policies-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let previews = 0;

async function preview(workspace: Workspace, env: NodeJS.ProcessEnv = {}): Promise<Seen> {
  const log = join(folder, `events-${String(previews++)}.jsonl`);
  const ran = await run(
    "pulumi",
    [
      ...["preview", "--stack", workspace.stack, "--non-interactive", "--diff"],
      ...["--event-log", log, "--policy-pack", join(workspace.folder, "policies", "run")],
    ],
    { cwd: workspace.folder, env: { ...workspace.env, ...NO_ENGINE, ...env } },
  );
  const events = readFileSync(log, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as EngineEvent);
  const findings = (level: string): string[] => [
    ...new Set(
      events.flatMap(({ policyEvent: p }) =>
        p?.enforcementLevel === level ? [`${p.policyName}: ${plain(p.message)}`] : [],
      ),
    ),
  ];
  return {
    code: ran.code,
    text: `${ran.stdout}\n${ran.stderr}`,
    mandatory: findings("mandatory"),
    advisory: findings("advisory"),
    inputs: (name) =>
      events.find(({ resourcePreEvent: e }) => e?.metadata.urn.endsWith(`::${name}`) === true)!
        .resourcePreEvent!.metadata.new!.inputs,
  };
}

function passes({ code, mandatory, text }: Seen): void {
  expect(mandatory).toEqual([]);
  if (code !== 0) throw new Error(text);
}

describe("anybody's program", () => {
  let workspace: Workspace;

  beforeAll(async () => {
    workspace = await Workspace.create({ main: "test/engine/programs/shop.ts" });
  });
  afterAll(() => workspace.discard());

  /** The clean worlds with these changes. */
  function shop(changes: readonly Case[], policies: ConfigInput = {}): Promise<Seen> {
    const file = join(folder, "cases.json");
    const cases = (["kubernetes", "docker"] as const).map(
      (world) => changes.find((one) => (one.world ?? "kubernetes") === world) ?? { world },
    );
    writeFileSync(file, JSON.stringify(cases));
    // Not merged with what the last one said.
    workspace.configure({ policies: undefined });
    workspace.configure({ policies });
    return preview(workspace, { ATALAYA_TEST_CASES: file });
  }

  test("one that is in order passes without a word", async () => {
    const seen = await shop([]);
    passes(seen);
    // The project's exemptions are for its own systems.
    expect(seen.advisory).toEqual([]);
  });

  const PASSWORD = "correct-horse-battery";

  test("a password in plain text, a missing limit, an exposed database stop it, on both platforms", async () => {
    const { code, mandatory, text } = await shop([
      {
        set: {
          "Deployment/api": {
            "spec.template.spec.containers[0].env[2]": { name: "DB_PASSWORD", value: PASSWORD },
            "spec.template.spec.containers[0].resources.limits.memory": null,
          },
          "Service/db": { "spec.type": "LoadBalancer" },
        },
      },
      {
        world: "docker",
        set: {
          "Service/api": {
            "taskSpec.containerSpec.env.DB_PASSWORD": PASSWORD,
            "taskSpec.resources.limits": null,
          },
          "Service/db": {
            "endpointSpec.ports": [{ targetPort: 5432, publishedPort: 5432, publishMode: "host" }],
          },
        },
      },
    ]);
    expect(code).not.toBe(0);
    const found = (rule: string, start: string): void =>
      expect(mandatory).toContainEqual(expect.stringMatching(`^${rule}: ${start}`));
    found("secrets/no-plain-text", "Deployment shop/api: spec.template.spec.containers.0..env.2.");
    found("secrets/no-plain-text", "Service shop-api: taskSpec.containerSpec.env.DB_PASSWORD");
    found("resources/memory-limit", "Deployment shop/api: spec.template.spec.containers.0.");
    found("resources/memory-limit", "Service shop-api: taskSpec.resources.limits");
    found("network/database-exposed", "Service shop-db: endpointSpec.ports.0.");
    // Never in a message of ours; Pulumi shows what is no secret to it.
    expect(mandatory.join("\n")).not.toContain(PASSWORD);
    expect(text).toContain("mandatory");
  });

  test("a password in the stack's own file stops it, unless it is encrypted there", async () => {
    await workspace.setSecret("atalaya:apiToken", PASSWORD);
    workspace.configure({ dbPassword: PASSWORD });
    const { code, mandatory, text } = await shop([]);
    workspace.configure({ dbPassword: undefined, apiToken: undefined });
    expect(code).not.toBe(0);
    expect(mandatory).toEqual([
      expect.stringMatching(
        /^secrets\/plain-config: Config \S+: \["atalaya:dbPassword"\] must not/,
      ),
    ]);
    expect(text).not.toContain(PASSWORD);
  });

  test("what only the whole stack shows stops it too", async () => {
    const { code, mandatory } = await shop([
      { set: { "Service/db": { "spec.type": "LoadBalancer" } } },
    ]);
    expect(code).not.toBe(0);
    expect(mandatory).toContainEqual(
      expect.stringMatching(/^network\/database-exposed: Service shop\/db: spec.type must be/),
    );
  });

  test("levels and exemptions of the stack's own file hold; an exemption that ended does not", async () => {
    const change: Case = {
      set: {
        "Deployment/api": {
          "spec.template.spec.containers[0].securityContext.readOnlyRootFilesystem": false,
        },
        "StatefulSet/db": { "spec.template.spec.hostNetwork": true },
      },
    };
    const exemption = {
      rule: "pods/read-only-root",
      resource: "Deployment/shop/api",
      reason: "The vendor's program writes beside itself",
      owner: "team-shop",
    };
    const levels = { "pods/host-namespaces": "advisory", "pods/host-ports": "disabled" } as const;
    const seen = await shop([change], {
      levels,
      exemptions: [{ ...exemption, expires: "2099-12-31" }],
    });
    passes(seen);
    expect(seen.advisory).toEqual([
      expect.stringMatching(/^pods\/host-namespaces: StatefulSet shop\/db: .*hostNetwork/),
      "policies/exempt: exempt: pods/read-only-root until 2099-12-31, by team-shop: The vendor's program writes beside itself (1: api)",
    ]);
    const ended = await shop([change], {
      levels,
      exemptions: [{ ...exemption, expires: "2026-01-31" }],
    });
    expect(ended.code).not.toBe(0);
    expect(ended.mandatory).toEqual([
      expect.stringContaining("its exemption by team-shop ended on 2026-01-31"),
    ]);
  });

  test("what the stack's own file says is not taken back by a default", async () => {
    const seen = await shop([], { registries: ["registry.of-this-stack.example/"] });
    expect(seen.code).not.toBe(0);
    expect(seen.mandatory).toContainEqual(
      expect.stringMatching(/^images\/registry: .*registry\.of-this-stack\.example/),
    );
  });

  test("what can be mended safely is mended, shown, and passes", async () => {
    const seen = await shop(
      [
        {
          set: {
            "Deployment/api": {
              "spec.template.spec.containers[0].securityContext.capabilities": null,
            },
            "Secret/db-password": {
              data: { password: "Y29ycmVjdA==" },
              $secretPaths: ["data.password"],
            },
          },
        },
        { world: "docker", set: { "Service/api": { "taskSpec.containerSpec.capDrops": null } } },
      ],
      { levels: { "pods/capabilities-dropped": "remediate" } },
    );
    passes(seen);
    expect(seen.advisory).toEqual(
      expect.arrayContaining([
        'pods/capabilities-dropped: mended: spec.template.spec.containers[0].securityContext.capabilities.drop was set to ["ALL"]; write it so in the program',
        'pods/capabilities-dropped: mended: taskSpec.containerSpec.capDrops was set to ["ALL"]; write it so in the program',
      ]),
    );
    expect(seen.inputs("kubernetes-deployment-api")).toMatchObject({
      spec: {
        template: {
          spec: { containers: [{ securityContext: { capabilities: { drop: ["ALL"] } } }] },
        },
      },
    });
    expect(seen.inputs("docker-service-api")).toMatchObject({
      taskSpec: { containerSpec: { capDrops: ["ALL"] } },
    });
    // Secrets stay what they are.
    expect(seen.text).not.toContain("Y29ycmVjdA==");
  });

  test("what nobody can know yet is said and stops nothing", async () => {
    const seen = await shop([
      { set: { "Deployment/api": { "spec.template.spec.containers[0].image": "(unknown)" } } },
    ]);
    passes(seen);
    expect(seen.advisory).toContainEqual(
      expect.stringMatching(
        /^policies\/not-checked: images\/pinned-version cannot look at Deployment shop\/api spec.template.spec.containers\[0\].image/,
      ),
    );
  });

  test("a configuration that is wrong stops it, with all that is wrong", async () => {
    const { code, mandatory } = await shop([], {
      levels: { "pods/privilegd": "advisory" },
      thresholds: { grace: 0 },
      exemptions: [
        { rule: "pods/privileged", resource: "api", reason: "", owner: "", expires: "" },
      ],
    });
    expect(code).not.toBe(0);
    const message = mandatory.find((one) => one.startsWith("policies/configuration: "));
    for (const part of [
      ", atalaya:policies: ",
      'did you mean "pods/privileged"?',
      "thresholds.grace",
      "exemptions[0].resource",
      "exemptions[0].reason",
      "exemptions[0].expires",
    ]) {
      expect(message).toContain(part);
    }
  });
});

/** All that a stack can have besides its systems. */
const WATCHED = {
  monitoring: "full",
  logs: {},
  observability: {
    mail: { host: "smtp.example.org", from: "a@example.org", to: "ops@example.org" },
  },
};

describe.each(["swarm", "kubernetes"])("on %s", (platform) => {
  const hosts: Readonly<Record<string, string>> = {
    "grupo-gad": "gad.example.org",
    "flores-victoria": "flores.example.org",
    pronto: "pronto.example.org",
  };

  test.each(systems.filter(({ name }) => name in hosts))(
    "$name passes in production, with reasoned exemptions alone",
    async ({ name, secrets }) => {
      const workspace = await Workspace.create({
        config: {
          platform,
          profile: "prod",
          systems: [name],
          [name]: { domain: hosts[name], acmeEmail: "ops@example.org" },
          backups: {
            local: {},
            s3: { offsite: { endpoint: "s3.example.org", bucket: "copies", region: "eu" } },
          },
          ...WATCHED,
        },
      });
      try {
        for (const key of ["accessKey", "secretKey"]) {
          await workspace.setSecret(`backups.s3.offsite.${key}`, `${key}-of-this-test`);
        }
        for (const secret of Object.keys(secrets)) {
          const value = `${secret}-of-this-test-with-48-characters-or-more-0123`;
          await workspace.setSecret(`${name}.secrets.${secret}`, value);
        }
        const seen = await preview(workspace);
        passes(seen);
        // What would be better is said, and stops nothing.
        expect(seen.text).toContain("observability.heartbeat: is not set");
        const exempt = seen.advisory.filter((one) => one.startsWith("policies/exempt: "));
        expect(exempt.length).toBeGreaterThan(3);
        expect(
          seen.advisory.filter((one) => !/^policies\/(?:exempt|not-checked): /.test(one)),
        ).toEqual([]);
      } finally {
        workspace.discard();
      }
    },
  );
});
