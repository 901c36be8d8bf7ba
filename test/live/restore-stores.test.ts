import { setTimeout as sleep } from "node:timers/promises";
import { expectCode, must, run } from "../support/commands";
import { describeInTime } from "../support/deadline";
import { measured } from "../support/measurements";
import { until } from "../support/poll";
import { Swarm } from "../support/swarm";
import { freePorts, Workspace } from "../support/workspace";
import { backupCommands } from "./cases/backup-commands";

jest.setTimeout(600_000);

/** More than a page of what lists them. */
const ITEMS = 250;

/** A store whose backups restic keeps, and a service that keeps its things in it. */
interface Kept {
  readonly component: string;
  readonly service: string;
  readonly url: string;
}

const CACHE: Kept = {
  component: "cache",
  service: "cart-service",
  url: "http://127.0.0.1:3005/api/cart",
};
const DOCUMENTS: Kept = {
  component: "documents",
  service: "product-service",
  url: "http://127.0.0.1:3002/api/products",
};
const STORES: readonly Kept[] = [CACHE, DOCUMENTS];

/**
 * Restores of Redis and of what speaks MongoDB's protocol in a whole system on a real Swarm, by the commands that a
 * person has (FV-06, GG-03). What such a backup has is what there was at its moment. In this order: each goes on from
 * what the one before left.
 */
