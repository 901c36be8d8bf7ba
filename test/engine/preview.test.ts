import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { systems } from "../../systems";
import { run } from "../support/commands";
import { until } from "../support/poll";
import { ROOT, Workspace } from "../support/workspace";

/**
 * The real CLI, language host and plugins with the real program; no Docker engine: a preview in CI has
 * none (AT-04).
 */
jest.setTimeout(120_000);

/** Nobody answers there. */
const NO_ENGINE = { DOCKER_HOST: "unix:///nonexistent/docker.sock" };

interface Step {
  readonly op: string;
  readonly newState?: { readonly type: string; readonly inputs: Record<string, unknown> };
}

let workspace: Workspace;

async function preview(...args: string[]): Promise<{ code: number; stdout: string; text: string }> {
  const ran = await run(
    "pulumi",
    ["preview", "--stack", workspace.stack, "--non-interactive", ...args],
    { cwd: workspace.folder, env: { ...workspace.env, ...NO_ENGINE } },
  );
  return { code: ran.code, stdout: ran.stdout, text: `${ran.stdout}\n${ran.stderr}` };
}

beforeAll(async () => {
  workspace = await Workspace.create({});
});

afterAll(() => workspace.discard());

test.each(systems.filter(({ watches }) => !watches).map(({ name }) => name))(
  "a preview of %s needs no engine, and every service in it is hardened (AT-04)",
  async (name) => {
    workspace.configure({ systems: [name] });
    const { code, stdout } = await preview("--json");
    workspace.configure({ systems: undefined });
    expect(code).toBe(0);
    const { steps } = JSON.parse(stdout) as { steps: Step[] };
    const services = steps
      .map((step) => step.newState)
      .filter((state) => state?.type === "docker:index/service:Service");
    expect(services.length).toBeGreaterThanOrEqual(12);
    for (const service of services) {
      expect(service?.inputs).toMatchObject({
        endpointSpec: { mode: "dnsrr" },
        updateConfig: { failureAction: "rollback", parallelism: 1 },
        taskSpec: {
          containerSpec: { readOnly: true, init: true, capDrops: ["ALL"] },
          logDriver: { options: { "max-file": "3", "max-size": "10m" } },
          resources: {
            limits: {
              memoryBytes: expect.any(Number) as number,
              nanoCpus: expect.any(Number) as number,
            },
          },
        },
      });
      const spec = (service!.inputs["taskSpec"] as { containerSpec: Record<string, unknown> })
        .containerSpec;
      expect(spec["user"]).toMatch(/^[1-9]\d*:[1-9]\d*$/);
      expect(spec["healthcheck"]).toBeDefined();
      expect(spec["stopGracePeriod"]).toBeDefined();
    }
  },
);

test("whoever is no longer heard ends: nothing is left of a preview whose output was closed (AT-04)", async () => {
  const ours = (): readonly string[] =>
    readdirSync("/proc")
      .filter((pid) => /^\d+$/.test(pid))
      .map((pid) => {
        try {
          return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
        } catch {
          return "";
        }
      })
      .filter((line) => line.includes(`--pwd ${workspace.folder} `));
  const cli = spawn("pulumi", ["preview", "--stack", workspace.stack, "--non-interactive"], {
    ...{ cwd: workspace.folder, env: { ...workspace.env, ...NO_ENGINE } },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(cli, "exit");
  // In the midst of what the program says: so much of it is on its way.
  await new Promise((resolve) => {
    cli.stdout.on("data", (text: Buffer) => text.includes("warning:") && resolve(undefined));
  });
  expect(ours()).not.toEqual([]);
  cli.stdout.destroy();
  cli.stderr.destroy();
  await ended;
  await until("it is gone", { within: 15_000 }, () => Promise.resolve(ours().length === 0));
});

test("bad configuration is one message with every problem, no stack trace, no secret", async () => {
  const short = "short-secret-value";
  workspace.configure({
    "grupo-gad": { domian: "x", database: { storage: "20 GB" }, secrets: { secretKey: short } },
    nonsense: "1",
  });
  try {
    const { code, text } = await preview();
    expect(code).not.toBe(0);
    for (const part of [
      "nonsense: is no known key",
      "grupo-gad.domian: is no known key",
      "grupo-gad.database.storage",
      "has 18 characters, expected at least 32",
    ]) {
      expect(text).toContain(part);
    }
    expect(text).not.toContain(short);
    expect(text).not.toMatch(/\n\s+at .*\.ts:\d+/);
  } finally {
    workspace.configure({ "grupo-gad": undefined, nonsense: undefined });
  }
});

test("`up` without an engine says in one message what is missing and how to get it", async () => {
  const ran = await run(
    "pulumi",
    ["up", "--yes", "--skip-preview", "--non-interactive", "--stack", workspace.stack],
    { cwd: workspace.folder, env: { ...workspace.env, ...NO_ENGINE } },
  );
  expect(ran.code).not.toBe(0);
  const text = `${ran.stdout}\n${ran.stderr}`;
  expect(text).toContain("the engine is not ready: 1 problem");
  expect(text).toContain("npm run up");
  expect(text).not.toMatch(/docker:index.*created/);
});

test("secrets are encrypted in the configuration and in the state", async () => {
  const value = "configured-secret-value-of-48-characters-or-more";
  await workspace.setSecret("grupo-gad.secrets.secretKey", value);
  const { code, text } = await preview("--diff");
  expect(code).toBe(0);
  expect(text).not.toContain(value);
  expect(readFileSync(workspace.configFile, "utf8")).not.toContain(value);
  expect(await workspace.pulumi("stack", "export")).not.toContain(value);
});

test("the program runs with the options of Pulumi.yaml, whichever language host there is (decision 3)", () => {
  const { runtime } = parse(readFileSync(join(ROOT, "Pulumi.yaml"), "utf8")) as {
    runtime: { options: { nodeargs: string; typescript: boolean } };
  };
  expect(runtime.options.typescript).toBe(false);
  // The wrapper of the built language host, with a stand-in for the host itself.
  const bin = mkdtempSync(join(tmpdir(), "atalaya-host-"));
  try {
    const wrapper = join(bin, "pulumi-language-nodejs");
    cpSync(join(ROOT, "toolchain", "language-nodejs", "pulumi-language-nodejs.sh"), wrapper);
    writeFileSync(`${wrapper}.real`, '#!/bin/sh\nprintf "%s\\n" "$@"\n', { mode: 0o755 });
    const said = execFileSync("sh", [wrapper, "127.0.0.1:1"], { cwd: join(ROOT, "test", "live") });
    expect(said.toString().trim().split("\n")).toEqual([
      "-typescript=false",
      `-nodeargs=${runtime.options.nodeargs}`,
      "127.0.0.1:1",
    ]);
  } finally {
    rmSync(bin, { recursive: true });
  }
});
