import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { insideOf } from "../../operations/backup/inside";

/** Of the stack's configuration. */
let engine: string | undefined;
jest.mock("../../operations/setup/stack-file", () => ({
  configuredPlatform: () => "swarm",
  configuredEngine: () => engine,
}));

/** Commands of `atalaya backup` run where a stack's containers are. */
describe("on a Swarm", () => {
  const folder = mkdtempSync(join(tmpdir(), "atalaya-inside-"));
  const { PATH, DOCKER_HOST } = process.env;

  beforeAll(() => {
    // Only the engine "ssh://volumes" and the one of no address run a container.
    const file = join(folder, "docker");
    writeFileSync(
      file,
      `#!/bin/sh
case "$1 \${DOCKER_HOST-none}" in
  "ps ssh://volumes" | "ps none") echo c1 ;;
  "ps ssh://away") exit 7 ;;
  exec*) echo "$2 on \${DOCKER_HOST-none}: $3" ;;
esac
`,
    );
    chmodSync(file, 0o755);
    process.env.PATH = `${folder}${delimiter}${PATH}`;
  });
  afterAll(() => {
    process.env.PATH = PATH;
    if (DOCKER_HOST === undefined) delete process.env.DOCKER_HOST;
    else process.env.DOCKER_HOST = DOCKER_HOST;
    rmSync(folder, { recursive: true });
  });

  test.each([
    ["this machine's", undefined, undefined, "none"],
    ["the one that somebody names", undefined, "ssh://volumes", "ssh://volumes"],
    ["the stack's", "ssh://volumes", undefined, "ssh://volumes"],
    ["the stack's, whichever else is named", "ssh://volumes", "ssh://manager", "ssh://volumes"],
    ["the node that is named beside it", "ssh://manager", "ssh://volumes", "ssh://volumes"],
  ])("engine: %s", async (_, own, named, expected) => {
    engine = own;
    if (named === undefined) delete process.env.DOCKER_HOST;
    else process.env.DOCKER_HOST = named;
    const { stdout } = await insideOf("dev")("shop", "db-backup", ["atalaya-backup"]);
    expect(stdout).toBe(`c1 on ${expected}: atalaya-backup\n`);
  });

  test("what runs nowhere is told with what to do, an engine's own failure as it is", async () => {
    delete process.env.DOCKER_HOST;
    engine = "ssh://manager";
    await expect(insideOf("dev")("shop", "db-backup", [])).rejects.toThrow(
      "No instance of dev-shop-db-backup runs on this engine.",
    );
    engine = "ssh://away";
    expect((await insideOf("dev")("shop", "db-backup", [])).code).toBe(7);
  });
});
