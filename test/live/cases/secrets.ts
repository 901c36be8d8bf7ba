import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { expectCode, run } from "../../support/commands";
import { docker, exec, tasksOf } from "../../support/engine";
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

/** No secret's value is anywhere but in its file, for its consumer (PR-11, FV-10, GG-15). */
export function secrets(live: Live): void {
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
      values = { ...passwords["grupo-gad"], configured: live.secretKey };
    });

    test("are as many and as long as they have to be (GG-15)", () => {
      expect(Object.keys(values).sort()).toEqual(
        [
          ...["api-jwt-secret-key", "api-secret-key", "configured"],
          ...["cache-admin-password", "cache-api-password", "cache-bot-password"],
          ...["db-admin-password", "db-api-migrate-password", "db-api-password"],
        ].sort(),
      );
      for (const value of Object.values(values)) expect(value.length).toBeGreaterThanOrEqual(32);
      // The search itself finds them: without this every test below could pass by mistake.
      expect(leaks(`x${values["db-api-password"]}y`)).toEqual(["db-api-password (plain)"]);
    });

    test("are absent from everything that the engine tells about its objects (PR-11)", async () => {
      const kinds = ["service", "secret", "config", "network", "volume"] as const;
      let seen = 0;
      for (const kind of kinds) {
        const ids = (
          await docker(
            ...[kind, "ls", "--quiet", "--filter", `label=atalaya.stack=${live.stack.stack}`],
          )
        ).split("\n");
        const text = await docker(kind, "inspect", ...ids);
        seen += ids.length;
        expect({ kind, leaks: leaks(text) }).toEqual({ kind, leaks: [] });
        if (kind !== "config") continue;
        const contents = JSON.parse(text) as { Spec: { Data: string } }[];
        for (const { Spec } of contents) {
          expect(leaks(Buffer.from(Spec.Data, "base64").toString())).toEqual([]);
        }
      }
      expect(seen).toBeGreaterThan(20);
    });

    test("are absent from containers: inspect, environment, command lines (PR-11)", async () => {
      const containers = (
        await docker("ps", "--all", "--quiet", "--filter", `name=${live.stack.stack}-`)
      ).split("\n");
      expect(containers.length).toBeGreaterThan(8);
      expect(leaks(await docker("inspect", ...containers))).toEqual([]);
      const running = (
        await docker("ps", "--quiet", "--filter", `name=${live.stack.stack}-`)
      ).split("\n");
      for (const container of running) {
        const ran = await exec(container, [
          ...["sh", "-c"],
          'for p in /proc/[0-9]*; do tr "\\0" "\\n" < $p/environ; tr "\\0" " " < $p/cmdline; done 2>/dev/null; true',
        ]);
        expect(ran.stdout).toMatch(/PATH=/);
        expect(leaks(ran.stdout)).toEqual([]);
      }
    });

    test("are absent from the history of the images (PR-11)", async () => {
      const images = new Set(
        (
          await docker(...["ps", "--format", "{{.Image}}", "--filter", `name=${live.stack.stack}-`])
        ).split("\n"),
      );
      expect(images.size).toBeGreaterThanOrEqual(5);
      for (const image of images) {
        const history = await docker("history", "--no-trunc", image);
        const inspected = await docker("image", "inspect", image);
        expect(leaks(history + inspected)).toEqual([]);
      }
    });

    test("are absent from the logs of every container (PR-11)", async () => {
      const containers = (
        await docker("ps", "--all", "--quiet", "--filter", `name=${live.stack.stack}-`)
      ).split("\n");
      let length = 0;
      for (const container of containers) {
        const ran = await run("docker", ["logs", container]);
        length += ran.stdout.length + ran.stderr.length;
        expect(leaks(ran.stdout + ran.stderr)).toEqual([]);
      }
      expect(length).toBeGreaterThan(1_000);
    });

    test("are absent from Pulumi's state, configuration file and output (FV-10)", async () => {
      const state = await live.stack.pulumi("stack", "export", "--stack", live.stack.stack);
      expect(state).toContain("ciphertext");
      expect(leaks(state)).toEqual([]);
      const configuration = readFileSync(live.stack.configFile, "utf8");
      expect(configuration).toContain("secure:");
      expect(leaks(configuration)).toEqual([]);

      // A preview that would change much, with every property shown.
      live.stack.configure({
        "grupo-gad": { api: { jwtMinutes: 31 }, cache: { memory: "128 MiB" } },
      });
      const preview = await live.stack.operate("preview", "--diff", "--json");
      const shown = await live.stack.operate("preview", "--diff");
      live.stack.configure({ "grupo-gad": { api: undefined, cache: undefined } });
      expectCode(preview, 0);
      expect(shown.text).toMatch(/JWT_ACCESS_TOKEN_EXPIRE_MINUTES/);
      expect(leaks(preview.text)).toEqual([]);
      expect(leaks(shown.text)).toEqual([]);
      // All that every command printed until now, `up` included.
      expect(live.stack.transcript).toMatch(/created/);
      expect(leaks(live.stack.transcript)).toEqual([]);
      expect(leaks(await live.stack.pulumi("stack", "output", "--json"))).toEqual([]);
    });

    test("are in their files, as the consumer reads them (the control of the above)", async () => {
      const [api] = await tasksOf(live.service("api"));
      const ran = await exec(api!.container, ["cat", "/run/secrets/secret-key"]);
      expect(ran.stdout).toBe(live.secretKey);
    });
  });
}
