import { copyName, plainSecrets, restoreGuide } from "../../operations/backup/state";

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
