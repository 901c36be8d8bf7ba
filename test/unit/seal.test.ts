import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import {
  readSecretValues,
  seal,
  type Sealable,
  sealable,
} from "../../operations/commands/render-seal";
import { render as renderStack, type RenderOptions } from "../../operations/commands/render";
import { UserError } from "../../operations/errors";
import type { LeftOutSecret } from "../../platforms/kubernetes/render";

/** `atalaya render --seal`: Secrets for GitOps, sealed by a tool of the user (FV-10, FV-13). */
const folder = mkdtempSync(join(tmpdir(), "atalaya-seal-"));
afterAll(() => rmSync(folder, { recursive: true }));

const [key, certificate] = [join(folder, "seal.key"), join(folder, "seal.crt")];

/** A tool that really encrypts: for whoever has the key of a certificate. */
const tool = join(folder, "seal-with-openssl");

beforeAll(() => {
  execFileSync(
    "openssl",
    [
      ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=seal"],
      ...["-keyout", key, "-out", certificate],
    ],
    { stdio: "ignore" },
  );
  writeFileSync(
    tool,
    `#!/bin/sh
manifest=$(cat)
name=$(printf '%s\\n' "$manifest" | sed -n 's/^  name: //p')
printf 'apiVersion: example.org/v1\\nkind: EncryptedSecret\\nmetadata:\\n  name: %s\\nspec:\\n  cms: |\\n' "$name"
printf '%s\\n' "$manifest" | openssl cms -encrypt -binary -aes256 -outform PEM '${certificate}' | sed 's/^/    /'
`,
  );
  chmodSync(tool, 0o755);
});

/** What was sealed by {@link tool}, as it was given to it. */
function unsealed(text: string): { metadata: { name: string }; data: Record<string, string> } {
  const { spec } = parse(text) as { spec: { cms: string } };
  const opened = execFileSync(
    "openssl",
    ["cms", "-decrypt", "-binary", "-inform", "PEM", "-inkey", key],
    { input: spec.cms },
  );
  return parse(opened.toString()) as ReturnType<typeof unsealed>;
}

const VALUE = "Tr0ub4dor&3+correct/horse";
const ADMIN = "0123456789abcdefghijklmnopqrstuv";

const smtp: LeftOutSecret = {
  system: "shop",
  path: "shop/smtp.sealed.yaml",
  manifest: {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "smtp", namespace: "prod-shop" },
  },
  content: {
    value: [{ secret: "smtp-password" }],
    url: ["smtp://me:", { secret: "smtp-password" }],
  },
  needs: ["smtp-password"],
  keyedBy: "db-admin-password",
};

const known = (values: object): ReadonlyMap<string, ReadonlyMap<string, string>> =>
  new Map([["shop", new Map(Object.entries(values) as [string, string][])]]);

const one = (value = VALUE): Sealable =>
  sealable(smtp, known({ "smtp-password": value, "db-admin-password": ADMIN }))!;

/** The error of a command that must not seal. */
async function refusal(command: string, of: Sealable = one()): Promise<string> {
  try {
    await seal(command, of);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return `${error.problem}\n${error.fix}`;
  }
  throw new Error(`it was sealed by ${command}`);
}

