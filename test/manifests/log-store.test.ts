import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { LOG_LEVELS, type LogFilter, logql } from "../../model/logs";
import { lines } from "../../operations/logs/loki";
import { kubernetes } from "../../platforms/kubernetes/kubernetes";
import { swarm } from "../../platforms/swarm/swarm";
import { pronto } from "../../systems/pronto";
import { run } from "../support/commands";
import { type Kept, keptLines } from "../support/kept-lines";
import { LokiServer } from "../support/loki-server";
import { until } from "../support/poll";
import { describeObserved } from "../support/systems";
import { BUILD_MS, loki } from "./tools";

jest.setTimeout(300_000);

/** Loki itself with our file (PR-04, FV-09, GG-13). */
let program: string;
let folder: string;
let server: LokiServer | undefined;

beforeAll(async () => {
  program = await loki();
}, BUILD_MS);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "atalaya-loki-"));
});

afterEach(async () => {
  await server?.stop("SIGKILL");
  server = undefined;
  rmSync(folder, { recursive: true, force: true });
});

const HOUR = 3_600_000;

/** Nanoseconds since 1970, as texts. @param ago milliseconds */
const moment = (ago: number, n = 0): string => `${Date.now() - ago}${String(n).padStart(6, "0")}`;

const line = (
  text: string,
  { ago = 60_000, ...labels }: { ago?: number; system?: string; instance?: string } = {},
): Kept => ({
  time: moment(ago),
  labels: { system: "pronto", service: "api", instance: "api.1", level: "info", ...labels },
  attributes: {},
  line: text,
});

async function take(...of: readonly Kept[]): Promise<void> {
  const response = await server!.take(of);
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
}

const texts = async (query?: string, hours?: number): Promise<string[]> =>
  (await keptLines(server!.get, query, hours)).map((of) => of.line);

test("it takes the file that both platforms declare, and none that is broken", async () => {
  for (const platform of [swarm, kubernetes]) {
    const models = describeObserved(
      platform,
      "prod",
      [[pronto, { domain: "pronto.example.org", acmeEmail: "ops@example.org" }]],
      {},
      { bySystem: { pronto: "90 d" } },
    );
    const file = models
      .find(({ name }) => name === "logs")!
      .files.find(({ name }) => name === "loki-config")!;
    const path = join(folder, "declared.yaml");
    const verify = async (text: string): Promise<number> => {
      writeFileSync(path, text);
      return (await run(program, [`-config.file=${path}`, "-verify-config"])).code;
    };
    expect(await verify(file.content)).toBe(0);
    expect(await verify(file.content.replace("retention_stream", "retention_streams"))).not.toBe(0);
  }
});

const SOME = ["", "a", "a|b", ".+", "A", 'q"\\', "ñ\n"];
const some = fc.constantFrom(...SOME);

const found = fc.record({
  labels: fc.record({
    system: some.filter((name) => name !== ""),
    service: some,
    instance: some,
    level: fc.constantFrom(...LOG_LEVELS, "unknown"),
  }),
  attributes: fc.record({ session_id: some, user: some, request_id: some }, { requiredKeys: [] }),
  line: fc.array(some).map((parts) => parts.join(" ")),
});

const filter: fc.Arbitrary<LogFilter> = fc.record(
  {
    system: some.filter((name) => name !== ""),
    services: fc.uniqueArray(some, { minLength: 1, maxLength: 3 }),
    level: fc.constantFrom(...LOG_LEVELS),
    session: some,
    user: some,
    request: some,
    grep: some,
  },
  { requiredKeys: ["system"] },
);

/** What the options of `atalaya logs` mean. */
const fits = (of: Kept, asked: LogFilter): boolean =>
  of.labels["system"] === asked.system &&
  (asked.services ?? [of.labels["service"]]).includes(of.labels["service"]!) &&
  (asked.level === undefined ||
    (LOG_LEVELS.slice(0, LOG_LEVELS.indexOf(asked.level) + 1) as string[]).includes(
      of.labels["level"]!,
    )) &&
  of.line.includes(asked.grep ?? "") &&
  Object.entries({
    session_id: asked.session,
    user: asked.user,
    request_id: asked.request,
  }).every(([name, wanted]) => wanted === undefined || (of.attributes[name] ?? "") === wanted);

test("`atalaya logs` finds what was asked for, whatever is typed, and a person is no label", async () => {
  server = await LokiServer.start(program, folder);
  const all = fc
    .sample(found, { numRuns: 400, seed: 7 })
    .map((of, n): Kept => ({ ...of, line: `${of.line} #${n}`, time: moment(HOUR, n) }));
  await take(...all);
  const start = BigInt(moment(2 * HOUR));
  const end = BigInt(moment(0));
  const shown = async (query: string): Promise<string[]> => {
    const of: string[] = [];
    for await (const { line: text } of lines({ url: server!.url, query, start, end }))
      of.push(text);
    return of.sort();
  };
  expect(await shown(logql({}))).toEqual(all.map((of) => of.line).sort());
  let most = 0;
  for (const asked of fc.sample(filter, { numRuns: 400, seed: 8 })) {
    const expected = all.filter((of) => fits(of, asked)).map((of) => of.line);
    most = Math.max(most, expected.length);
    expect([asked, await shown(logql(asked))]).toEqual([asked, expected.sort()]);
  }
  expect(most).toBeGreaterThan(5);
  for (const kept of await keptLines(server.get)) {
    expect(Object.keys(kept.labels)).not.toContain("user");
    expect(Object.keys(kept.attributes)).not.toContain("system");
  }
  expect(await shown('{user="a", system=~".+"}')).toEqual([]);
});

