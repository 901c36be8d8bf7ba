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

test("two exports are of one state whenever they were made, and not where anything else differs", () => {
  const state = (time: string, id: string): string =>
    JSON.stringify({ version: 3, deployment: { manifest: { time }, resources: [{ id }] } });
  expect(sameState(state("10:00", "a"), state("11:00", "a"))).toBe(true);
  expect(sameState(state("10:00", "a"), state("10:00", "b"))).toBe(false);
});