describe("sealing one Secret", () => {
  test("gives the tool's own text, which holds the whole Secret for whoever has the key", async () => {
    const text = await seal(tool, one());
    expect(text).not.toContain(VALUE);
    expect(unsealed(text)).toEqual({
      ...smtp.manifest,
      data: {
        value: Buffer.from(VALUE).toString("base64"),
        url: Buffer.from(`smtp://me:${VALUE}`).toString("base64"),
      },
    });
  });

  const wrapped = (encoder: string): string =>
    `printf 'apiVersion: v1\\nkind: Sealed\\nmetadata: {name: smtp}\\nspec: {it: "'; ${encoder}; printf '"}\\n'`;

  test.each([
    ["echoes its input", "cat"],
    ["echoes it under another kind", "sed 's/^kind: Secret/kind: Sealed/'"],
    ["encodes it in base64, in lines", wrapped("base64 -w 40 | tr '\\n' ' '")],
    ["encodes it in base64 from another byte on", wrapped("(printf x; cat) | base64 -w 0")],
    ["encodes it in base64 from a third byte on", wrapped("(printf xy; cat) | base64 -w 0")],
    ["encodes it in hexadecimal digits", wrapped("od -An -v -tx1 | tr -d ' \\n'")],
    ["decodes the values", wrapped("sed -n 's/^  value: //p' | base64 -d")],
    [
      "moves a value elsewhere",
      "sed -n 's/^  value: \\(.*\\)/apiVersion: v1\\nkind: A\\nmetadata: {name: smtp, annotations: {a: \"\\1\"}}/p'",
    ],
  ])("a tool that %s is refused, and shows no value", async (_what, command) => {
    const said = await refusal(command);
    expect(said).toMatch(/^Secret shop\/smtp was not sealed: .*value back that can be read/);
    expect(said).not.toContain(VALUE);
    expect(said).not.toContain(Buffer.from(VALUE).toString("base64"));
  });

  test("a value too short to be searched for is found where it would stand", async () => {
    expect(await refusal("cat", one("abc"))).toMatch(/can be read/);
    const text = "sed 's/^data:/stringData:/; s/: YWJj$/: abc/'";
    expect(await refusal(text, one("abc"))).toMatch(/can be read/);
  });

  test.each([
    ["fails", "exit 3", /exit code 3/],
    ["is not there", "no-such-tool-anywhere", /exit code 127/],
    ["prints nothing", "cat > /dev/null", /printed nothing/],
    ["prints help", "echo 'usage: seal [options]'", /is no manifest/],
    ["prints two things", "printf 'apiVersion: v1\\nkind: A\\n---\\nhello\\n'", /is no manifest/],
    ["prints broken YAML", "echo 'a: [}'", /is no manifest/],
    [
      "seals something else",
      "printf 'apiVersion: v1\\nkind: A\\nmetadata: {name: other}\\n'",
      /manifest of something else/,
    ],
  ])("a tool that %s is refused", async (_what, command, says) => {
    const said = await refusal(command);
    expect(said).toMatch(says);
    expect(said).toContain("Nothing was written");
  });

  test("what a failed tool said is shown, without the values that it repeats", async () => {
    const said = await refusal("cat >&2; echo 'no key: call the key service team' >&2; exit 1");
    expect(said).toContain("no key: call the key service team");
    expect(said).not.toContain(VALUE);
    expect(said).not.toContain(Buffer.from(VALUE).toString("base64"));
  });

  test("nothing is sealed without every value that it is made from", () => {
    expect(sealable(smtp, known({ "db-admin-password": ADMIN }))).toBeUndefined();
    expect(sealable(smtp, new Map())).toBeUndefined();
  });

  test("the digest follows the value, needs its key, and nothing of either stands in it", () => {
    const { digest } = one();
    expect(digest).toMatch(/^[0-9a-f]{10}$/);
    expect(one().digest).toBe(digest);
    expect(one("another value").digest).not.toBe(digest);
    const other = { "smtp-password": VALUE, "db-admin-password": ADMIN.replace("0", "1") };
    expect(sealable(smtp, known(other))!.digest).not.toBe(digest);
    const weak = { "smtp-password": VALUE, "db-admin-password": "short" };
    expect(sealable(smtp, known(weak))!.digest).toBeUndefined();
  });
});

describe("the values", () => {
  const problems = async (text: string): Promise<string> => {
    const file = join(folder, "values.json");
    writeFileSync(file, text);
    const error: unknown = await readSecretValues(file, ["shop"]).catch((e: unknown) => e);
    if (error instanceof UserError) return `${error.problem}\n${error.fix}`;
    throw new Error("they were taken");
  };

  test("that are no such values are told all at once, without one of them", async () => {
    const said = await problems(
      JSON.stringify({ shop: { a: "", b: 7, c: VALUE, d: { e: VALUE } }, bank: { f: VALUE } }),
    );
    expect(said).toMatch(/4 problems/);
    for (const part of ["shop.a: is empty", "shop.b: is no text", "shop.d: is no text", "bank:"]) {
      expect(said).toContain(part);
    }
    expect(said).not.toContain(VALUE);
  });

  test("in a text that is no JSON are not quoted", async () => {
    const said = await problems(`{"shop": {"a": ${VALUE}}}`);
    expect(said).toMatch(/is no JSON/);
    expect(said).not.toContain(VALUE.slice(0, 6));
  });
});