/** What Loki gives to `atalaya logs`, as often as it does. */
async function shown(query: string, hours = 2): Promise<string[]> {
  const span = { start: BigInt(moment(hours * HOUR)), end: BigInt(moment(0)) };
  const of: string[] = [];
  for await (const { line: text } of lines({ url: server!.url, query, ...span })) of.push(text);
  return of.sort();
}

test("a line comes late, in any order, and is found at once; what is older than a week is refused", async () => {
  server = await LokiServer.start(program, folder);
  await take(line("newest", { ago: 1_000 }));
  const days = [3, 6, 1, 5, 0.5, 4, 2, 0.1];
  for (const day of days) await take(line(`${day} days late`, { ago: day * 24 * HOUR }));
  expect(await shown(logql({}), 7 * 24)).toEqual(
    ["newest", ...days.map((day) => `${day} days late`)].sort(),
  );
  const refused = await server.take([line("too late", { ago: 8 * 24 * HOUR })]);
  expect(refused.status).toBe(400);
  expect(await shown('{system="pronto"} |= "too"', 9 * 24)).toEqual([]);
});

test("a line that comes again is kept once, also after others and after a kill", async () => {
  server = await LokiServer.start(program, folder);
  const again = line("again");
  await take(again, line("other", { ago: 50_000 }));
  await take(again);
  await server.stop("SIGKILL");
  await server.begin();
  await take(again);
  expect(await shown(logql({}))).toEqual(["again", "other"]);
});

test("a line that is too long is cut, and a page of long ones is an answer", async () => {
  server = await LokiServer.start(program, folder);
  const many = Array.from({ length: 40 }, (_, n) => line(`${n} ${"x".repeat(300_000)}`));
  for (let n = 0; n < many.length; n += 10) await take(...many.slice(n, n + 10));
  const found = await shown(logql({}));
  expect(found.map((text) => parseInt(text)).sort((a, b) => a - b)).toEqual([...many.keys()]);
  for (const text of found) {
    expect(text.length).toBeGreaterThan(250_000);
    expect(text.length).toBeLessThan(300_000);
  }
});

test("a person is erased: nobody else, at once from answers", async () => {
  server = await LokiServer.start(program, folder);
  await take(line("ana@example.org ordered"), line("bob@example.org ordered"));
  const asked = new URLSearchParams({
    query: '{system="pronto"} |= "ana@example.org"',
    start: String(Math.floor(Date.now() / 1_000) - 86_400),
  });
  const path = `${server.url}/loki/api/v1/delete`;
  const erased = await fetch(`${path}?${asked.toString()}`, { method: "POST" });
  expect(erased.status).toBe(204);
  await until("she is not found", { within: 60_000 }, async () => {
    return !(await shown(logql({}))).some((text) => text.startsWith("ana"));
  });
  expect(await shown(logql({}))).toEqual(["bob@example.org ordered"]);
  // What asks whether it was noted, and what takes it back.
  const [noted] = (await (await fetch(path)).json()) as { request_id: string; query: string }[];
  expect(noted!.query).toBe(asked.get("query"));
  const back = await fetch(`${path}?request_id=${noted!.request_id}`, { method: "DELETE" });
  expect(back.status).toBe(204);
});

test("what it has taken outlives a kill and an orderly end", async () => {
  server = await LokiServer.start(program, folder);
  const taken = Array.from({ length: 2_000 }, (_, n) => line(`line ${n}`, { ago: 60_000 - n }));
  await take(...taken.slice(0, 1_000));
  await server.stop("SIGKILL");
  await server.begin();
  const wanted = (count: number): string[] => taken.slice(0, count).map((of) => of.line);
  expect(await texts()).toEqual(wanted(1_000));
  await take(...taken.slice(1_000));
  await server.stop();
  await server.begin();
  expect(await texts()).toEqual(wanted(2_000));
});

test("each system's lines are deleted when their time is over, and no other's", async () => {
  server = await LokiServer.start(
    program,
    folder,
    { keep: "5 d", bySystem: { short: "2 d", long: "6 d" } },
    // Once every ten minutes, and two hours later, in the file.
    ["-compactor.compaction-interval=3s", "-compactor.retention-delete-delay=1s"],
  );
  const days = [1, 3, 4.5, 5.5];
  await take(
    ...["short", "other", "long"].flatMap((system) =>
      days.map((day) => {
        const ago = day * 24 * HOUR;
        return line(`${system} ${day}`, { system, ago, instance: `api.${day}` });
      }),
    ),
  );
  expect(await texts(undefined, 7 * 24)).toHaveLength(12);
  // So that all of it is in files now, and not within the hour; the journal would bring it back.
  await server.stop();
  rmSync(join(folder, "wal"), { recursive: true });
  await server.begin();
  const rest = [
    "short 1",
    "other 1",
    "other 3",
    "other 4.5",
    "long 1",
    "long 3",
    "long 4.5",
    "long 5.5",
  ];
  const files = (below: string, fits: RegExp): number =>
    readdirSync(join(folder, below), { recursive: true, withFileTypes: true }).filter(
      (entry) => entry.isFile() && fits.test(entry.parentPath),
    ).length;
  const pieces = (): number => files("chunks", /\/chunks\/fake\//);
  expect(pieces()).toBe(12);
  // A mark for each day with something to delete; it is looked for once a minute, and at the start.
  await until("what is too old is marked", { within: 60_000 }, () =>
    Promise.resolve(files("compactor", /\/markers$/) >= 3),
  );
  await sleep(2_000);
  await server.stop();
  await server.begin();
  await until("what is too old is deleted", { within: 100_000 }, () =>
    Promise.resolve(pieces() <= rest.length),
  );
  expect((await texts(undefined, 7 * 24)).sort()).toEqual(rest.sort());
});
