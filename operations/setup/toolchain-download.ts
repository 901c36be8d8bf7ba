import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, existsSync, mkdirSync, mkdtempSync } from "node:fs";
import { readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import { messageOf, UserError } from "../errors";
import { must } from "../process";
import type { StepControl } from "../steps";

/** Where Pulumi publishes its releases; `ATALAYA_PULUMI_URL` names a mirror with the same files. */
const OFFICIAL = "https://get.pulumi.com/releases/sdk";

/** How long to wait for the server's first answer, in milliseconds. */
const CONNECT_MS = 10_000;

/** The name of the release file for a machine, or undefined where there is none that we unpack. */
export function releaseFile(
  version: string,
  platform: NodeJS.Platform,
  arch: string,
): string | undefined {
  const system = { linux: "linux", darwin: "darwin" }[platform as string];
  const machine = { x64: "x64", arm64: "arm64" }[arch];
  if (!system || !machine) return undefined;
  return `pulumi-v${version}-${system}-${machine}.tar.gz`;
}

/** The SHA-256 that a checksums file (`<hex>  <file>` lines) has for a file. */
export function checksumFor(checksums: string, file: string): string | undefined {
  for (const line of checksums.split("\n")) {
    const [sum, name] = line.trim().split(/\s+\*?/);
    if (name === file && sum && /^[0-9a-f]{64}$/i.test(sum)) return sum.toLowerCase();
  }
  return undefined;
}

/** The folder of a downloaded CLI, whether it exists or not. */
export function downloadFolder(cache: string, version: string): string {
  return join(cache, "pulumi", version);
}

/** Whether the CLI was downloaded completely before. */
export function isDownloaded(folder: string): boolean {
  return existsSync(join(folder, "bin", "pulumi"));
}

/**
 * Downloads the official Pulumi CLI, checks it against the published SHA-256 and unpacks it. Nothing
 * is left behind when it fails.
 *
 * @param target the folder that will hold `bin/`
 * @throws UserError when the server cannot be reached within ten seconds, or the sum differs.
 */
export async function download(
  target: string,
  version: string,
  control: Pick<StepControl, "progress">,
  env: NodeJS.ProcessEnv = process.env,
): Promise<void> {
  const file = releaseFile(version, process.platform, process.arch);
  if (!file) {
    throw new UserError(
      `There is no Pulumi release to unpack for ${process.platform} on ${process.arch}.`,
      "Install the CLI as https://www.pulumi.com/docs/install says, so that it is on the PATH.",
    );
  }
  const base = (env.ATALAYA_PULUMI_URL || OFFICIAL).replace(/\/$/, "");
  mkdirSync(dirname(target), { recursive: true });
  const work = mkdtempSync(join(dirname(target), ".download-"));
  try {
    const sums = await (await get(`${base}/pulumi-${version}-checksums.txt`)).text();
    const wanted = checksumFor(sums, file);
    if (wanted === undefined) {
      throw new UserError(`${base}: the checksums do not list ${file}.`, mirrorFix);
    }
    const archive = join(work, file);
    await save(await get(`${base}/${file}`), archive, control);
    const found = await sha256(archive);
    if (found !== wanted) {
      throw new UserError(
        `${base}/${file} has the SHA-256 ${found}, published is ${wanted}.`,
        `Nothing of it was used. ${mirrorFix}`,
      );
    }
    control.progress("unpacking");
    await must("tar", ["-xzf", archive, "-C", work]);
    // The archive holds one folder, `pulumi`, with the programs.
    mkdirSync(join(work, "ready"));
    renameSync(join(work, "pulumi"), join(work, "ready", "bin"));
    if (!readdirSync(join(work, "ready", "bin")).includes("pulumi")) {
      throw new UserError(`${file} holds no program named pulumi.`, mirrorFix);
    }
    try {
      renameSync(join(work, "ready"), target);
    } catch (error) {
      // Another run finished the same download first.
      if (!isDownloaded(target)) throw error;
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

const mirrorFix = "Try again, or name a mirror with the same files in ATALAYA_PULUMI_URL.";

async function get(url: string): Promise<Response> {
  const control = new AbortController();
  const timer = setTimeout(() => control.abort(new Error("no answer in 10 s")), CONNECT_MS);
  try {
    const response = await fetch(url, { signal: control.signal, redirect: "follow" });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    return response;
  } catch (error) {
    throw new UserError(`${url} cannot be fetched (${reason(error)}).`, mirrorFix, undefined, {
      cause: error,
    });
  } finally {
    // Bounds the wait for the first answer only: a slow download may go on.
    clearTimeout(timer);
  }
}

async function save(
  response: Response,
  file: string,
  control: Pick<StepControl, "progress">,
): Promise<void> {
  const total = Number(response.headers.get("content-length") ?? 0);
  let got = 0;
  let shown = Date.now();
  const mib = (bytes: number): number => Math.round(bytes / 2 ** 20);
  const body = Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]);
  body.on("data", (piece: Buffer) => {
    got += piece.length;
    if (Date.now() - shown < 2_000) return;
    shown = Date.now();
    control.progress(`downloading, ${mib(got)}${total ? ` of ${mib(total)}` : ""} MiB`);
  });
  try {
    await pipeline(body, createWriteStream(file));
  } catch (error) {
    throw new UserError(
      `${response.url} broke off after ${mib(got)} MiB (${reason(error)}).`,
      mirrorFix,
      undefined,
      { cause: error },
    );
  }
}

/** With what is behind it: fetch itself says little. */
const reason = (error: unknown): string =>
  `${messageOf(error)}${error instanceof Error && error.cause ? `: ${messageOf(error.cause)}` : ""}`;

async function sha256(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}
