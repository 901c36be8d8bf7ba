import type { Instance } from "../../support/engine";
import { setTimeout as sleep } from "node:timers/promises";
import { measured } from "../../support/measurements";
import { until } from "../../support/poll";
import type { Live } from "./context";
import { expectHeaders } from "./serving";

/** What happens when a part of the system goes away, or takes more than it may. */
export function failures(live: Live): void {
  const status = async (path: string): Promise<number> => (await live.ask(path)).status;

  /** Whether sixteen requests, side by side, are all answered so. */
  async function everyAnswer(path: string, expected: number): Promise<boolean> {
    const codes = await Promise.all(Array.from({ length: 16 }, () => status(path)));
    return codes.every((code) => code === expected);
  }

  /** Asks for data four times a second until told to stop, and keeps every status. */
  function watch(path: string): { stop: () => Promise<Record<string, number>> } {
    const seen: Record<string, number> = {};
    let over = false;
    const asking = (async () => {
      while (!over) {
        const code = await live.ask(path).then(
          (answer) => String(answer.status),
          (error: NodeJS.ErrnoException) => error.code ?? error.message,
        );
        seen[code] = (seen[code] ?? 0) + 1;
        await sleep(250);
      }
    })();
    const watched = {
      stop: async () => {
        over = true;
        await asking;
        return seen;
      },
    };
    watches.push(watched);
    return watched;
  }
  const watches: { stop: () => Promise<unknown> }[] = [];

  /** Readiness as an instance itself tells it. */
  const ready = async ({ target }: Instance): Promise<boolean> =>
    (
      await live.engine.exec(target, [
        "curl",
        "-fsS",
        "-m",
        "3",
        "http://127.0.0.1:8000/health/ready",
      ])
    ).code === 0;

  describe("a dependency goes away", () => {
    // Also where a case ended before it came to that.
    afterEach(() => Promise.all(watches.splice(0).map((watched) => watched.stop())));

    test("Redis: readiness turns red and traffic stops within 10 s; both come back (PR-06, GG-01)", async () => {
      const id = await live.create("before Redis stopped");
      const instances = await live.engine.instances("api");
      const watched = watch("/api/v1/counter");
      await live.engine.scale("cache", 0);
      let red: number;
      let stopped: number;
      try {
        await until("no cache container", { within: 30_000 }, async () => {
          return (await live.engine.instances("cache")).length === 0;
        });
        const gone = Date.now();
        await until("every instance says it is not ready", { within: 10_000 }, async () => {
          const all = await Promise.all(instances.map(ready));
          return all.every((one) => !one);
        });
        red = Date.now() - gone;
        // Each of an instance's processes finds out by itself: nobody is served by chance any more. Asked side by
        // side, since the gateway keeps a request for seconds while no instance is left.
        let asked = 0;
        await until("all data is refused", { within: 10_000 - red, every: 500 }, async () => {
          asked = Date.now();
          return everyAnswer("/api/v1/items", 503);
        });
        stopped = asked - gone;
        expect(stopped).toBeLessThanOrEqual(10_000);
        expectHeaders(await live.ask("/api/v1/items"));
      } finally {
        // The cases that follow want a whole system, whatever this one found.
        await live.engine.scale("cache", 1);
        await live.engine.settled("cache", 1, 60_000);
      }
      const { milliseconds: recovered } = await until(
        "data is served again",
        { within: 20_000, every: 500 },
        // By every process of every instance.
        () => everyAnswer(`/api/v1/items/${id}`, 200),
      );
      const seen = await watched.stop();
      measured("Redis stopped", {
        redAfterMs: red,
        trafficStoppedAfterMs: stopped,
        recoveredMsAfterRedis: recovered,
        seen,
      });
      expect(Object.keys(seen).filter((code) => !["200", "502", "503"].includes(code))).toEqual([]);
      // Nobody was restarted for it.
      expect(await live.engine.ids("api")).toEqual(instances.map(({ id: i }) => i).sort());
      expect(await live.read(id)).toBe("before Redis stopped");
    });

    test("PostgreSQL killed: it comes back by itself with its data, the API with it (PR-06, GG-01)", async () => {
      const id = await live.create("before PostgreSQL was killed");
      const api = await live.engine.ids("api");
      const [database] = await live.engine.instances("db");
      const watched = watch("/api/v1/items?limit=1");
      const killed = Date.now();
      await live.engine.kill(database!);
      await until("another database container", { within: 60_000 }, async () => {
        const [now] = await live.engine.instances("db");
        return now !== undefined && now.id !== database!.id && now.well;
      });
      await until("the item is read", { within: 20_000 }, async () => {
        return (await live.read(id)) === "before PostgreSQL was killed";
      });
      const back = Date.now() - killed;
      const seen = await watched.stop();
      measured("PostgreSQL killed", { servedAgainAfterMs: back, seen });
      expect(Object.keys(seen).filter((code) => !["200", "502", "503"].includes(code))).toEqual([]);
      expect(await live.engine.ids("api")).toEqual(api);
    });
  });

  describe("a process that hangs", () => {
    afterEach(() => Promise.all(watches.splice(0).map((watched) => watched.stop())));

    test("is replaced, since it does not pass its check any more (PR-06)", async () => {
      const [victim] = await live.engine.instances("api");
      const watched = watch("/api/v1/items?limit=1");
      const hung = Date.now();
      // All but the container's first process, whose workers they are: nobody answers, and nothing ends.
      const stop = await live.engine.exec(victim!.target, ["sh", "-c", "kill -STOP -1"]);
      expect(stop.code).toBe(0);
      await until("another container", { within: 120_000 }, async () => {
        const now = await live.engine.instances("api");
        return now.length === 2 && now.every(({ id, well }) => well && id !== victim!.id);
      });
      measured("a process that hangs", {
        replacedAfterMs: Date.now() - hung,
        seen: await watched.stop(),
      });
      expect(await everyAnswer("/health", 200)).toBe(true);
    });
  });

  describe("a process over the memory limit", () => {
    test("cuts its request off: the gateway's own error page, with every header (GG-04, PR-08)", async () => {
      const answer = await live.ask("/test/eat-memory?mib=2048", {
        method: "POST",
        timeoutMs: 60_000,
      });
      expect(answer.status).toBe(502);
      expectHeaders(answer);
      expect(answer.headers["content-type"]).toMatch(/^text\/html/);
      await live.engine.settled("api", 2);
      await live.engine.one("api");
    });
  });
}
