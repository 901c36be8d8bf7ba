import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { measured } from "../../support/measurements";
import { until } from "../../support/poll";
import { ATTACKS, NOT_STOPPED } from "../waf/attacks";
import { HONEST } from "../waf/honest";
import { type Seen, wafPage } from "../waf/page";
import type { WafRequest } from "../waf/request";
import { send, type Sent } from "../waf/send";
import type { Live } from "./context";
import { webSocket } from "./gateway";

/** What a gateway wrote about a request, in its log. */
interface Entry {
  readonly logger?: string;
  readonly id?: string;
  readonly rules?: readonly number[];
  readonly blocked?: boolean;
  readonly upstream?: string;
}

interface Judged extends Seen {
  readonly name: string;
  readonly blocked: boolean;
  /** It reached the service. */
  readonly passed: boolean;
}

/** 949: the sum of the others. */
const COUNTS = 949_110;

const PAGE = join(__dirname, "..", "..", "..", "docs", "waf.md");

async function log(live: Live): Promise<Entry[]> {
  const lines = (await live.engine.logsOf("edge")).split("\n");
  return lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as Entry);
}

/** The log's entry of a request, once it is there. */
async function logged(live: Live, id: string, logger: string): Promise<Entry> {
  const { value } = await until(`${logger}'s entry is in the log`, { within: 15_000 }, async () =>
    (await log(live)).find((entry) => entry.id === id && entry.logger === logger),
  );
  return value;
}

/** All entries, once those of a request are there, sent after all the others that are asked for. */
async function allOnceLogged(live: Live, { id }: Sent): Promise<Entry[]> {
  await logged(live, id, "access");
  // Alarms are gathered for half a second.
  await sleep(1_000);
  return log(live);
}

/** The firewall that only watches, for the first week of a system (PR-12). */
export function detection(live: Live): void {
  test("the firewall lets an attack pass while it only watches, and writes it down", async () => {
    const { id, status } = await send(live.target, {
      name: "always true",
      path: "/api/v1/items?limit=1&q=1'%20OR%20'1'='1'--",
    });
    expect(status).toBe(200);
    const { blocked, rules } = await logged(live, id, "firewall");
    expect(blocked).toBe(false);
    expect(rules).toContain(942_100);
  });
}

/**
 * The firewall with its rule set, in blocking mode: attacks are refused and honest requests are not (PR-12).
 * With `UPDATE_GOLDEN=1` the page in `docs/` is written anew from what was seen.
 */
export function firewall(live: Live): void {
  async function judge(requests: readonly WafRequest[]): Promise<Judged[]> {
    const sent: Sent[] = [];
    for (const request of requests) sent.push(await send(live.target, request));
    const all = await allOnceLogged(live, sent.at(-1)!);
    const entries = new Map(all.map((entry) => [`${entry.logger} ${entry.id}`, entry]));
    return requests.map(({ name }, i) => {
      const { id, status } = sent[i]!;
      const alarm = entries.get(`firewall ${id}`);
      return {
        ...{ name, status },
        rules: (alarm?.rules ?? []).filter((rule) => rule !== COUNTS),
        blocked: alarm?.blocked ?? false,
        passed: (entries.get(`access ${id}`)?.upstream ?? "") !== "",
      };
    });
  }

  describe("the firewall (PR-12)", () => {
    let attacks: Judged[];
    let notStopped: Judged[];
    let honest: Judged[];

    beforeAll(async () => {
      attacks = await judge(ATTACKS);
      notStopped = await judge(NOT_STOPPED);
      honest = await judge(HONEST);
    });

    test(`${ATTACKS.length} attacks of ${new Set(ATTACKS.map((a) => a.class)).size} classes are refused, and logged with their rules`, () => {
      // 403 is the firewall's. 400 and 413 may be Nginx's own: it does not take that for a request.
      const right = ({ status, blocked, rules, passed }: Judged): boolean =>
        !passed &&
        (blocked ? [400, 403].includes(status) && rules.length > 0 : [400, 413].includes(status));
      expect(attacks.filter((attack) => !right(attack))).toEqual([]);
      const byRules = attacks.filter(({ blocked }) => blocked).length;
      measured("attacks", {
        ...{ sent: attacks.length, byRules },
        byNginxItself: attacks.length - byRules,
      });
      expect(byRules).toBeGreaterThanOrEqual(60);
    });

    test(`${HONEST.length} honest requests reach the service`, () => {
      expect(honest.filter(({ passed, blocked }) => !passed || blocked)).toEqual([]);
      measured("honest requests", {
        sent: honest.length,
        withAnyRule: honest.filter(({ rules }) => rules.length > 0).length,
      });
    });

    test("the page in docs tells of this, but for what another rule set would say", () => {
      const page = wafPage({ attacks, notStopped, honest });
      if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(PAGE, page);
      // A later rule set may see more in them.
      const withoutRules = (text: string): string => text.replace(/ \| [^|]*\|$/gm, "");
      expect(withoutRules(page)).toBe(withoutRules(readFileSync(PAGE, "utf8")));
    });

    webSocket(live, "Nginx, its firewall blocking");

    test("what is one too many is refused before the firewall looks: a flood of attacks costs no more than another", async () => {
      // Five a minute are allowed there.
      const attack = { name: "a flood of it", path: "/api/v1/session?q=1'%20OR%20'1'='1'--" };
      const sent: Sent[] = [];
      for (let n = 0; n < 10; n++) sent.push(await send(live.target, attack));
      expect(new Set(sent.map(({ status }) => status))).toEqual(new Set([403, 429]));
      expect(sent.filter(({ status }) => status === 429).length).toBeGreaterThanOrEqual(5);
      const all = await allOnceLogged(live, sent.at(-1)!);
      const alarms = all.filter(({ logger }) => logger === "firewall");
      const looked = ({ id }: Sent): boolean => alarms.some((alarm) => alarm.id === id);
      expect(sent.filter(looked)).toEqual(sent.filter(({ status }) => status === 403));
    });

    test("what was sent is in no log", async () => {
      const secret = "hunter2-in-a-query";
      const { id } = await send(live.target, {
        name: "secrets in an attack",
        method: "POST",
        path: `/api/v1/items?token=${secret}&q=1'%20OR%20'1'='1'--`,
        headers: { cookie: `sid=${secret}' OR 1=1--`, authorization: `Bearer ${secret}` },
        json: { name: `${secret}' UNION SELECT password FROM users--` },
      });
      await logged(live, id, "firewall");
      const logs = (await live.engine.logs()).map(({ text }) => text).join("\n");
      expect(logs).toContain(id);
      expect(logs).not.toContain(secret);
    });
  });
}
