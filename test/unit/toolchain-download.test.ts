import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { UserError } from "../../operations/errors";
import { must } from "../../operations/process";
import {
  download,
  downloadFolder,
  isDownloaded,
  releaseFile,
} from "../../operations/setup/toolchain-download";

/** The official download of the Pulumi CLI, from a server of our own that has the same files (issue 3). */
const VERSION = "9.8.7";
const FILE = releaseFile(VERSION, process.platform, process.arch)!;
const SUMS = `/pulumi-${VERSION}-checksums.txt`;

let folder: string;
let archive: Buffer;
let server: Server;
let answer: RequestListener;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "atalaya-download-"));
  const programs = join(folder, "pulumi");
  mkdirSync(programs);
  writeFileSync(join(programs, "pulumi"), "#!/bin/sh\necho v9.8.7\n");
  chmodSync(join(programs, "pulumi"), 0o755);
  await must("tar", ["-czf", join(folder, FILE), "-C", folder, "pulumi"]);
  archive = readFileSync(join(folder, FILE));
  server = createServer((request, response) => answer(request, response));
  await new Promise<void>((listens) => server.listen(0, "127.0.0.1", listens));
});

afterAll(async () => {
  await new Promise((closed) => server.close(closed));
  rmSync(folder, { recursive: true });
});

const listed = (of: Buffer): string =>
  `${createHash("sha256").update(of).digest("hex")}  ${FILE}\n${"0".repeat(64)}  another.tar.gz\n`;

/** What a server has, by path. */
const having =
  (files: Readonly<Record<string, string | Buffer>>): RequestListener =>
  ({ url = "" }, response) => {
    const found = files[url];
    if (found === undefined) response.writeHead(404);
    response.end(found);
  };

/** Downloads into a cache of its own. @returns the cache, and what a person is told where it fails */
async function fetched(from: RequestListener): Promise<{ cache: string; error?: UserError }> {
  answer = from;
  const cache = mkdtempSync(join(folder, "cache-"));
  const { port } = server.address() as AddressInfo;
  const env = { ATALAYA_PULUMI_URL: `http://127.0.0.1:${port}/` };
  try {
    await download(downloadFolder(cache, VERSION), VERSION, { progress: () => undefined }, env);
    return { cache };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { cache, error };
  }
}

test("is checked, unpacked, and runs", async () => {
  const { cache, error } = await fetched(
    having({ [SUMS]: listed(archive), [`/${FILE}`]: archive }),
  );
  expect(error).toBeUndefined();
  const target = downloadFolder(cache, VERSION);
  expect(isDownloaded(target)).toBe(true);
  expect(await must(join(target, "bin", "pulumi"), ["version"])).toBe("v9.8.7");
  expect(readdirSync(dirname(target))).toEqual([VERSION]);
});

test.each<[string, () => RequestListener, RegExp]>([
  [
    "an archive that is not the published one",
    () =>
      having({
        [SUMS]: listed(Buffer.from("another")),
        [`/${FILE}`]: Buffer.from("an attacker's"),
      }),
    /has the SHA-256 [0-9a-f]{64}, published is [0-9a-f]{64}/,
  ],
  [
    "a server that does not list this machine's file",
    () => having({ [SUMS]: `${"0".repeat(64)}  another.tar.gz\n` }),
    /the checksums do not list pulumi-v9\.8\.7-/,
  ],
  [
    "a server without such a version",
    () => having({}),
    /checksums\.txt cannot be fetched \(HTTP 404\)/,
  ],
  [
    "a server that hangs up",
    () =>
      ({ socket }) =>
        socket.destroy(),
    /checksums\.txt cannot be fetched \(.*fetch failed/,
  ],
  [
    "a list without an archive",
    () => having({ [SUMS]: listed(archive) }),
    /tar\.gz cannot be fetched \(HTTP 404\)/,
  ],
  [
    "an archive that breaks off",
    () => (request, response) => {
      if (request.url === SUMS) return void response.end(listed(archive));
      response.writeHead(200, { "content-length": archive.length });
      response.write(archive.subarray(0, archive.length / 2), () => response.destroy());
    },
    /tar\.gz broke off/,
  ],
])("%s: told with what to do, and nothing is left behind", async (_, from, told) => {
  const { cache, error } = await fetched(from());
  expect(error?.message).toMatch(told);
  expect(error?.fix).toContain("ATALAYA_PULUMI_URL");
  const parent = dirname(downloadFolder(cache, VERSION));
  expect(existsSync(parent) ? readdirSync(parent) : []).toEqual([]);
});
