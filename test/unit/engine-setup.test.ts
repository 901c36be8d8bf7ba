import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { delimiter, join } from "node:path";
import { UserError } from "../../operations/errors";
import { ensureEngine } from "../../operations/setup/engine";

/** An engine of this machine as somebody finds it who is not root: `docker`, `sudo` and the rest are played. */
const folder = mkdtempSync(join(tmpdir(), "atalaya-engine-"));
const calls = join(folder, "calls");
const { PATH, DOCKER_HOST } = process.env;
const { isTTY } = process.stdin;

/** Puts a program before those of the machine. */
function play(name: string, script: string): void {
  const file = join(folder, name);
  writeFileSync(file, `#!/bin/sh\necho "${name} $*" >>${calls}\n${script}\n`);
  chmodSync(file, 0o755);
}

const REFUSED =
  "echo 'permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock' >&2; exit 1";
const ABSENT =
  "echo 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?' >&2; exit 1";
const USER = userInfo().username;

beforeEach(() => {
  process.env["PATH"] = [folder, PATH].join(delimiter);
  delete process.env["DOCKER_HOST"];
  writeFileSync(calls, "");
  process.stdin.isTTY = false;
  jest.spyOn(process, "getuid").mockReturnValue(1_000);
  jest.spyOn(process.stderr, "write").mockReturnValue(true);
});

afterEach(() => {
  jest.restoreAllMocks();
  process.stdin.isTTY = isTTY;
  process.env["PATH"] = PATH;
  if (DOCKER_HOST !== undefined) process.env["DOCKER_HOST"] = DOCKER_HOST;
});

afterAll(() => rmSync(folder, { recursive: true }));

/** What somebody is told. */
async function told(): Promise<string> {
  const error = await ensureEngine(true).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UserError);
  const { message, fix } = error as UserError;
  return `${message} ${fix}`;
}

test("one that runs and does not let the user in is not installed again: the group is named", async () => {
  play("docker", REFUSED);
  play("sudo", "exit 0");
  expect(await told()).toMatch(
    new RegExp(`runs, but ${USER} may not use it. Run \`sudo usermod -aG docker \\$USER\``),
  );
  expect(readFileSync(calls, "utf8")).not.toContain("sudo");
});

// Elsewhere nothing is installed for anybody.
const onDebian = existsSync("/etc/debian_version") ? test : test.skip;

onDebian.each([
  ["whom sudo asks nothing", false, "sudo -n env", "exit 0"],
  [
    "whom sudo asks for a password, since somebody is there",
    true,
    "sudo env",
    'if [ "$1" = -n ]; then echo "sudo: a password is required" >&2; exit 1; fi',
  ],
] as const)(
  "one that was started for a user %s lets the user in from the next login on",
  async (_who, terminal, asRoot, sudo) => {
    process.stdin.isTTY = terminal;
    // Until dockerd is started nobody answers, then the socket is there and closed to others.
    const started = `^${asRoot}.*\\(dockerd\\|systemctl\\)`;
    play("docker", `if grep -q "${started}" ${calls}; then ${REFUSED}; else ${ABSENT}; fi`);
    play("dockerd", "exit 0");
    play("sudo", sudo);
    expect(await told()).toContain("You are in the group docker from your next login on");
    expect(readFileSync(calls, "utf8")).toMatch(
      new RegExp(`^${asRoot} .*usermod -aG docker ${USER}$`, "m"),
    );
  },
);

test("without a way to become root it says what to do", async () => {
  play("docker", ABSENT);
  play("sudo", "echo 'sudo: a password is required' >&2; exit 1");
  expect(await told()).toMatch(/No Docker engine answers.*sudo apt-get install docker\.io/s);
});
