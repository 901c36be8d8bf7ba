import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PASSPHRASE, type Recorded } from "../recorded/recorded";
import { must } from "../support/commands";
import { ROOT, Workspace } from "../support/workspace";

/** A stack's own state and configuration, copied and brought back elsewhere by the real Pulumi (FV-06). */
jest.setTimeout(240_000);

const RECORDED = join(ROOT, "test", "recorded", "2026-11-22.grupo-gad.swarm.json");
const KEY = "a-key-of-somebody-who-knows";

let workspace: Workspace;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "atalaya-state-"));
  const recorded = JSON.parse(readFileSync(RECORDED, "utf8")) as Recorded;
  workspace = await Workspace.create({ config: recorded.config, passphrase: PASSPHRASE });
  const state = join(workspace.folder, "state.json");
  writeFileSync(state, JSON.stringify(recorded.state).replaceAll(recorded.stack, workspace.stack));
  await workspace.pulumi("stack", "import", "--stack", workspace.stack, "--file", state);
  await workspace.setSecret("atalaya:grupo-gad.secrets.secretKey", KEY);
});

afterAll(() => {
  workspace.discard();
  rmSync(folder, { recursive: true, force: true });
});

test("a copy has both, for its owner alone, and nothing secret to read; elsewhere it is the same stack again", async () => {
  const ran = await workspace.backup("state", "--to", folder, "--json");
  if (ran.code !== 0) throw new Error(ran.stdout + ran.stderr);
  const said = JSON.parse(ran.stdout) as { folder: string; resources: number };
  expect(said.resources).toBeGreaterThan(10);
  expect(readdirSync(folder)).toHaveLength(1);
  const name = `Pulumi.${workspace.stack}.yaml`;
  expect(readdirSync(said.folder).sort()).toEqual(
    [name, "README.md", "SHA256SUMS", "state.json"].sort(),
  );
  await must("sha256sum", ["--check", "--status", "SHA256SUMS"], { cwd: said.folder });
  const passwords = await workspace.output<Record<string, Record<string, string>>>(
    "passwords",
    true,
  );
  const values = Object.values(passwords).flatMap((of) => Object.values(of));
  expect(values.length).toBeGreaterThan(3);
  for (const file of readdirSync(said.folder)) {
    const path = join(said.folder, file);
    expect(statSync(path).mode & 0o077).toBe(0);
    const text = readFileSync(path, "utf8");
    for (const value of [...values, KEY, PASSPHRASE]) expect(text).not.toContain(value);
  }

  const elsewhere = await Workspace.create({ passphrase: PASSPHRASE, stack: workspace.stack });
  try {
    writeFileSync(elsewhere.configFile, readFileSync(join(said.folder, name)));
    await elsewhere.pulumi(
      ...["stack", "import", "--stack", elsewhere.stack],
      ...["--file", join(said.folder, "state.json")],
    );
    expect(await elsewhere.output("passwords", true)).toEqual(passwords);
    expect(
      await elsewhere.pulumi(
        ...["config", "get", "--path", "atalaya:grupo-gad.secrets.secretKey"],
        ...["--stack", elsewhere.stack],
      ),
    ).toBe(KEY);
  } finally {
    elsewhere.discard();
  }
});

test("a stack that is not there is told of, and nothing is written", async () => {
  const before = readdirSync(folder);
  const { stack } = workspace;
  Object.assign(workspace, { stack: "nobody" });
  const ran = await workspace.backup("state", "--to", folder);
  Object.assign(workspace, { stack });
  expect(ran.code).not.toBe(0);
  expect(ran.stderr).toContain("There is no stack named nobody");
  expect(readdirSync(folder)).toEqual(before);
});
