import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type CheckName, checks, type CheckResult } from "../../operations/checks/checks";
import { BUILD_MS } from "../../operations/setup/parts";
import { ROOT } from "../support/workspace";

/** The real tools, at the pinned versions: the first run builds them. */
jest.setTimeout(BUILD_MS);

const work = mkdtempSync(join(tmpdir(), "atalaya-checks-"));
afterAll(() => rmSync(work, { recursive: true }));

const git = (folder: string, ...args: string[]): void => {
  const who = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org"];
  execFileSync("git", [...who, ...args], { cwd: folder, stdio: "ignore" });
};

/** A repository with one commit. */
function repository(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(work, "repository-"));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  git(folder, "init", "--quiet");
  git(folder, "add", "--all");
  git(folder, "commit", "--quiet", "--message", "all");
  return folder;
}

const judged = (check: CheckName, files: Readonly<Record<string, string>>): Promise<CheckResult> =>
  checks[check].run(repository(files));

describe("secrets, by gitleaks", () => {
  /** Of the shape of a real token, and never the same twice. */
  const planted = `ghp_${randomBytes(27).toString("base64").replace(/[+/]/g, "x")}`;
  const files = { "settings.yaml": `registry:\n  token: ${planted}\n` };

  test("a planted one is found and its value is not printed", async () => {
    const { clean, report } = await judged("secrets", files);
    expect(clean).toBe(false);
    expect(report).toMatch(/github-pat/);
    expect(report).toMatch(/settings\.yaml/);
    expect(report).not.toContain(planted);
  });

  test("one that was taken out again is still in a commit", async () => {
    const folder = repository(files);
    writeFileSync(join(folder, "settings.yaml"), "registry: {}\n");
    git(folder, "commit", "--quiet", "--all", "--message", "take it out");
    const { clean, report } = await checks.secrets.run(folder);
    expect(clean).toBe(false);
    expect(report).toMatch(/Commit:/);
    expect(report).not.toContain(planted);
  });

  test("without one it is clean", async () => {
    const { clean } = await judged("secrets", { "settings.yaml": "tokenFile: /run/secrets/a\n" });
    expect(clean).toBe(true);
  });

  test("our exceptions are for the things themselves, not for their files", async () => {
    const known = `${"sk_test_"}0123456789abcdef`;
    const config = readFileSync(join(ROOT, ".gitleaks.toml"), "utf8");
    const name = "test/recorded/2026-01-01.shop.swarm.json";
    const id = `"secretId":"${randomBytes(13).toString("hex").slice(0, 25)}"`;
    const harmless = { ".gitleaks.toml": config, [name]: `{${id}}`, "a.test.ts": `"${known}"` };
    expect((await judged("secrets", harmless)).clean).toBe(true);
    const bad = { ...harmless, [name]: `{${id},"token":"${planted}"}` };
    const { clean, report } = await judged("secrets", bad);
    expect(clean).toBe(false);
    expect(report).not.toContain(planted);
  });
});

describe("workflows, by actionlint", () => {
  const workflow = (step: string): Record<string, string> => ({
    ".github/workflows/a.yml": `on: pull_request\njobs:\n  one:\n    runs-on: ubuntu-24.04\n    steps:\n      - ${step}\n`,
  });

  test.each([
    ["a step that does nothing", "runs: ls", /step must run script/],
    ["a context that is not there", "run: echo ${{ github.evnt.number }}", /"evnt" is not defined/],
    [
      "text of a stranger in a script",
      "run: echo ${{ github.event.pull_request.title }}",
      /potentially untrusted/,
    ],
  ])("%s is refused", async (_, step, said) => {
    const { clean, report } = await judged("workflows", workflow(step));
    expect(clean).toBe(false);
    expect(report).toMatch(said);
  });

  test("a good one is not, nor are our own", async () => {
    expect((await judged("workflows", workflow("run: ls"))).report).toBe("");
    expect(await checks.workflows.run(ROOT)).toEqual({ clean: true, report: "" });
  });
});

describe("Dockerfiles by hadolint, scripts by ShellCheck", () => {
  test("what is wrong is found", async () => {
    const docker = await judged("dockerfiles", {
      "a/Dockerfile": "FROM debian:latest\nRUN cd /\n",
    });
    expect(docker.clean).toBe(false);
    expect(docker.report).toMatch(/a\/Dockerfile:1 DL3007/);
    const shell = await judged("scripts", { run: '#!/bin/sh\nrm -rf "$1"/*\nrm $2\n' });
    expect(shell.clean).toBe(false);
    expect(shell.report).toMatch(/SC2086/);
  });

  test("our own are clean", async () => {
    expect(await checks.dockerfiles.run(ROOT)).toEqual({ clean: true, report: "" });
    expect(await checks.scripts.run(ROOT)).toEqual({ clean: true, report: "" });
  });
});

describe("dependencies, by govulncheck", () => {
  /** A database that knows one weakness, in the shape of https://go.dev/doc/security/vuln/database. */
  function database(): string {
    const folder = mkdtempSync(join(work, "database-"));
    const modified = "2026-01-01T00:00:00Z";
    const write = (name: string, value: unknown): void => {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), JSON.stringify(value));
    };
    const id = "GO-2026-0001";
    write("index/db.json", { modified });
    write("index/modules.json", [{ path: "stdlib", vulns: [{ id, modified }] }]);
    write("index/vulns.json", [{ id, modified }]);
    write(`ID/${id}.json`, {
      schema_version: "1.3.1",
      id,
      modified,
      published: modified,
      details: "Made up for a test",
      database_specific: { url: `https://pkg.go.dev/vuln/${id}` },
      affected: [
        {
          package: { name: "stdlib", ecosystem: "Go" },
          ranges: [{ type: "SEMVER", events: [{ introduced: "0" }] }],
          ecosystem_specific: { imports: [{ path: "strings", symbols: ["ToUpper"] }] },
        },
      ],
    });
    return `file://${folder}`;
  }

  const program = (call: string): Record<string, string> => ({
    "images/a/go.mod": "module a\n\ngo 1.24\n",
    "images/a/main.go": `package main\n\nimport "strings"\n\nfunc main() { println(${call}) }\n`,
  });

  beforeAll(() => (process.env["ATALAYA_GO_VULNERABILITIES"] = database()));
  afterAll(() => delete process.env["ATALAYA_GO_VULNERABILITIES"]);

  test("a weakness that a program calls is found, one that it does not call is none", async () => {
    const called = await judged("dependencies", program('strings.ToUpper("a")'));
    expect(called).toEqual({
      clean: false,
      report: expect.stringMatching(/^go images\/a: [\s\S]*GO-2026-0001/) as string,
    });
    const other = await judged("dependencies", program('strings.ToLower("a")'));
    expect(other.clean).toBe(true);
  });
});
