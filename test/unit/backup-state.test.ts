import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { copyChangedState, withStateCopied } from "../../operations/backup/copy-state";
import {
  copiesOf,
  copyName,
  plainSecrets,
  restoreGuide,
  sameState,
} from "../../operations/backup/state";

const SECRET = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270" };

test("a secret in plain text is found wherever it stands, by its path alone", () => {
  const state = (value: object): object => ({
    deployment: { resources: [{ outputs: { list: [{ password: { ...SECRET, ...value } }] } }] },
  });
  expect(plainSecrets(state({ ciphertext: "v1:x" }))).toEqual([]);
  expect(plainSecrets(state({ plaintext: '"hunter2"' }))).toEqual([
    "deployment.resources[0].outputs.list[0].password",
  ]);
  expect(plainSecrets(state({ value: "hunter2" })).join()).not.toContain("hunter2");
  expect(plainSecrets(undefined)).toEqual([]);
});

test("a copy's name sorts by time; its page says what is needed besides", () => {
  const of = { stack: "prod", at: "2026-11-28T19:30:00.123Z", revision: "abc" };
  expect(copyName(of)).toBe("prod-20261128T193000Z");
  const page = restoreGuide(of);
  expect(page).toContain("PULUMI_CONFIG_PASSPHRASE");
  expect(page).toContain("at revision abc");
  expect(page).toContain("stack import -s prod");
  const kms = restoreGuide({ ...of, secretsProvider: "awskms://alias/prod" });
  expect(kms).toContain("the right to use awskms://alias/prod");
  expect(kms).toContain("--secrets-provider='awskms://alias/prod'");
  expect(kms).not.toContain("PASSPHRASE");
});

test("a stack's copies are those of its name and no other's, oldest first", () => {
  const names = ["prod-20261128T193000Z", "prod-20261127T193000Z"];
  const others = [
    "prod-eu-20261128T193000Z",
    ".atalaya-state-x",
    "prod-20261128T193000Z.old",
    "prod",
  ];
  expect(copiesOf("prod", [...names, ...others])).toEqual([...names].reverse());
  expect(copiesOf("prod-eu", [...names, ...others])).toEqual([others[0]]);
});

test("two exports are of one state whatever their order and seals, and not where a resource differs", () => {
  const state = (time: string, ...resources: readonly object[]): string =>
    JSON.stringify({ version: 3, deployment: { manifest: { time }, resources } });
  const [a, b] = [
    { urn: "a", modified: "1", outputs: { password: { ciphertext: "v1:x" } } },
    { urn: "b", id: "7", modified: "2" },
  ];
  const sealed = { ...a, outputs: { password: { ciphertext: "v1:y" } } };
  expect(sameState(state("10:00", a, b), state("11:00", b, sealed))).toBe(true);
  for (const other of [
    { ...b, modified: "3" },
    { ...b, id: "8" },
    { ...b, protect: true },
  ]) {
    expect(sameState(state("10:00", a, b), state("10:00", a, other))).toBe(false);
  }
  expect(sameState(state("10:00", a, b), state("10:00", a))).toBe(false);
});

describe("copies after each change", () => {
  const path = process.env.PATH;
  let folder: string;
  let copies: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "atalaya-copies-"));
    copies = join(folder, "copies");
    mkdirSync(copies);
    process.env.PATH = `${folder}${delimiter}${path}`;
  });

  afterEach(() => {
    process.env.PATH = path;
    rmSync(folder, { recursive: true, force: true });
  });

  /** Pulumi exports a state with one resource. */
  const exporting = (id: string): void => {
    const state = { version: 3, deployment: { resources: [{ id }] } };
    writeFileSync(join(folder, "pulumi"), `#!/bin/sh\necho '${JSON.stringify(state)}'\n`);
    chmodSync(join(folder, "pulumi"), 0o755);
  };

  test("the newest thirty stay, and nobody else's is touched; what is copied is not copied again", async () => {
    const days = Array.from({ length: 30 }, (_, i) => String(i + 1).padStart(2, "0"));
    const old = days.map((day) => `nobody-202509${day}T000000Z`);
    const others = ["nobody-eu-20250901T000000Z", "nobody-notes"];
    for (const name of [...old, ...others]) mkdirSync(join(copies, name));
    exporting("a");
    const made = await copyChangedState("nobody", copies);
    expect(made).toMatchObject({ stack: "nobody", resources: 1 });
    const names = readdirSync(copies);
    expect(names).not.toContain(old[0]);
    expect(names).toEqual(expect.arrayContaining([...old.slice(1), ...others]));
    expect(copiesOf("nobody", names)).toHaveLength(30);
    expect(await copyChangedState("nobody", copies)).toBeUndefined();
  });

  test("a stack without a folder for them is none of its business", async () => {
    let done = false;
    await withStateCopied("nobody", () => {
      done = true;
      return Promise.resolve();
    });
    expect(done).toBe(true);
    expect(readdirSync(copies)).toEqual([]);
  });
});
