import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";

import {
  anythingMissing,
  checkDisk,
  checkEngine,
  checkPort,
  checkSettings,
  portsOf,
} from "../../operations/commands/doctor-checks";
import { checkCluster, checkKubectl } from "../../operations/commands/doctor-checks";
import { ExitCode, UserError } from "../../operations/errors";
import { attach, lineSplitter } from "../../operations/process";
import {
  backendFacts,
  checkShared,
  locksFolder,
  prepareBackend,
} from "../../operations/setup/backend";
import {
  ENGINE_SETTINGS,
  engineFacts,
  type EngineFacts,
  needsSwarmInit,
  settingsFindings,
} from "../../operations/setup/engine-facts";
import { withoutSalt } from "../../operations/setup/stack-file";
import { buildKey, filesUnder } from "../../operations/setup/toolchain-build";
import { sourcesToTry } from "../../operations/setup/toolchain-choice";
import { checksumFor, releaseFile } from "../../operations/setup/toolchain-download";
import { compareVersions, compatible, readVersions } from "../../operations/setup/versions";
import { alreadyExisting, isStale, readEvents } from "../../operations/stack/events";
import { clearAbandonedLocks, judgeLock, parseLock } from "../../operations/stack/locks";
import { leftoversOfPreview } from "../../operations/stack/preview";
import {
  planRecovery,
  protectedResources,
  retainedVolumes,
  standingResources,
} from "../../operations/stack/recovery-plan";
import {
  hopeless,
  isRolling,
  isStuck,
  reasonOf,
  refusal,
  type RolloutStatus,
} from "../../operations/stack/kubernetes";
import { redact, secretValues } from "../../operations/stack/redact";
import {
  inMotion,
  lastFailedTask,
  rolledBackSince,
  taskErrors,
} from "../../operations/stack/tasks";
import { inputsOf, settingsOf } from "../../operations/testing/remembered";
import {
  countsOf,
  failuresOf,
  filesThatFailed,
  type JestResults,
  NONE,
  total,
  unsteadyOf,
  wholeFiles,
  withSecondRun,
} from "../../operations/testing/results";

const root = join(__dirname, "..", "..");
const text = (...path: string[]): string => readFileSync(join(root, ...path), "utf8");

const work = mkdtempSync(join(tmpdir(), "atalaya-unit-"));
afterAll(() => rmSync(work, { recursive: true }));
const folder = (): string => mkdtempSync(join(work, "of-"));