describeInTime("restores of Flores Victoria's Redis and MongoDB", 14, () => {
  let stack: Workspace;
  let engine: Swarm;

  /** Has the service itself create so many items. */
  const create = async ({ service, url }: Kept, name: string, count: number): Promise<void> => {
    const failed = await engine.script<number[]>(
      service,
      `const failed = [];
       for (let n = 0; n < ${count}; n++) {
         const { status } = await fetch(${JSON.stringify(url)}, {
           method: "POST", headers: { "content-type": "application/json" },
           body: JSON.stringify({ name: ${JSON.stringify(name)} + " " + n, note: "ñ ".repeat(n) }) });
         if (status !== 201) failed.push(status);
       }
       return failed;`,
    );
    expect(failed).toEqual([]);
  };

  /** Every item as the service gives it, each as one text, in order. */
  const items = ({ service, url }: Kept): Promise<string[]> =>
    engine.script<string[]>(
      service,
      `const all = [];
       for (let after = 0; after !== null; ) {
         const answer = await fetch(${JSON.stringify(url)} + "/?limit=100&after=" + after);
         if (answer.status !== 200) throw new Error("status " + answer.status);
         const { items, next } = await answer.json();
         all.push(...items.map((item) => JSON.stringify(item)));
         after = next;
       }
       return all;`,
    );

  /** The items, once the service finds its store again. */
  const itemsAgain = async (of: Kept): Promise<string[]> =>
    (await until(`${of.service} reads`, { within: 60_000, every: 1_000 }, () => items(of))).value;

  /** The service's items in a Redis, as its administrator counts them. */
  const carts = async (workload: string): Promise<number> => {
    const ran = await engine.exec(await engine.one(workload), [
      ...["bash", "-c"],
      `REDISCLI_AUTH=$(cat "$ADMIN_PASSWORD_FILE") redis-cli --no-auth-warning --user admin --raw EVAL "$1" 0`,
      ...["_", "return redis.call('ZCARD', redis.call('KEYS', 'cart-service:*:items')[1])"],
    ]);
    expectCode(ran, 0);
    return Number(ran.stdout);
  };

  /** What all containers of a store have written, those that ended included. */
  const said = async ({ component }: Kept): Promise<string> => {
    const filter = `label=com.docker.swarm.service.name=${engine.service(component)}`;
    const ids = await must("docker", ["ps", "--all", "--quiet", "--filter", filter]);
    const told = await Promise.all(ids.split("\n").map((id) => run("docker", ["logs", id])));
    return told.map(({ stdout, stderr }) => stdout + stderr).join("");
  };

  /** What each store had when it was backed up. */
  const saved = new Map<Kept, string[]>();

  beforeAll(async () => {
    const [http, https] = (await freePorts(2)) as [number, number];
    stack = await Workspace.create({
      config: {
        systems: ["flores-victoria"],
        "flores-victoria": {
          ports: { http, https },
          testHooks: true,
          // At the routes that FV-01 names, which lead to the store, an engine replaces who cannot reach it.
          services: Object.fromEntries(
            STORES.map(({ service }) => [service, { live: "/health/live" }]),
          ),
        },
        backups: { local: { storage: "1 GiB" }, drill: "daily" },
      },
    });
    engine = new Swarm(stack.stack, "flores-victoria");
    const { milliseconds } = await stack.up();
    measured("first up of Flores Victoria with backups", {
      seconds: Math.round(milliseconds / 1_000),
    });
  });

  afterAll(async () => {
    await stack?.remove();
  });

  describe.each(STORES)("$component", (of) => {
    const { backup, done, status } = backupCommands(() => stack, of.component);

    test("a backup by hand is told of, with its moment as the recovery point", async () => {
      await create(of, "before", ITEMS);
      saved.set(of, await items(of));
      expect(saved.get(of)).toHaveLength(ITEMS);
      const begun = Date.now();
      await done("now");
      const after = await status();
      expect(after).toMatchObject({ continuous: false, problems: [] });
      // To the second.
      const point = Date.parse(after.recoveryPoint!);
      expect(point).toBeGreaterThanOrEqual(begun - 1_000);
      expect(point).toBeLessThanOrEqual(Date.now());
    });

    test("a drill by hand passes in a container of its own, and is told of", async () => {
      await done("drill");
      const { repositories, problems } = await status();
      expect(problems).toEqual([]);
      expect(repositories[0]!.drill).toMatchObject({ ok: true });
      const { rtoSeconds, rpoSeconds } = repositories[0]!.drill!;
      measured(`restores: a drill of ${of.component}`, {
        rtoSeconds: rtoSeconds!,
        rpoSeconds: rpoSeconds!,
      });
    });

    test("what cannot be restored is told before anything is made", async () => {
      const before = await must("docker", ["service", "ls", "-q"]);
      for (const [args, expected] of [
        [["--to", "2020-01-01T00:00:00Z"], "its oldest backup ended"],
        [["--to", "2100-01-01T00:00:00Z"], "has not come yet"],
        [["--to-name", "point"], "only PostgreSQL has restore points"],
        [["--from", "away"], "there is no repository “away”"],
      ] as const) {
        const ran = await backup("restore", ...args, "--yes");
        expectCode({ ...ran, stdout: "" }, 1);
        expect(ran.stderr).toContain(expected);
      }
      expect(await must("docker", ["service", "ls", "-q"])).toBe(before);
    });

    test("a moment leads to the newest backup before it: a copy beside, and nobody notices", async () => {
      await sleep(1_100);
      const between = new Date().toISOString();
      await sleep(1_100);
      await create(of, "after", 10);
      await done("now");
      const all = await items(of);
      expect(all).toHaveLength(ITEMS + 10);
      const workloads = [of.component, of.service, `${of.component}-backup`];
      const before = await Promise.all(workloads.map((workload) => engine.ids(workload)));
      const begun = Date.now();
      await done("restore", "--to", between, "--yes");
      measured(`restores: a copy of ${of.component} beside`, {
        seconds: Math.round((Date.now() - begun) / 1_000),
      });
      await engine.one(`${of.component}-copy-1`);
      expect(await Promise.all(workloads.map((workload) => engine.ids(workload)))).toEqual(before);
      expect(await items(of)).toEqual(all);
      if (of === CACHE) {
        expect([await carts("cache"), await carts("cache-copy-1")]).toEqual([ITEMS + 10, ITEMS]);
      }
    });

    test("the copy takes the store's place, and the way back is open", async () => {
      const all = await items(of);
      const consumers = await engine.ids(of.service);
      await done("switch", "--copy", "1", "--yes");
      expect(await itemsAgain(of)).toEqual(saved.get(of));
      expect(await engine.instances(`${of.component}-copy-1`)).toEqual([]);
      // The same consumers, with the same passwords; and they may write.
      expect(await engine.ids(of.service)).toEqual(consumers);
      await create(of, "on the copy", 1);
      await done("switch", "--copy", "0", "--yes");
      expect(await itemsAgain(of)).toEqual(all);
      const refused = await backup("discard", "--copy", "1", "--yes");
      expect(refused.code).toBe(2);
      expect(refused.stderr).toContain("ran on copy 1");
    });

    test("the volume is lost: all is back that the newest backup has, and what came after is not", async () => {
      await create(of, "backed up", 5);
      await done("now");
      const known = await items(of);
      await create(of, "too late", 3);
      const [instance] = await engine.instances(of.component);
      const volume = `${stack.stack}-flores-victoria-${of.component}-data`;
      const image = await must("docker", ["inspect", "-f", "{{.Image}}", instance!.target]);
      await must("docker", [
        ...["run", "--rm", "--user", "0", "-v", `${volume}:/lost`, "--entrypoint", "bash", image],
        ...["-c", "find /lost -mindepth 1 -delete"],
      ]);
      await engine.kill(instance!);
      const killed = Date.now();
      // It begins nothing anew.
      await until("it says why it does not start", { within: 60_000, every: 1_000 }, async () =>
        /serving never (?:begins anew|makes one)/.test(await said(of)),
      );
      await done("restore", "--serve", "--yes");
      expect(await itemsAgain(of)).toEqual(known);
      const rto = Date.now() - killed;
      measured(`restores: ${of.component}'s volume lost, by the command`, {
        rtoSeconds: Math.round(rto / 1_000),
      });
      expect(rto).toBeLessThan(240_000);
      // The first thing that it did was to back itself up; and it goes on as before.
      await create(of, "afterwards", 1);
      expect(await items(of)).toHaveLength(known.length + 1);
      expect((await status()).problems).toEqual([]);
      await done("now");
      await done("drill");
    });
  });

  test("a second up changes nothing, and no secret was printed", async () => {
    const again = await stack.operate("up", "--expect-no-changes");
    expectCode(again, 0);
    const secrets = await stack.output<Record<string, Record<string, string>>>("passwords", true);
    const values = Object.values(secrets["flores-victoria"] ?? {});
    expect(values.length).toBeGreaterThan(10);
    for (const value of values) expect(stack.transcript.includes(value)).toBe(false);
  });
});