describe("atalaya render --seal", () => {
  const out = join(folder, "out");
  const secret = "a-configured-secret-of-32-characters";
  const values = {
    "flores-victoria": {
      "db-admin-password": ADMIN,
      "db-user-password": `${ADMIN}1`,
      "cache-admin-password": `${ADMIN}2`,
      "contact-service-smtp-password": secret,
      "registry-password": `${ADMIN}4`,
    },
  };

  const render = async (
    options: Partial<RenderOptions> = {},
    input: object = values,
  ): Promise<{ code: number; text: string }> => {
    const file = join(folder, "values.json");
    writeFileSync(file, JSON.stringify(input));
    let text = "";
    const spies = ([process.stdout, process.stderr] as const).map((stream) =>
      jest.spyOn(stream, "write").mockImplementation((said) => ((text += String(said)), true)),
    );
    try {
      const from = options.seal === undefined ? {} : { secrets: file };
      await renderStack({ stack: "prod", out, ...from, ...options });
      return { code: 0, text };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return { code: error.exitCode, text: `${text}${error.problem}\n${error.fix}` };
    } finally {
      for (const spy of spies) spy.mockRestore();
    }
  };
  const files = (): Record<string, string> =>
    Object.fromEntries(
      readdirSync(join(out, "flores-victoria"))
        .sort()
        .map((name) => [name, readFileSync(join(out, "flores-victoria", name), "utf8")]),
    );
  const all = (): string[] => [...Object.values(values["flores-victoria"]), VALUE];
  const expectNoValue = (text: string): void => {
    for (const value of all()) {
      expect(text.includes(value)).toBe(false);
      expect(text.includes(Buffer.from(value).toString("base64"))).toBe(false);
    }
  };

  test("writes sealed forms beside the manifests, and says what it had no value for", async () => {
    const { code, text } = await render({ seal: tool });
    expect({ code, text }).toMatchObject({ code: 0 });
    const written = files();
    const sealed = Object.keys(written).filter((name) => name.endsWith(".sealed.yaml"));
    expect(sealed).toEqual([
      "cache-admin-password.sealed.yaml",
      "contact-service-smtp-password.sealed.yaml",
      "db-admin-password.sealed.yaml",
      "db-user-password.sealed.yaml",
      "registry.sealed.yaml",
    ]);
    const opened = unsealed(written["contact-service-smtp-password.sealed.yaml"]!);
    expect(opened).toMatchObject({
      metadata: { name: "contact-service-smtp-password", namespace: "prod-flores-victoria" },
    });
    expect(Buffer.from(opened.data["value"]!, "base64").toString()).toBe(secret);
    expect(text).toMatch(/db-access.sealed.yaml: not sealed, .* db-auth-password/);
    expectNoValue(text + JSON.stringify(written));
  });

  test("does not seal again what is the same, and what changed alone otherwise", async () => {
    const before = files();
    expect(await render({ seal: "false", check: true })).toMatchObject({ code: 0 });
    expect(await render({ seal: "false" })).toMatchObject({ code: 0 });
    expect(files()).toEqual(before);
    const changed = {
      "flores-victoria": { ...values["flores-victoria"], "db-user-password": `${ADMIN}3` },
    };
    const check = await render({ seal: "false", check: true }, changed);
    expect(check.code).toBe(1);
    expect(check.text).toMatch(/1 files are not.*db-user-password\.sealed\.yaml/);
    expect(files()).toEqual(before);
    expect(await render({ seal: tool }, changed)).toMatchObject({ code: 0 });
    const after = files();
    expect(Object.keys(after).filter((name) => after[name] !== before[name])).toEqual([
      "db-user-password.sealed.yaml",
    ]);
  });

  test("leaves sealed forms alone where nobody has the values, and removes those that nobody needs", async () => {
    const before = files();
    expect(await render({ check: true })).toMatchObject({ code: 0 });
    writeFileSync(
      join(out, "flores-victoria", "gone.sealed.yaml"),
      before["db-user-password.sealed.yaml"]!,
    );
    expect((await render({ check: true })).text).toMatch(/gone\.sealed\.yaml/);
    expect(await render()).toMatchObject({ code: 0 });
    expect(files()).toEqual(before);
  });

  test.each([
    [
      "fails half way",
      "m=$(cat); case $m in *'name: db'*) exit 5 ;; esac; printf '%s\\n' \"$m\" | TOOL",
    ],
    ["prints nothing", "true"],
    ["echoes its input", "cat"],
  ])("with a tool that %s leaves the folder as it was", async (_what, command) => {
    const before = files();
    const other = Object.fromEntries(
      Object.entries(values["flores-victoria"]).map(([name, value]) => [name, `${value}-${VALUE}`]),
    );
    const { code, text } = await render(
      { seal: command.replace("TOOL", tool) },
      { "flores-victoria": other },
    );
    expect(code).toBe(1);
    expect(text).toMatch(/was not sealed/);
    expectNoValue(text);
    expect(files()).toEqual(before);
  });

  test("wants a command and values together", async () => {
    const alone = [{ seal: "cat" }, { secrets: "-" }];
    for (const options of alone) {
      const wrong = renderStack({ stack: "prod", out, ...options });
      await expect(wrong).rejects.toMatchObject({ exitCode: 2 });
    }
  });
});
