import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { asJson, asText, filterOf, show, spanOf } from "../../operations/commands/logs";
import { UserError } from "../../operations/errors";
import { following, type LogLine, lines, printable } from "../../operations/logs/loki";
import { type LogFilter, logql } from "../../model/logs";
import { readLogql } from "../support/logql";
import { momentOf } from "../../operations/logs/moments";
import { openTunnel, relayTo } from "../../operations/tunnel/tunnel";
import { PlayedLoki } from "../support/loki";
import { until } from "../support/poll";
import { watchedShop } from "../support/watched";

/** `atalaya logs`: one person's journey over all services (PR-04, FV-09). */
const stack = { stack: "dev", systems: watchedShop() };

describe("the question", () => {
  test("has what was asked for, and no more", () => {
    expect(logql({})).toBe('{system=~".+"}');
    expect(
      logql({
        system: "pronto",
        services: ["api", "db"],
        level: "warn",
        session: "S-81",
        user: "ana",
        request: "r-1",
        grep: 'say "no"',
      }),
    ).toBe(
      '{system="pronto", service=~"api|db", level=~"fatal|error|warn"} |= "say \\"no\\"" | session_id="S-81" | user="ana" | request_id="r-1"',
    );
  });

  /** The texts of a query, as Go's scanner finds them, and what is left of it without them. */
  function taken(query: string): { texts: string[]; rest: string } {
    const texts: string[] = [];
    const rest = query.replace(/"(?:[^"\\\n]|\\(?:["\\/bfnrt]|u[0-9a-f]{4}))*"/g, (text) => {
      texts.push(JSON.parse(text) as string);
      return "TEXT";
    });
    return { texts, rest };
  }

  test("cannot be broken out of, whatever is typed", () => {
    const typed = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string(),
      fc.constantFrom(
        '"',
        "\\",
        '\\"',
        '"} or {system=~".+"',
        "`",
        "a\nb",
        "\u2028",
        "\ud800",
        "$1",
      ),
    );
    const word = "a";
    const plain = readLogql(
      logql({ system: word, session: word, user: word, request: word, grep: word }),
    );
    expect(plain.wrong).toEqual([]);
    fc.assert(
      fc.property(typed, typed, typed, typed, typed, (system, session, user, request, grep) => {
        const filter: LogFilter = { system, session, user, request, grep };
        const { texts, rest } = taken(logql(filter));
        expect(rest).toBe("{system=TEXT} |= TEXT | session_id=TEXT | user=TEXT | request_id=TEXT");
        expect(texts).toEqual(
          [system, grep, session, user, request].map((text) => Buffer.from(text).toString()),
        );
        // The same pieces as with plain words.
        expect(readLogql(logql(filter))).toEqual(plain);
      }),
      { numRuns: 500 },
    );
  });

  test("a service is itself, never a pattern", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (name, other) => {
        const { texts } = taken(logql({ services: [name] }));
        const pattern = new RegExp(`^(?:${texts[1]})$`, "s");
        expect(pattern.test(name)).toBe(true);
        expect(pattern.test(other)).toBe(other === name);
      }),
    );
  });
});

describe("a time", () => {
  const now = Date.parse("2026-11-28T12:00:00Z");

  test.each([
    ["90s", "2026-11-28T11:58:30Z"],
    ["1h30m", "2026-11-28T10:30:00Z"],
    ["2d", "2026-11-26T12:00:00Z"],
    ["2026-11-23T10:15:00Z", "2026-11-23T10:15:00Z"],
    ["2026-11-23T10:15:00-05:00", "2026-11-23T15:15:00Z"],
    ["2026-11-23", "2026-11-23T00:00:00Z"],
  ])("%s is understood", (text, at) => {
    expect(momentOf(text, now)).toBe(Date.parse(at));
  });

  test.each([
    "",
    "1",
    "h",
    "1w",
    "yesterday",
    "2026-11-23T10:15:00",
    "2026-13-01",
    "2026-02-30",
    "-1h",
  ])("%j is none", (text) => {
    expect(momentOf(text, now)).toBeUndefined();
    expect(() => spanOf({ since: text }, now)).toThrow("is no time");
  });

  test("a span has to go forward, and one that is followed has no end", () => {
    expect(spanOf({ since: "2h", until: "1h" }, now)).toEqual({
      from: now - 7_200_000,
      until: now - 3_600_000,
    });
    expect(() => spanOf({ since: "1h", until: "2h" }, now)).toThrow("before --since");
    expect(() => spanOf({ since: "1h", until: "1m", follow: true }, now)).toThrow("has no end");
  });
});

