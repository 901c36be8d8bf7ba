import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { expectCode } from "../../support/commands";
import type { Live } from "./context";

/** Every way in which a value may stand in a text: itself, encoded, or as a digest that could be guessed from. */
function forms(value: string): Record<string, string> {
  const digest = createHash("sha256").update(value);
  return {
    plain: value,
    // The middle of it: what stands before shifts the rest, so two ends are left out.
    base64: Buffer.from(value).toString("base64").replace(/=+$/, ""),
    base64WithLineBreak: Buffer.from(`${value}\n`).toString("base64").replace(/=+$/, ""),
    hex: Buffer.from(value).toString("hex"),
    sha256: digest.digest("hex"),
  };
}

/** What the search is told of a system. */
export interface SecretsOf {
  readonly system: string;
  /** All secrets of the stack's outputs. */
  readonly names: readonly string[];
  /** One that is configured (`Live.secretKey`): whose it is, and the file's name. */
  readonly control: { readonly workload: string; readonly file: string };
  /** A change that would touch much, and the same taken back. */
  readonly change: readonly [object, object];
  /** What a preview of that change shows. */
  readonly shown: RegExp;
}

export const GRUPO_GAD: SecretsOf = {
  system: "grupo-gad",
  names: [
    ...["api-jwt-secret-key", "api-secret-key", "cache-admin-password", "cache-api-password"],
    ...["cache-bot-password", "db-admin-password", "db-api-migrate-password", "db-api-password"],
  ],
  control: { workload: "api", file: "secret-key" },
  change: [
    { api: { jwtMinutes: 31 }, cache: { memory: "128 MiB" } },
    { api: { jwtMinutes: undefined }, cache: undefined },
  ],
  shown: /"30" => "31"/,
};

/** No secret's value is anywhere but in its file, for its consumer (PR-11, FV-10, GG-15). */
export function secrets(live: Live, of: SecretsOf = GRUPO_GAD): void {
  /** Values by name: those of the stack's outputs and the configured one. */
  let values: Record<string, string> = {};

  /** Names of secrets, with their form, that stand in a text. */
  const leaks = (text: string): string[] => {
    const found: string[] = [];
    for (const [name, value] of Object.entries(values)) {
      for (const [form, sought] of Object.entries(forms(value))) {
        if (text.includes(sought)) found.push(`${name} (${form})`);
      }
    }
    // PostgreSQL's verifiers: long enough a password is not guessed from them, yet they are nobody's business.
    if (/SCRAM-SHA-256\$\d+:/.test(text)) found.push("a SCRAM verifier");
    return found;
  };

  describe("secret values", () => {
    beforeAll(async () => {
      const passwords = await live.stack.output<Record<string, Record<string, string>>>(
        "passwords",
        true,
      );
      values = { ...passwords[of.system], configured: live.secretKey };
    });

    test("are as many and as long as they have to be (GG-15)", () => {
      expect(Object.keys(values).sort()).toEqual([...of.names, "configured"].sort());
      for (const value of Object.values(values)) expect(value.length).toBeGreaterThanOrEqual(32);
      // The search itself finds them: without this every test below could pass by mistake.
      const known = "db-admin-password";
      expect(leaks(`x${values[known]}y`)).toEqual([`${known} (plain)`]);
    });

    test("are absent from everything that the engine tells: objects, containers, images (PR-11)", async () => {
      const told = await live.engine.told();
      expect(told.length).toBeGreaterThan(10);
      for (const { what, text } of told) expect([what, leaks(text)]).toEqual([what, []]);
    });

    test("are absent from environments and command lines (PR-11)", async () => {
      const running = await live.engine.running();
      expect(running.length).toBeGreaterThan(5);
      for (const target of running) {
        const ran = await live.engine.exec(target, [
          ...["sh", "-c"],
          'for p in /proc/[0-9]*; do tr "\\0" "\\n" < $p/environ; tr "\\0" " " < $p/cmdline; done 2>/dev/null; true',
        ]);
        // A scheduled job's container may have ended meanwhile.
        if (ran.stdout === "" && !(await live.engine.running()).includes(target)) continue;
        expect(ran.stdout).toMatch(/PATH=/);
        expect(leaks(ran.stdout)).toEqual([]);
      }
    });

    test("are absent from the logs of every container (PR-11)", async () => {
      const logs = await live.engine.logs();
      expect(logs.map(({ text }) => text).join("").length).toBeGreaterThan(1_000);
      for (const { what, text } of logs) expect([what, leaks(text)]).toEqual([what, []]);
    });

    test("are absent from Pulumi's state, configuration file and output (FV-10)", async () => {
      const state = await live.stack.pulumi("stack", "export", "--stack", live.stack.stack);
      expect(state).toContain("ciphertext");
      expect(leaks(state)).toEqual([]);
      const configuration = readFileSync(live.stack.configFile, "utf8");
      expect(configuration).toContain("secure:");
      expect(leaks(configuration)).toEqual([]);

      // A preview that would change much, with every property shown.
      const [change, back] = of.change;
      live.stack.configure({ [of.system]: change });
      const preview = await live.stack.operate("preview", "--diff", "--json");
      const shown = await live.stack.operate("preview", "--diff");
      live.stack.configure({ [of.system]: back });
      expectCode(preview, 0);
      expect(shown.text).toMatch(of.shown);
      expect(leaks(preview.text)).toEqual([]);
      expect(leaks(shown.text)).toEqual([]);
      // All that every command printed until now, `up` included.
      expect(live.stack.transcript).toMatch(/created/);
      expect(leaks(live.stack.transcript)).toEqual([]);
      expect(leaks(await live.stack.pulumi("stack", "output", "--json"))).toEqual([]);
    });

    test("are in their files, as the consumer reads them (the control of the above)", async () => {
      const { workload, file } = of.control;
      const [instance] = await live.engine.instances(workload);
      const ran = await live.engine.exec(instance!.target, ["cat", `/run/secrets/${file}`]);
      expect(ran.stdout).toBe(live.secretKey);
    });
  });
}