/** The error that a call throws, when it is one for people. */
function problemOf(call: () => unknown): UserError {
  try {
    call();
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("toolchain/versions.json is the one place of versions", () => {
  const versions = readVersions(root);

  it("agrees with package.json and with what is installed", () => {
    const { dependencies } = JSON.parse(text("package.json")) as {
      dependencies: Record<string, string>;
    };
    expect(dependencies["@pulumi/pulumi"]).toBe(versions.pulumi);
    for (const [name, version] of Object.entries(versions.plugins)) {
      expect(dependencies[`@pulumi/${name}`]).toBe(version);
      const installed = JSON.parse(text("node_modules", "@pulumi", name, "package.json")) as {
        pulumi: { version: string };
      };
      expect(installed.pulumi.version).toBe(version);
    }
  });

  it("agrees with the modules that are built", () => {
    expect(text("toolchain", "pulumi", "go.mod")).toContain(
      `github.com/pulumi/pulumi/pkg/v3 v${versions.pulumi}\n`,
    );
    expect(text("toolchain", "language-nodejs", "go.mod")).toContain(
      `github.com/pulumi/pulumi/sdk/v3 v${versions.languageNodejs} `,
    );
    for (const name of ["docker", "random"]) {
      expect(text("toolchain", name, "info", "info.go")).toContain(
        `const Version = "${versions.plugins[name]}"`,
      );
    }
  });

  it("names a Go that every module is satisfied with, and each module has its sums", () => {
    for (const part of ["pulumi", "language-nodejs", "random", "docker", "kubernetes"]) {
      const wanted = /^go (.+)$/m.exec(text("toolchain", part, "go.mod"))?.[1] ?? "";
      expect(compareVersions(versions.go, wanted)).toBeGreaterThanOrEqual(0);
      expect(text("toolchain", part, "go.sum").length).toBeGreaterThan(0);
    }
  });

  it("names the Node.js that package.json names", () => {
    const { engines } = JSON.parse(text("package.json")) as { engines: { node: string } };
    expect(compareVersions(engines.node, versions.node)).toBe(0);
  });
});

describe("versions", () => {
  it.each([
    ["3.259.0", "3.259.0", true],
    ["v3.259.4", "3.259.0", true],
    ["3.300.0", "3.259.0", true],
    ["3.258.9", "3.259.0", false],
    ["4.300.0", "3.259.0", false],
    ["unknown", "3.259.0", false],
  ])("%s does for %s: %s", (found, wanted, answer) => {
    expect(compatible(found, wanted)).toBe(answer);
  });

  it("compares number by number, whatever stands around them", () => {
    expect(compareVersions("go1.26.8", "1.26")).toBeGreaterThan(0);
    expect(compareVersions("20.10.24+dfsg1", "20.10")).toBeGreaterThan(0);
    expect(compareVersions("1.9", "1.21")).toBeLessThan(0);
    expect(compareVersions("what", "0.1")).toBeLessThan(0);
  });
});

describe("the choice of the toolchain", () => {
  const nothing = { downloaded: false, built: false };

  it("prefers a usable CLI on the PATH, then the download, then the build", () => {
    expect(sourcesToTry({ ...nothing, onPath: "3.260.1" }, "3.259.0")).toEqual([
      "path",
      "download",
      "build",
    ]);
    expect(sourcesToTry(nothing, "3.259.0")).toEqual(["download", "build"]);
    expect(sourcesToTry({ ...nothing, onPath: "3.100.0" }, "3.259.0")).toEqual([
      "download",
      "build",
    ]);
  });

  it("takes a finished build before it waits for a download that may be blocked", () => {
    expect(sourcesToTry({ downloaded: false, built: true }, "3.259.0")).toEqual([
      "build",
      "download",
    ]);
  });

  it("does what ATALAYA_TOOLCHAIN says, and nothing else", () => {
    expect(sourcesToTry({ ...nothing, onPath: "3.260.0", forced: "build" }, "3.259.0")).toEqual([
      "build",
    ]);
    expect(problemOf(() => sourcesToTry({ ...nothing, forced: "brew" }, "3.259.0"))).toMatchObject({
      exitCode: ExitCode.usage,
      fix: expect.stringContaining("path, download, build") as string,
    });
    expect(
      problemOf(() => sourcesToTry({ ...nothing, forced: "path", onPath: "3.1.0" }, "3.259.0")),
    ).toMatchObject({ exitCode: ExitCode.missing });
  });

  it("keys a build by Go's version and every input file", () => {
    const inputs = folder();
    mkdirSync(join(inputs, "part"));
    writeFileSync(join(inputs, "part", "go.mod"), "module a\n");
    writeFileSync(join(inputs, "README.md"), "prose\n");
    expect(filesUnder(inputs)).toEqual(["README.md", "part/go.mod"]);
    const first = buildKey(inputs, "go1.26.8");
    writeFileSync(join(inputs, "README.md"), "other prose\n");
    expect(buildKey(inputs, "go1.26.8")).toBe(first);
    expect(buildKey(inputs, "go1.26.9")).not.toBe(first);
    writeFileSync(join(inputs, "part", "go.mod"), "module b\n");
    expect(buildKey(inputs, "go1.26.8")).not.toBe(first);
  });
});

describe("the official download", () => {
  it("knows the release's file for a machine", () => {
    expect(releaseFile("3.259.0", "linux", "x64")).toBe("pulumi-v3.259.0-linux-x64.tar.gz");
    expect(releaseFile("3.259.0", "darwin", "arm64")).toBe("pulumi-v3.259.0-darwin-arm64.tar.gz");
    expect(releaseFile("3.259.0", "win32", "x64")).toBeUndefined();
  });

  it("finds the sum of exactly that file", () => {
    const sum = "ab".repeat(32);
    const sums = `${"cd".repeat(32)}  pulumi-v1-linux-x64.tar.gz.sig\n${sum}  pulumi-v1-linux-x64.tar.gz\n`;
    expect(checksumFor(sums, "pulumi-v1-linux-x64.tar.gz")).toBe(sum);
    expect(checksumFor(sums, "pulumi-v1-linux-arm64.tar.gz")).toBeUndefined();
    expect(checksumFor("short  a.tar.gz\n", "a.tar.gz")).toBeUndefined();
  });
});

describe("the Docker engine", () => {
  const info = (swarm: object, version = "24.0.7"): string =>
    JSON.stringify({ ServerVersion: version, Swarm: swarm, MemTotal: 8 * 2 ** 30, NCPU: 4 });
  const facts = (swarm: object, version?: string): EngineFacts =>
    engineFacts(info(swarm, version))!;

  it("is none when no server answered", () => {
    expect(engineFacts(JSON.stringify({ ServerErrors: ["cannot connect"] }))).toBeUndefined();
    expect(engineFacts("")).toBeUndefined();
  });

  it("is initialised for Swarm only when it is in none", () => {
    expect(needsSwarmInit(facts({ LocalNodeState: "inactive" }))).toBe(true);
    expect(needsSwarmInit(facts({ LocalNodeState: "active", ControlAvailable: true }))).toBe(false);
  });

  it.each([
    [{ LocalNodeState: "active", ControlAvailable: false }, "docker node promote"],
    [{ LocalNodeState: "locked" }, "docker swarm unlock"],
    [{ LocalNodeState: "pending" }, "docker info"],
  ])("refuses %j and says what to do", (swarm, fix) => {
    expect(problemOf(() => needsSwarmInit(facts(swarm)))).toMatchObject({
      exitCode: ExitCode.missing,
      fix: expect.stringContaining(fix) as string,
    });
  });

  it("is refused when it is too old", () => {
    const old = facts({ LocalNodeState: "inactive" }, "19.03.15");
    expect(problemOf(() => needsSwarmInit(old)).problem).toContain("19.03.15");
  });

  it("is content with the settings that we write ourselves", () => {
    expect(settingsFindings(ENGINE_SETTINGS)).toEqual([]);
    expect(settingsFindings({})).toHaveLength(3);
    expect(settingsFindings({ ...ENGINE_SETTINGS, "log-driver": "local", "log-opts": {} })).toEqual(
      [],
    );
  });
});

describe("the state's place", () => {
  const shared = { secretsprovider: "awskms://alias/atalaya" };

  it("lets a laptop's stack be", () => {
    expect(() => checkShared("dev", { token: false, passphrase: false }, {})).not.toThrow();
  });

  it("refuses staging and prod on one laptop, with both reasons at once", () => {
    const error = problemOf(() =>
      checkShared("prod", { token: false, passphrase: true, url: "file:///home/a" }, {}),
    );
    expect(error.exitCode).toBe(ExitCode.missing);
    expect(error.problem).toBe(
      "Stack prod is shared: it needs a backend that everybody reaches and a named secrets provider.",
    );
    expect(error.fix.split("\n")).toHaveLength(2);
  });

  it("takes a stack of another name with a shared profile for what it is", () => {
    const file = { config: { "atalaya:profile": "prod" } };
    expect(() => checkShared("customer", { token: false, passphrase: false }, file)).toThrow();
  });

  it("accepts a shared backend with a named provider, and no passphrase as one", () => {
    const facts = { token: false, passphrase: false, url: "s3://state" };
    expect(() => checkShared("prod", facts, shared)).not.toThrow();
    expect(() => checkShared("prod", facts, { secretsprovider: "passphrase" })).toThrow();
    expect(() => checkShared("prod", { token: true, passphrase: false }, shared)).not.toThrow();
  });

  it("keeps the backend that somebody logged in to", () => {
    const home = folder();
    expect(backendFacts({ PULUMI_HOME: home })).toEqual({ token: false, passphrase: false });
    writeFileSync(join(home, "credentials.json"), JSON.stringify({ current: "s3://bucket" }));
    expect(backendFacts({ PULUMI_HOME: home }).url).toBe("s3://bucket");
    expect(backendFacts({ PULUMI_HOME: home, PULUMI_BACKEND_URL: "file:///x" }).url).toBe(
      "file:///x",
    );
  });

  it("gives somebody without Pulumi a state and a passphrase of their own, which nobody else reads", () => {
    const home = folder();
    const env = { PULUMI_HOME: join(home, "none"), XDG_STATE_HOME: join(home, "state") };
    const backend = prepareBackend("dev", "atalaya", env);
    const own = join(home, "state", "atalaya", "atalaya");
    const file = join(own, "passphrase");
    expect(backend).toEqual({
      url: pathToFileURL(join(own, "state")).href,
      own: true,
      env: {
        PULUMI_BACKEND_URL: pathToFileURL(join(own, "state")).href,
        PULUMI_CONFIG_PASSPHRASE_FILE: file,
      },
      summary: `${join(own, "state")} on this machine, secrets under the passphrase in ${file}`,
    });
    const passphrase = readFileSync(file, "utf8").trim();
    // 32 random bytes.
    expect(Buffer.from(passphrase, "base64url")).toHaveLength(32);
    expect([own, join(own, "state"), file].map((path) => statSync(path).mode & 0o777)).toEqual([
      0o700, 0o700, 0o600,
    ]);
    expect(JSON.stringify(backend)).not.toContain(passphrase);
    // The same again: another one could not read the state.
    expect(prepareBackend("dev", "atalaya", env)).toEqual(backend);
    expect(readFileSync(file, "utf8").trim()).toBe(passphrase);
    expect(readdirSync(own).sort()).toEqual(["passphrase", "state"]);
    // Who has a passphrase keeps it, and so does who has a backend.
    expect(prepareBackend("dev", "atalaya", { ...env, PULUMI_CONFIG_PASSPHRASE: "" }).env).toEqual({
      PULUMI_BACKEND_URL: backend.url,
    });
    expect(prepareBackend("dev", "atalaya", { ...env, PULUMI_BACKEND_URL: "s3://bucket" })).toEqual(
      { url: "s3://bucket", own: false, env: {}, summary: "yours, s3://bucket" },
    );
    expect(() => prepareBackend("prod", "atalaya", env)).toThrow(/needs a backend that everybody/);
  });

  it("takes the mark of a lost passphrase out of a file without secrets only", () => {
    const config = "config:\n  atalaya:profile: dev\n";
    expect(withoutSalt(`encryptionsalt: v1:abc=\n${config}`)).toBe(config);
    expect(withoutSalt(config)).toBeUndefined();
    expect(
      withoutSalt(`encryptionsalt: v1:abc=\n${config}  atalaya:token:\n    secure: v1:x\n`),
    ).toBeUndefined();
  });

  it("knows where a file backend keeps its locks", () => {
    expect(locksFolder("file:///a%20b", "atalaya", "dev")).toBe(
      "/a b/.pulumi/locks/organization/atalaya/dev",
    );
    expect(locksFolder("s3://bucket", "atalaya", "dev")).toBeUndefined();
  });
});

describe("locks", () => {
  const lock = (pid: number, hostname: string): string =>
    JSON.stringify({ pid, username: "ana", hostname, timestamp: "2026-11-22T06:00:00Z" });

  it("are abandoned only when their Pulumi is certainly gone", () => {
    const gone = (): undefined => undefined;
    expect(judgeLock({ pid: 7, hostname: "here" }, "here", gone)).toBe("abandoned");
    expect(judgeLock({ pid: 7, hostname: "here" }, "here", () => "pulumi")).toBe("running");
    expect(judgeLock({ pid: 7, hostname: "here" }, "here", () => "nginx")).toBe("abandoned");
    expect(judgeLock({ pid: 7, hostname: "there" }, "here", gone)).toBe("elsewhere");
  });

  it("cannot be read from half a file", () => {
    expect(parseLock("f", '{"pid": 7,')).toBeUndefined();
    expect(parseLock("f", "{}")).toBeUndefined();
    expect(parseLock("f", lock(7, "here"))).toMatchObject({ pid: 7, username: "ana" });
  });

  it("are cleared with what Pulumi notes beside them; another's stop everything", () => {
    const locks = folder();
    writeFileSync(join(locks, "a.json"), lock(7, "here"));
    writeFileSync(join(locks, "a.json.attrs"), "{}");
    expect(clearAbandonedLocks(locks, "dev", "here", () => undefined)).toHaveLength(1);
    expect(readdirSync(locks)).toEqual([]);
    expect(clearAbandonedLocks(locks, "dev", "here", () => undefined)).toEqual([]);
    writeFileSync(join(locks, "a.json"), lock(7, "here"));
    writeFileSync(join(locks, "b.json"), lock(8, "there"));
    expect(
      problemOf(() => clearAbandonedLocks(locks, "dev", "here", () => undefined)).fix,
    ).toContain("pulumi cancel --stack dev");
    expect(readdirSync(locks)).toHaveLength(2);
  });
});

describe("recovery after an interrupted run", () => {
  const urn = (name: string): string => `urn:pulumi:dev::atalaya::t::${name}`;
  const resource = (type: string, name: string, more: object = {}): never =>
    ({ urn: urn(name), type, inputs: { name }, ...more }) as never;
  const creating = (type: string, name: string): never =>
    ({ type: "creating", resource: resource(type, name) }) as never;

  it("does nothing after a run that ended by itself", () => {
    expect(
      planRecovery({ resources: [resource("docker:index/network:Network", "n")] }, false),
    ).toEqual({ remove: [], keep: [], refresh: false });
  });

  it("removes what was begun, users before what they use, and keeps every volume", () => {
    const plan = planRecovery(
      {
        pending_operations: [
          creating("docker:index/network:Network", "net"),
          creating("docker:index/volume:Volume", "data"),
          creating("docker:index/secret:Secret", "password"),
          creating("random:index/randomPassword:RandomPassword", "random"),
          creating("docker:index/serviceConfig:ServiceConfig", "file"),
          creating("docker:index/service:Service", "api"),
        ],
      },
      true,
    );
    expect(plan.remove.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      "service api",
      "secret password",
      "config file",
      "network net",
    ]);
    expect(plan.keep.map(({ name }) => name)).toEqual(["data"]);
    expect(plan.refresh).toBe(true);
  });

  it("leaves alone what is recorded under the same name", () => {
    const plan = planRecovery(
      {
        resources: [resource("docker:index/service:Service", "api")],
        pending_operations: [creating("docker:index/service:Service", "api")],
      },
      false,
    );
    expect(plan).toMatchObject({ remove: [], refresh: true });
  });

  it("only refreshes after an interrupted update or deletion", () => {
    const pending = { type: "updating", resource: resource("docker:index/service:Service", "api") };
    expect(planRecovery({ pending_operations: [pending as never] }, false)).toEqual({
      remove: [],
      keep: [],
      refresh: true,
    });
  });

  it("finds what a lost state would create again", () => {
    const step = (op: string, type: string, name: string): object => ({
      op,
      urn: urn(name),
      newState: { type, inputs: { name } },
    });
    const steps = [
      step("create", "docker:index/volume:Volume", "data"),
      step("create", "docker:index/network:Network", "net"),
      step("same", "docker:index/secret:Secret", "old"),
      step("create", "docker:index/service:Service", "api"),
    ];
    expect(leftoversOfPreview(JSON.stringify({ steps })).map(({ name }) => name)).toEqual([
      "api",
      "net",
      "data",
    ]);
    expect(leftoversOfPreview("error: no")).toEqual([]);
  });

  it("tells what `down` keeps, and which volumes `down --all` has to remove itself", () => {
    const resources = [
      resource("docker:index/volume:Volume", "data", {
        id: "gad-data",
        protect: true,
        retainOnDelete: true,
      }),
      resource("random:index/randomPassword:RandomPassword", "admin", { protect: true }),
      resource("docker:index/service:Service", "api", { id: "x1" }),
    ];
    expect(protectedResources({ resources })).toEqual(["volume gad-data", "RandomPassword admin"]);
    expect(retainedVolumes({ resources })).toEqual(["gad-data"]);
  });

  it("says what protected data stands on: what the state still has of the engine after `down`", () => {
    const left = [
      resource("pulumi:pulumi:Stack", "stack"),
      resource("pulumi:providers:kubernetes", "cluster", { id: "p1" }),
      resource("atalaya:index:System", "gad"),
      resource("random:index/randomPassword:RandomPassword", "names", { id: "none" }),
      resource("random:index/randomPassword:RandomPassword", "admin", { protect: true }),
      resource("kubernetes:core/v1:Namespace", "gad-namespace", { id: "prod-gad" }),
      resource("kubernetes:core/v1:ResourceQuota", "gad-ceiling", { id: "prod-gad/ceiling" }),
      resource("kubernetes:core/v1:ConfigMap", "seen", { id: "kube-system/x", external: true }),
      resource("kubernetes:core/v1:PersistentVolumeClaim", "gad-db-data", {
        id: "prod-gad/db-data",
        protect: true,
      }),
    ];
    expect(protectedResources({ resources: left })).toEqual([
      "RandomPassword admin",
      "PersistentVolumeClaim prod-gad/db-data",
    ]);
    expect(standingResources({ resources: left })).toEqual([
      "Namespace prod-gad",
      "ResourceQuota prod-gad/ceiling",
    ]);
    const swarm = [resource("docker:index/volume:Volume", "v", { id: "v", protect: true })];
    expect(standingResources({ resources: swarm })).toEqual([]);
    expect(standingResources({})).toEqual([]);
  });
});

describe("Pulumi's event log", () => {
  const line = (event: object): string => `${JSON.stringify(event)}\n`;
  const error = (message: string): string =>
    line({ diagnosticEvent: { severity: "error", message, urn: "urn" } });

  it("gives errors once, without colours, and the changes", () => {
    const report = readEvents(
      line({ diagnosticEvent: { severity: "warning", message: "w" } }) +
        error("<{%fg 1%}>no<{%reset%}>\n") +
        error("no") +
        line({ summaryEvent: { resourceChanges: { create: 2 } } }) +
        '{"cut":',
    );
    expect(report).toEqual({ errors: [{ urn: "urn", message: "no" }], changes: { create: 2 } });
  });

  it("tells a stale picture and a taken name from other failures", () => {
    expect(isStale(readEvents(error("Error: No such service: abc")))).toBe(true);
    expect(isStale(readEvents(error("service abc not found")))).toBe(true);
    expect(isStale(readEvents(error("service did not converge")))).toBe(false);
    const taken = "rpc error: code = AlreadyExists desc = name conflicts with an existing object";
    expect(alreadyExisting(readEvents(error(taken)))).toHaveLength(1);
    expect(alreadyExisting(readEvents(error("out of memory")))).toEqual([]);
  });
});

describe("a release that the engine rolled back", () => {
  const service = (name: string, state: string, at: string): never =>
    ({
      ID: name,
      Spec: { Name: name },
      UpdateStatus: { State: state, StartedAt: at, CompletedAt: at, Message: "update paused" },
    }) as never;
  const began = Date.parse("2026-11-22T06:00:00Z");

  it("is one of this run, not of an earlier one", () => {
    const services = [
      service("api", "rollback_completed", "2026-11-22T06:01:00Z"),
      service("bot", "rollback_completed", "2026-11-22T05:00:00Z"),
      service("edge", "completed", "2026-11-22T06:01:00Z"),
    ];
    expect(rolledBackSince(services, began).map((one) => one.service)).toEqual(["api"]);
    expect(inMotion([service("api", "updating", ""), ...services])).toEqual(["api"]);
  });

  it("is explained by the newest distinct errors and the log of the task that failed last", () => {
    const task = (ID: string, Error: string): string =>
      JSON.stringify({ ID, Name: "api.1", Image: "i", CurrentState: "Failed", Error });
    const lines = [
      task("t4", ""),
      task("t3", '"exit (3)"'),
      task("t2", "exit (3)"),
      task("t1", "no image"),
    ].join("\n");
    expect(taskErrors(lines)).toEqual(["exit (3)", "no image"]);
    expect(lastFailedTask(lines)).toBe("t3");
    expect(taskErrors("")).toEqual([]);
  });

  it("never shows a secret's value", () => {
    const secret = (plaintext: string): object => ({
      "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
      plaintext,
    });
    const state = {
      resources: [
        { outputs: { result: secret('"hunter2hunter2"'), list: secret('["abcdefgh"]') } },
      ],
    };
    const values = secretValues(state);
    expect(redact("login hunter2hunter2 abcdefgh ok", values)).toBe("login [secret] [secret] ok");
    expect(secretValues({ plain: "text" }).size).toBe(0);
  });
});

describe("doctor", () => {
  it("is missing something only when `up` would have to stop", () => {
    expect(anythingMissing([checkPort(443, false, false), checkPort(80, true, true)])).toBe(false);
    expect(anythingMissing([checkPort(443, true, false)])).toBe(true);
    expect(anythingMissing(checkEngine({ endpoint: "unix:///x", why: "no answer" }))).toBe(true);
  });

  it("says of an engine somewhere else what to do there, and not that one could be installed here", () => {
    const fix = (endpoint: string): string | undefined =>
      checkEngine({ endpoint, why: "no answer" })[0]?.fix;
    expect(fix("unix:///x")).toContain("offers to install");
    expect(fix("ssh://deploy@server")).toContain("`ssh deploy@server docker version`");
    expect(fix("tcp://server:2376")).toContain("correct its address");
  });

  it("judges the disk", () => {
    expect(checkDisk(20 * 2 ** 30, "/d").state).toBe("ok");
    expect(checkDisk(5 * 2 ** 30, "/d").state).toBe("warn");
    expect(checkDisk(2 ** 30, "/d").state).toBe("missing");
    expect(checkDisk(undefined, "/d").state).toBe("warn");
  });

  it("only looks at settings that it can see", () => {
    expect(checkSettings("unix:///s", ENGINE_SETTINGS, "f").state).toBe("ok");
    expect(checkSettings("unix:///s", {}, "f").state).toBe("warn");
    expect(checkSettings("ssh://deploy@server", undefined, "f").found).toBe(
      "not visible from here",
    );
  });

  it("looks at the ports that the systems are configured to publish", () => {
    expect(portsOf({})).toEqual([80, 443]);
    expect(portsOf({ "atalaya:grupo-gad": { ports: { http: 8080, https: 8443 } } })).toEqual([
      8080, 8443,
    ]);
    const systems = { "atalaya:systems": ["grupo-gad", "pronto"], "atalaya:grupo-gad": null };
    const [pronto, other] = [{ ports: { https: 8443 } }, { ports: { http: 1, https: 2 } }];
    expect(
      portsOf({ ...systems, "atalaya:pronto": pronto, "atalaya:flores-victoria": other }),
    ).toEqual([80, 443, 8443]);
    // As `pulumi config set` leaves it.
    const text = { "atalaya:systems": '["pronto"]', "atalaya:pronto": '{"ports":{"http":8080}}' };
    expect(portsOf(text)).toEqual([8080, 443]);
  });
});

describe("the test command", () => {
  const done = (
    fullName: string,
    status = "failed",
  ): JestResults["testResults"][number]["assertionResults"][number] => ({
    fullName,
    status,
    failureMessages: status === "failed" ? ["expected 1"] : [],
  });

  const results: JestResults = {
    testResults: [
      { name: "/a.test.ts", message: "", assertionResults: [done("a", "passed"), done("b")] },
      { name: "/b.test.ts", message: "", assertionResults: [done("c", "passed")] },
      { name: "/c.test.ts", message: "", assertionResults: [done("d", "pending")] },
      { name: "/d.test.ts", message: "cannot be loaded", assertionResults: [] },
    ],
  };

  it("counts a test file that could not be loaded as a failure, and one that finds no test", () => {
    const counts = { passed: 2, failed: 2, skipped: 1, unchanged: 0 };
    expect(countsOf(results)).toEqual(counts);
    expect(total([counts, { ...NONE, passed: 2, unchanged: 2 }])).toEqual({
      ...{ passed: 4, failed: 2, skipped: 1, unchanged: 2 },
    });
    expect(countsOf({ testResults: [] }).failed).toBe(1);
  });

  it("counts a file that failed by its second run only where every test passed in it", () => {
    expect(filesThatFailed(results)).toEqual(["/a.test.ts", "/d.test.ts"]);
    const again = (name: string, ...status: string[]): JestResults["testResults"][number] => ({
      ...{ name, message: "" },
      assertionResults: status.map((of, i) => done(["a", "b"][i]!, of)),
    });
    const second = { testResults: [again("/a.test.ts", "passed", "passed")] };
    const left = { testResults: [again("/a.test.ts", "passed", "pending")] };
    expect(countsOf(withSecondRun(results, second))).toMatchObject({ passed: 3, failed: 1 });
    expect(countsOf(withSecondRun(results, left))).toEqual(countsOf(results));
    expect(failuresOf(withSecondRun(results, second))).toEqual([failuresOf(results)[1]]);
  });

  it("names each that passed at its second try only, in its file or in the second run of it", () => {
    const late = { ...done("late", "passed"), invocations: 2, retryReasons: ["expected 2"] };
    const file = { name: "/a.test.ts", message: "", assertionResults: [late, done("b")] };
    const once = { ...done("b", "passed"), invocations: 1, retryReasons: [] };
    const again = { testResults: [{ ...file, assertionResults: [late, once] }] };
    const failed = { testResults: [{ ...file, assertionResults: [done("late"), done("b")] }] };
    const first = { testResults: [file] };
    expect(unsteadyOf(first)).toEqual(["late\n  expected 2"]);
    expect(unsteadyOf(first, again)).toEqual(["late\n  expected 2", "b\n  expected 1"]);
    expect(unsteadyOf(first, failed)).toEqual(["late\n  expected 2"]);
    expect(unsteadyOf({ testResults: [{ ...file, assertionResults: [once] }] })).toEqual([]);
    // Twice too late is a failure.
    const never = { ...done("never"), invocations: 2, retryReasons: ["expected 2"] };
    expect(unsteadyOf({ testResults: [{ ...file, assertionResults: [never] }] })).toEqual([]);
  });

  it("takes a pass for one of the same settings, whatever the run's limits are", () => {
    const limits = {
      ATALAYA_TEST_RESULTS: "/r",
      ATALAYA_TEST_DEADLINE: "1",
      ATALAYA_TEST_RETRY_DEADLINE: "2",
    };
    const env = { ATALAYA_TEST_SECOND_TRY: "1", ...limits, HOME: "/root" };
    expect(settingsOf(env)).toEqual([]);
    expect(settingsOf({ ...env, DOCKER_HOST: "d", ATALAYA_TOOLCHAIN: "build" })).toEqual([
      ["ATALAYA_TOOLCHAIN", "build"],
      ["DOCKER_HOST", "d"],
    ]);
  });

  it("names what failed, and remembers only files of which all passed", () => {
    expect(failuresOf(results)).toEqual(["b\n  expected 1", "/d.test.ts\n  cannot be loaded"]);
    expect([...wholeFiles(results)]).toEqual([["/b.test.ts", 1]]);
  });

  it("has a slow file run again when the product changes, or a part of the tests that it names", () => {
    const texts: Record<string, string> = {
      "test/live/links.test.ts":
        'import { x } from "./cases/x"; const main = "test/live/programs/links.ts";',
      "test/live/cases/x.ts": 'import { run } from "../../support/commands";',
      "test/support/commands.ts": 'spawn("node", [join(__dirname, "load-main.ts")]);',
      "test/support/load-main.ts": "",
      "test/live/programs/links.ts": "",
      "test/cluster/begin.ts": "",
      "jest.config.js": 'globalSetup: "<rootDir>/test/cluster/begin.ts"',
      "images/redis/acl.go": "",
      "test/cluster/up.sh": "",
      "package-lock.json": "",
    };
    const others = [
      ...["docs/a.md", "images/redis/README.md", "bench/preview.ts", "test/unit/a.test.ts"],
      ...["test/live/pronto.test.ts", "test/cluster/links.test.ts", "test/live/cases/shop.ts"],
    ];
    const own = "test/live/links.test.ts";
    const inputs = inputsOf(own, [...Object.keys(texts), ...others], (path) => texts[path]!);
    expect([...inputs].sort()).toEqual(Object.keys(texts).sort());
  });

  it("has a slow file run again when something of another suite changes, or a text, that is named by its path", () => {
    const texts: Record<string, string> = {
      "test/live/cases/x.test.ts": `
        import { root } from "../../manifests/tools";
        const PAGE = join(__dirname, "..", "..", "..", "docs", "waf.md");
        goProgram({ sources: join(__dirname, "../../manifests/more/s3") });
        const top = join(__dirname, "../../..");
        const said = ["docs", "a.md", "unit", "x"];`,
      "test/manifests/tools.ts":
        'const SOURCES = join(__dirname, "tools");\nconst GOLDEN = "test/golden/files";',
      "test/manifests/tools/s3/go.mod": "",
      "test/manifests/tools/schemas/convert.ts": 'import { a } from "../../read";',
      "test/manifests/read.ts": "",
      "test/manifests/more/s3/go.sum": "",
      "test/golden/files/a.yaml": "",
      "docs/waf.md": "",
      "images/redis/acl.go": "",
    };
    const others = [
      ...["docs/a.md", "docs/waf.md.bak.md", "test/manifests/more/other/go.mod", "test/unit/x.ts"],
      ...["test/manifests/cyclonus.ts", "test/golden/golden.test.ts", "test/engine/x.json"],
    ];
    const own = "test/live/cases/x.test.ts";
    const inputs = inputsOf(own, [...Object.keys(texts), ...others], (path) => texts[path]!);
    expect([...inputs].sort()).toEqual(Object.keys(texts).sort());
  });

  it("has files run again when what they build or read of the suites manifests and recorded changes", () => {
    const tracked = readdirSync(join(root, "test"), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(root, join(entry.parentPath, entry.name)));
    const inputs = (name: string): readonly string[] =>
      inputsOf(`test/${name}.test.ts`, tracked, (path) => text(path));
    expect(inputs("live/backups-s3")).toContain("test/manifests/tools/versitygw/go.sum");
    expect(inputs("live/gateway-programs")).toContain("test/manifests/tools/pebble/go.sum");
    expect(inputs("live/logs")).toContain("test/manifests/tools/loki/go.sum");
    expect(inputs("live/stores").filter((path) => path.includes("/tools/"))).toEqual([]);
    expect(inputs("manifests/dashboards")).toContain("test/manifests/metrics/caddy.txt");
    expect(inputs("engine/upgrade").filter((path) => path.endsWith(".json"))).not.toEqual([]);
  });
});

describe("a command's output", () => {
  it("is cut into lines wherever the pieces end", () => {
    const lines: string[] = [];
    const take = lineSplitter((line) => lines.push(line));
    for (const piece of ["a", "b\nc", "\n\nd"]) take(piece);
    expect(lines).toEqual(["ab", "c", ""]);
  });
});

describe("a command that has lost its purpose", () => {
  it.each([0, 300])("is told to end in good order (%i ms after it began)", async (milliseconds) => {
    const purpose = new AbortController();
    setTimeout(() => purpose.abort(), milliseconds);
    const program = "process.on('SIGINT', () => process.exit(7)); setTimeout(() => {}, 20_000)";
    const code = await attach(process.execPath, ["-e", program], { end: purpose.signal });
    // Before it listens, the signal itself ends it.
    expect([7, 130]).toContain(code);
  });
});

describe("a rollout on Kubernetes", () => {
  const rollout = (status: RolloutStatus["status"], kind = "Deployment"): RolloutStatus => ({
    kind,
    metadata: { name: "api", namespace: "dev-shop", generation: 2 },
    spec: { replicas: 2 },
    ...(status === undefined ? {} : { status }),
  });
  const done = { observedGeneration: 2, replicas: 2, updatedReplicas: 2, availableReplicas: 2 };
  const givenUp = {
    conditions: [{ type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded" }],
  };

  it.each([
    ["the cluster has not seen the change yet", { ...done, observedGeneration: 1 }, true],
    ["a new pod is missing", { ...done, updatedReplicas: 1 }, true],
    ["an old pod is left", { ...done, replicas: 3 }, true],
    ["a new pod is not well yet", { ...done, availableReplicas: 1 }, true],
    ["all is done", done, false],
    ["the cluster has given up", { ...done, updatedReplicas: 1, ...givenUp }, false],
    ["nothing is known of it", undefined, true],
  ])("%s", (_what, status, rolling) => {
    expect(isRolling(rollout(status))).toBe(rolling);
  });

  describe("of an update that has no hope", () => {
    const stuck = (at: string, generation = 2): RolloutStatus => {
      const [condition] = givenUp.conditions;
      const of = rollout({
        ...done,
        updatedReplicas: 1,
        conditions: [{ ...condition!, lastUpdateTime: at }],
      });
      return {
        ...of,
        metadata: { ...of.metadata, generation },
        spec: { progressDeadlineSeconds: 60 },
      };
    };
    const [noon, later] = ["2026-11-22T12:00:00Z", "2026-11-22T12:05:00Z"];

    it.each([
      ["the cluster gave it up meanwhile", stuck(noon), rollout(done), 1, true],
      ["it gave an earlier one up, and now this one", stuck(later), stuck(noon), 1, true],
      ["it had given it up before", stuck(noon), stuck(noon), 59, false],
      ["that, and it would have done so again", stuck(noon), stuck(noon), 61, true],
      ["it has not seen this change yet", stuck(noon, 3), rollout(done), 61, false],
      ["it is at it", rollout({ ...done, updatedReplicas: 1 }), rollout(done), 61, false],
    ])("%s", (_what, now, before, seconds, lost) => {
      expect(hopeless([now], [before], seconds * 1_000)).toHaveLength(lost ? 1 : 0);
    });
  });

  it("names what keeps the cluster from making pods", () => {
    const message = 'pods "api-1" is forbidden: exceeded quota: tiny';
    const refused = { type: "ReplicaFailure", status: "True", reason: "FailedCreate", message };
    expect(refusal(rollout({ ...done, conditions: [refused] }))).toBe(message);
    expect(refusal(rollout(done))).toBeUndefined();
  });

  it("says of a pod without a node what the scheduler says, and of another what its container does", () => {
    const message = "0/1 nodes are available: 1 Insufficient cpu.";
    const metadata = { name: "api-1", creationTimestamp: "2026-11-23T10:15:00Z" };
    const condition = { type: "PodScheduled", message };
    const pod = (status: string, rest = {}): string =>
      reasonOf({ metadata, status: { conditions: [{ ...condition, status }], ...rest } });
    expect(pod("False")).toBe(`not scheduled: ${message}`);
    expect(pod("True")).toBe("not scheduled");
    const waiting = { ready: false, restartCount: 1, state: { waiting: { reason: "Crashed" } } };
    expect(pod("False", { containerStatuses: [waiting] })).toBe("Crashed");
  });

  it("does not wait for a database that keeps crashing", () => {
    expect(isRolling(rollout({ ...done, availableReplicas: 0 }, "StatefulSet"))).toBe(false);
    expect(isStuck(rollout({ ...done, ...givenUp }))).toBe(true);
  });
});

describe("doctor for a stack on Kubernetes", () => {
  it("says what the cluster lacks, each with its fix", () => {
    const problem = { path: "namespace prod-shop", message: "it is not there", fix: "ask for it" };
    expect(checkCluster("production", true, [problem])).toEqual([
      { name: problem.path, state: "missing", found: problem.message, fix: problem.fix },
    ]);
  });

  it("calls a cluster that nobody asked no more than a warning", () => {
    expect(checkCluster("production", true, []).map(({ state }) => state)).toEqual(["ok"]);
    expect(checkCluster(undefined, false, []).map(({ state }) => state)).toEqual(["warn"]);
    expect(checkKubectl(undefined).state).toBe("warn");
  });
});
