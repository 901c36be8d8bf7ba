import { kubernetes } from "../../platforms/kubernetes/kubernetes";
import { swarm } from "../../platforms/swarm/swarm";
import { ProblemsError } from "../../model/problems";
import { loadConfig, type RawConfig } from "../../stack/config";
import { grupoGad } from "../../systems/grupo-gad";
import { describeSystem } from "../support/systems";

const DSN = "https://0123456789abcdef@o42.ingest.sentry.io/7";

describe("SENTRY_DSN (GG-15)", () => {
  const model = describeSystem(grupoGad, "prod", {}, swarm, { unset: [] });
  const withSentry = model.workloads.filter(({ secrets }) =>
    secrets.some(({ secret }) => secret.includes("sentry")),
  );

  it("is a file for API and bot alone, and each may send there", () => {
    expect(withSentry.map(({ name }) => name).sort()).toEqual(["api", "bot"]);
    for (const { name, secrets, environment } of withSentry) {
      expect(secrets).toContainEqual({ secret: `${name}-sentry-dsn`, file: "sentry-dsn" });
      expect(environment["SENTRY_DSN_FILE"]).toBe("/run/secrets/sentry-dsn");
      expect(environment).not.toHaveProperty("SENTRY_DSN");
      expect(model.links).toContainEqual(
        expect.objectContaining({ consumer: name, provider: "sentry", ports: [443] }),
      );
    }
    expect(model.secrets.find(({ name }) => name === "api-sentry-dsn")?.source).toEqual({
      kind: "configured",
      key: "grupo-gad.secrets.sentryDsn",
    });
  });

  it("leads to a Sentry of one's own where that is named", () => {
    const sentry = { host: "10.1.2.3", port: 9000 };
    const own = describeSystem(grupoGad, "prod", { sentry }, kubernetes, { unset: [] });
    expect(own.externals).toContainEqual({ name: "sentry", ...sentry });
  });

  it("is nowhere when it is not given: no file, no variable, no way out", () => {
    expect(JSON.stringify(describeSystem(grupoGad, "prod"))).not.toMatch(/sentry/i);
  });

  const load = (secret: boolean, sentryDsn = DSN): ReturnType<typeof loadConfig> => {
    const raw: RawConfig = {
      values: { "grupo-gad": JSON.stringify({ secrets: { sentryDsn } }) },
      isSecret: () => secret,
    };
    return loadConfig(raw, [grupoGad]);
  };

  it("is taken encrypted alone, and never shown", () => {
    expect(load(true).sensitive.get("grupo-gad.secrets.sentryDsn")).toBe(DSN);
    expect(
      loadConfig({ values: {}, isSecret: () => true }, [grupoGad]).systems[0]!.secrets,
    ).not.toHaveProperty("sentryDsn");
    expect(() => load(false)).toThrow(ProblemsError);
    expect(() => load(false)).toThrow(/grupo-gad.secrets.sentryDsn.*plain text/);
    expect(() => load(false)).not.toThrow(/0123456789abcdef/);
  });
});
