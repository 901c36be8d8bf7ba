import { breakdown, readSize, type Taken } from "../../bench/memory/breakdown";

const MIB = 2 ** 20;

const taken = (system: string, component: string, mib: number, image = ""): Taken => ({
  name: `dev-${system}-${component}`,
  system,
  component,
  image,
  memory: mib * MIB,
  limit: 64 * MIB,
});

test("what watches is counted wherever it runs, and what is watched is not", () => {
  const first = [
    taken("observability", "prometheus", 150, "monitoring"),
    taken("observability", "grafana", 90),
    taken("nodes", "machine", 12, "monitoring"),
    taken("logs", "loki", 80),
    taken("pronto", "db-metrics", 10, "monitoring"),
    taken("pronto", "db", 200, "postgres"),
    taken("pronto", "api", 50),
  ];
  const { monitoring, systems, most, allowed } = breakdown([first]);
  expect(monitoring.map((line) => `${line.system}/${line.component}`)).toEqual([
    "observability/prometheus",
    "observability/grafana",
    "logs/loki",
    "nodes/machine",
    "pronto/db-metrics",
  ]);
  expect(systems).toEqual([
    { system: "pronto", component: "", instances: 2, memory: 250 * MIB, limit: 128 * MIB },
  ]);
  expect([most, allowed]).toEqual([342 * MIB, 320 * MIB]);
});

test("of several looks the most at one moment counts, not the sum of what each took at its worst", () => {
  const { monitoring, most } = breakdown([
    [taken("observability", "prometheus", 100), taken("observability", "alertmanager", 30)],
    [taken("observability", "prometheus", 140), taken("observability", "alertmanager", 20)],
  ]);
  expect(most).toBe(160 * MIB);
  expect(monitoring.map(({ memory }) => memory / MIB)).toEqual([140, 30]);
});

test("instances of one component are added up", () => {
  const two = [taken("nodes", "machine", 10), taken("nodes", "machine", 12)];
  expect(breakdown([two]).monitoring).toEqual([
    { system: "nodes", component: "machine", instances: 2, memory: 22 * MIB, limit: 128 * MIB },
  ]);
});

test("sizes are read as docker stats writes them", () => {
  expect(["512B", "3.5KiB", " 3.836MiB ", "1.5GiB"].map(readSize)).toEqual([
    512,
    3.5 * 2 ** 10,
    3.836 * MIB,
    1.5 * 2 ** 30,
  ]);
  expect(() => readSize("--")).toThrow(RangeError);
});
