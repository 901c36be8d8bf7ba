import { parse } from "yaml";
import { GRAFANA_IMAGE } from "../../components/observability/grafana/grafana";
import { PROMETHEUS } from "../../components/observability/grafana/provisioning";
import type { SystemModel, Workload } from "../../model/system";
import { ExitCode, type UserError } from "../../operations/errors";
import { otherImages, provideOthers } from "../../operations/setup/images";
import { watchedShop } from "../support/watched";

/** Grafana as a component: closed, quiet, and made of files alone (FV-07, GG-06). */
const model = (config: object = {}): SystemModel => watchedShop(config).at(-1)!;
const workload = (of: SystemModel): Workload =>
  of.workloads.find(({ name }) => name === "grafana")!;
const grafana = workload(model());
const file = (path: string): string => {
  const { file: name } = grafana.files.find((mount) => mount.path === path)!;
  return model().files.find((of) => of.name === name)!.content;
};

test("is there with full monitoring, and goes with one word", () => {
  expect(grafana.image).toBe(GRAFANA_IMAGE);
  expect(workload(model({ dashboards: false }))).toBeUndefined();
  expect(model({ dashboards: false }).files.filter(({ name }) => name.startsWith("view-"))).toEqual(
    [],
  );
  expect(workload(model({ grafanaImage: "mirror.example.org/grafana:12.3.1" })).image).toBe(
    "mirror.example.org/grafana:12.3.1",
  );
});

test("nobody gets in but with a password that was generated and is read from a file", () => {
  expect(grafana.environment).toMatchObject({
    GF_SECURITY_ADMIN_PASSWORD__FILE: "/run/secrets/admin-password",
    GF_SECURITY_SECRET_KEY__FILE: "/run/secrets/secret-key",
    GF_AUTH_ANONYMOUS_ENABLED: "false",
    GF_USERS_ALLOW_SIGN_UP: "false",
  });
  expect(
    Object.keys(grafana.environment).filter((key) => /PASSWORD$|SECRET_KEY$/.test(key)),
  ).toEqual([]);
  const secrets = model().secrets.filter(({ component }) => component === "grafana");
  expect(secrets.map(({ source }) => source)).toEqual([
    { kind: "generated", length: 32, protect: false },
    { kind: "generated", length: 32, protect: false },
  ]);
});

test("it neither tells nor asks anybody outside: it has no way there either", () => {
  expect(grafana.environment).toMatchObject({
    GF_ANALYTICS_REPORTING_ENABLED: "false",
    GF_ANALYTICS_CHECK_FOR_UPDATES: "false",
    GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES: "false",
    GF_SECURITY_DISABLE_GRAVATAR: "true",
    GF_PLUGINS_PREINSTALL_DISABLED: "true",
  });
  const links = model().links.filter(({ consumer }) => consumer === "grafana");
  expect(links).toEqual([
    { consumer: "grafana", provider: "prometheus", ports: [9090], label: "queries" },
  ]);
  expect(model().ways.filter(({ from }) => from.workload === "grafana")).toEqual([
    {
      from: { system: "observability", workload: "grafana" },
      to: { system: "logs", component: "loki" },
      ports: [3100],
    },
  ]);
  expect(grafana.exposures).toEqual([]);
});

test("it keeps nothing, and its root is read-only but for memory", () => {
  expect(grafana.volumes).toEqual([]);
  expect(grafana.scratch.map(({ path }) => path)).toEqual(["/tmp", "/var/lib/grafana"]);
  expect(grafana.user).toEqual({ uid: 10_472, gid: 10_472 });
});

test("it asks Prometheus, under the name that panels have for it, as often as there is something new, and Loki", () => {
  const read = parse(file("/etc/atalaya/provisioning/datasources/atalaya.yaml")) as object;
  expect(read).toMatchObject({
    datasources: [
      {
        ...PROMETHEUS,
        url: "http://prometheus:9090",
        isDefault: true,
        editable: false,
        jsonData: { timeInterval: "15s" },
      },
      { type: "loki", url: "http://loki.logs:3100", isDefault: false, editable: false },
    ],
  });
});

test("every dashboard is a file in its folder, where Grafana looks, and the first system is home", () => {
  const read = parse(file("/etc/atalaya/provisioning/dashboards/atalaya.yaml")) as {
    providers: { allowUiUpdates: boolean; options: { path: string } }[];
  };
  expect(read.providers).toMatchObject([
    { allowUiUpdates: false, options: { path: "/etc/atalaya/dashboards" } },
  ]);
  const paths = grafana.files.map(({ path }) => path).filter((path) => path.endsWith(".json"));
  expect(paths).toContain("/etc/atalaya/dashboards/Services/service-shop--api.json");
  expect(paths).toContain("/etc/atalaya/dashboards/Components/kind-monitoring.json");
  for (const path of paths) expect(JSON.parse(file(path))).toMatchObject({ editable: false });
  expect(grafana.environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]).toBe(
    "/etc/atalaya/dashboards/Systems/system-shop.json",
  );
});

test("each file fits where engines keep files: half a megabyte on Swarm", () => {
  const large = model().files.filter(({ content }) => Buffer.byteLength(content) > 500_000);
  expect(large.map(({ name }) => name)).toEqual([]);
});

describe("its image is an official one, and nothing takes its place", () => {
  const systems = watchedShop().filter(({ name }) => name !== "logs");
  const others = otherImages({ stack: "dev", systems });
  const engine = (
    there: boolean,
    reason?: string,
  ): Parameters<typeof provideOthers>[1] & { pulled: string[] } => {
    const pulled: string[] = [];
    return {
      pulled,
      has: () => Promise.resolve(there),
      pull: (image: string) => {
        pulled.push(image);
        return Promise.resolve(
          reason === undefined ? { ok: true as const } : { ok: false as const, reason },
        );
      },
    };
  };

  test("it is pulled where it is missing", async () => {
    const [missing, there] = [engine(false), engine(true)];
    await provideOthers(others, missing);
    await provideOthers(others, there);
    expect([missing.pulled, there.pulled]).toEqual([[GRAFANA_IMAGE], []]);
  });

  test("an engine that cannot have it is told before anything is built, with what to do", async () => {
    const error: unknown = await provideOthers(others, engine(false, "no route to host")).catch(
      (e: unknown) => e,
    );
    expect(error).toMatchObject({
      message: `${GRAFANA_IMAGE} cannot be pulled (no route to host), and nothing takes its place.`,
      exitCode: ExitCode.missing,
    });
    const { fix } = error as UserError;
    expect(fix).toContain("config set --path observability.dashboards false");
    expect(fix).toContain("config set --path observability.grafanaImage");
  });

  test("a stack without dashboards needs none", () => {
    const without = watchedShop({ dashboards: false }).filter(({ name }) => name !== "logs");
    expect(otherImages({ stack: "dev", systems: without })).toEqual([]);
  });
});