describe("what can be asked for", () => {
  const fixOf = (work: () => unknown): string => {
    try {
      work();
    } catch (error) {
      if (error instanceof UserError) return `${error.problem} ${error.fix}`;
    }
    return "";
  };

  test("systems and components that there are", () => {
    expect(filterOf(stack, { system: "shop", service: ["api"], user: "ana" })).toEqual({
      system: "shop",
      services: ["api"],
      user: "ana",
    });
    expect(fixOf(() => filterOf(stack, { system: "shopp" }))).toBe(
      'There is no system "shopp". Did you mean "shop"?',
    );
    expect(fixOf(() => filterOf(stack, { system: "shop", service: ["ap"] }))).toBe(
      'There is no service "ap" in shop. Did you mean "api"?',
    );
    // Of any system, where none is named.
    expect(filterOf(stack, { service: ["loki"] })).toEqual({ services: ["loki"] });
  });

  test("where nobody keeps logs, it says how to have them", () => {
    const systems = stack.systems.filter(({ name }) => name !== "logs");
    expect(fixOf(() => filterOf({ stack: "dev", systems }, {}))).toMatch(
      /Nobody keeps the logs of stack dev\. .*config set logs on/,
    );
  });
});

describe("a Loki", () => {
  let loki: PlayedLoki;
  beforeEach(async () => {
    loki = await PlayedLoki.start();
  });
  afterEach(() => loki.stop());

  const SECOND = 1_000_000_000n;
  const START = 1_795_867_200n * SECOND;

  const keep = (time: bigint, line: string, service = "api"): void => {
    const labels = { system: "pronto", service, instance: `${service}.1`, level: "info" };
    loki.kept.push({ time, labels, line });
  };

  async function all(found: AsyncGenerator<LogLine>): Promise<string[]> {
    const texts: string[] = [];
    for await (const { line } of found) texts.push(line);
    return texts;
  }

  const question = (): { url: string; query: string; start: bigint; end: bigint } => ({
    url: loki.url,
    query: '{system="pronto"}',
    start: START,
    end: START + 3_600n * SECOND,
  });

  test("gives all lines of all services in the order of time, whatever fits on a page", async () => {
    const expected: string[] = [];
    for (let i = 0; i < 2_500; i++) {
      // Several at one moment, also where a page ends.
      keep(START + BigInt(Math.floor(i / 3)) * SECOND, `line ${i}`, ["edge", "api", "db"][i % 3]);
      expected.push(`line ${i}`);
    }
    const found = await all(lines(question()));
    expect(found).toHaveLength(2_500);
    expect(new Set(found)).toEqual(new Set(expected));
    const moments = found.map((line) => Math.floor(Number(line.slice(5)) / 3));
    expect(moments).toEqual([...moments].sort((a, b) => a - b));
    expect(loki.asked.every(({ path }) => path === "/loki/api/v1/query_range")).toBe(true);
    expect(loki.asked.length).toBeGreaterThanOrEqual(3);
  });

  test("more lines of one moment than a page has are all there, and it comes to an end", async () => {
    for (let i = 0; i < 1_700; i++) keep(START, `line ${i}`);
    keep(START + 1n, "after");
    const found = await all(lines(question()));
    expect(found).toHaveLength(1_701);
    expect(found.at(-1)).toBe("after");
  });

  test("followed, it gives each line once, also one that comes late, until it is told to end", async () => {
    const end = new AbortController();
    let now = START + 10n * SECOND;
    const texts: string[] = [];
    keep(START + 5n * SECOND, "before");
    const reading = (async () => {
      const of = { url: loki.url, query: "{}", start: START };
      for await (const { line } of following(of, end.signal, () => now)) texts.push(line);
    })();
    const seen = (count: number): Promise<unknown> =>
      until(`${count} lines`, { within: 10_000, every: 50 }, () =>
        Promise.resolve(texts.length >= count),
      );
    await seen(1);
    now = START + 20n * SECOND;
    keep(START + 15n * SECOND, "new");
    await seen(2);
    // It was printed before the last one, and came after it.
    keep(START + 14n * SECOND, "late", "db");
    now = START + 22n * SECOND;
    await seen(3);
    end.abort();
    await reading;
    expect(texts).toEqual(["before", "new", "late"]);
  }, 30_000);

  test("is asked through a tunnel, page after page, as any page of those who watch is opened", async () => {
    for (let i = 0; i < 1_500; i++) keep(START + BigInt(i), `line ${i}`);
    const inside = Number(new URL(loki.url).port);
    const [command, ...args] = relayTo(inside);
    const tunnel = await openTunnel({
      connect: () => Promise.resolve({ command: command!, args }),
      preferred: 0,
      onFailure: () => undefined,
    });
    try {
      const url = `http://127.0.0.1:${tunnel.port}`;
      expect(await all(lines({ ...question(), url }))).toHaveLength(1_500);
      // Loki is gone, and the way to it with it.
      const of = { ...question(), url };
      await loki.stop();
      await expect(all(lines(of))).rejects.toThrow("Loki does not answer.");
    } finally {
      await tunnel.close();
      loki = await PlayedLoki.start();
    }
  }, 30_000);

  test("that refuses, or is none, is told as it is; its words cannot move the cursor", async () => {
    loki.refuses = { status: 400, text: "parse error \u001b[2J" };
    await expect(all(lines(question()))).rejects.toThrow(
      "Loki refuses the question (400): parse error \\x1b[2J",
    );
    loki.refuses = { status: 200, text: "<html>" };
    await expect(all(lines(question()))).rejects.toThrow("What answers is no Loki.");
    const of = question();
    await loki.stop();
    await expect(all(lines(of))).rejects.toThrow("Loki does not answer.");
    loki = await PlayedLoki.start();
  });

  test("that breaks off in the middle of an answer is told; whoever leaves there just leaves", async () => {
    const half = createServer((request, response) => {
      response.writeHead(200, { "content-length": 1_000 }).write('{"data":');
      if (request.url!.includes("broken")) setTimeout(() => request.socket.destroy(), 20);
    });
    await new Promise<void>((ready) => half.listen(0, "127.0.0.1", ready));
    const url = `http://127.0.0.1:${(half.address() as AddressInfo).port}`;
    const of = { url, start: START, end: START + 1n };
    try {
      await expect(all(lines({ ...of, query: "broken" }))).rejects.toThrow("Loki does not answer.");
      expect(await all(lines({ ...of, query: "slow" }, AbortSignal.timeout(200)))).toEqual([]);
    } finally {
      half.closeAllConnections();
      half.close();
    }
  });

  test("is shown as text or as JSON, one line each", async () => {
    loki.kept.push({
      time: START + 123_456_789n,
      labels: {
        ...{ system: "pronto", service: "api", instance: "api.1", level: "error", user: "ana" },
        time: "2026-11-28T11:59:58.001Z",
      },
      line: 'no table\u001b[31m "7"',
    });
    const printed = jest.spyOn(process.stdout, "write").mockReturnValue(true);
    try {
      const span = { from: Number(START / 1_000_000n), until: Number(START / 1_000_000n) + 1_000 };
      await show(loki.url, { system: "pronto", user: "ana" }, span, {});
      await show(loki.url, {}, span, { json: true });
      const [text, json] = printed.mock.calls.map(([chunk]) => String(chunk));
      expect(text).toBe('2026-11-28T12:00:00.123Z pronto/api api.1 error no table\\x1b[31m "7"\n');
      expect(JSON.parse(json!)).toEqual({
        time: "2026-11-28T12:00:00.123Z",
        nanoseconds: "1795867200123456789",
        ...{ system: "pronto", service: "api", instance: "api.1", level: "error", user: "ana" },
        line: 'no table\u001b[31m "7"',
      });
    } finally {
      printed.mockRestore();
    }
    expect(loki.asked[0]).toMatchObject({
      query: '{system="pronto"} | user="ana"',
      start: START,
      end: START + SECOND,
    });
  });
});

test("what a container prints cannot write on the terminal as it likes", () => {
  const line = { time: 0n, labels: {}, line: "" };
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const shown = printable(text);
      // eslint-disable-next-line no-control-regex -- that is what it is about
      expect(shown).not.toMatch(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u202a-\u202e]/);
      expect(asJson({ ...line, line: text })).not.toContain("\u001b");
    }),
  );
  expect(asText({ ...line, line: "a\tb ñ 😀" })).toBe(
    "1970-01-01T00:00:00.000Z ?/? unknown a\tb ñ 😀",
  );
});
