import { setTimeout as sleep } from "node:timers/promises";
import type { DetailedPeerCertificate } from "node:tls";
import { CaddyGateway } from "../../components/gateway/caddy/caddy";
import {
  type GatewayArgs,
  HEALTH_PORT,
  HTTP_PORT,
  HTTPS_PORT,
  perClient,
} from "../../components/gateway/gateway";
import { NginxGateway } from "../../components/gateway/nginx/nginx";
import { imageTag } from "../../images/catalog";
import { selfSigned } from "../support/certificates";
import { Containers } from "../support/containers";
import { describeInTime } from "../support/deadline";
import { clientOf } from "../support/gateway-log";
import { ask, handshake, ROOTS, type Target } from "../support/https";
import { AGAIN, loneGateway, SERVICE_PORT } from "../support/lone-gateway";
import { until } from "../support/poll";
import { BUILD_MS, pebble } from "../manifests/tools";

/** The programs of the gateways' images, in plain containers, before an application that we count at. */
jest.setTimeout(180_000);

const HOST = "shop.test";
const KINDS = { caddy: CaddyGateway, nginx: NginxGateway };
const both = ["caddy", "nginx"] as const;

const place = new Containers("gateways");

/** Says what has reached it whole; hangs up, answers late or at once, by the path. */
const APPLICATION = `
  require("node:http").createServer((request, response) => {
    let bytes = 0;
    request.on("data", (piece) => (bytes += piece.length));
    request.on("end", () => {
      console.log("seen", request.method, request.url, bytes);
      const { "x-forwarded-for": way, "x-real-ip": client } = request.headers;
      console.log("from", request.url, way, client, Object.keys(request.headers).join());
      if (request.url.includes("/hang-up")) request.socket.destroy();
      else if (request.url.includes("/busy")) response.writeHead(429, { "retry-after": "900" }).end();
      else setTimeout(() => response.end("ok"), request.url.includes("slow") ? 1500 : 0);
    });
  }).listen(${SERVICE_PORT});`;
const INSTANCES = ["app-1", "app-2"];

describeInTime("the gateways' programs", 4, () => {
  beforeAll(async () => {
    await place.open();
    const program = `${place.file("application.js", APPLICATION)}:/application.js:ro`;
    for (const name of INSTANCES) {
      const run = ["--read-only", "--memory", "128m", "--volume", program, "--entrypoint", "node"];
      await place.start(name, [...run, imageTag("reference-service"), "/application.js"], ["api"]);
    }
  });

  afterAll(() => place.close());

  /** Starts a gateway with an authority of its own. */
  async function begin(
    name: string,
    kind: keyof typeof KINDS,
    args: Partial<Omit<GatewayArgs, "hosts">> = {},
    options: Parameters<Containers["gateway"]>[2] = {},
  ): Promise<Target> {
    const address = await place.gateway(name, loneGateway(KINDS[kind], args), options);
    const target = { host: HOST, address, port: HTTPS_PORT };
    const { value: ca } = await until("it serves", { within: 30_000 }, async () => {
      const root = await place.exec(name, ["cat", ROOTS[kind]]);
      return (await ask({ ...target, ca: root }, "/")).status === 200 && root;
    });
    return { ...target, ca };
  }

  /** What the application has printed, all instances of it. */
  const printed = async (): Promise<string> =>
    (await Promise.all(INSTANCES.map((name) => place.logs(name)))).join("\n");

  /** How often a request was read to its end, over all instances: the size of its body each time, in bytes. */
  const seen = async (method: string, path: string): Promise<number[]> =>
    [...(await printed()).matchAll(/^seen (\S+) (\S+) (\d+)$/gm)]
      .filter(([, asked, at]) => asked === method && at === path)
      .map(([, , , bytes]) => Number(bytes));

  describe("a request whose instance hangs up after it has read it (issue 5)", () => {
    test.each([
      // It would let an instance rest that failed three times.
      ["caddy", { passiveHealth: { failures: 100, rest: "1 s" } }],
      ["nginx", {}],
      ["nginx", { waf: { mode: "block" } }],
    ] as const)(
      "%s, %j: with a body it is sent once, but where its route says so; a GET again",
      async (kind, args) => {
        const name = `bodies-${kind}${"waf" in args ? "-waf" : ""}`;
        const target = await begin(name, kind, args);
        const path = (what: string): string => `/hang-up/${name}/${what}`;
        for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
          // One that comes with its head, and one that the gateway has to wait for.
          for (const [what, note] of [
            ["small", "x"],
            ["large", "x".repeat(300_000)],
          ] as const) {
            const answer = await ask(target, path(what), { method, json: { note } });
            expect([method, what, answer.status]).toEqual([method, what, 502]);
            const came = await seen(method, path(what));
            expect([method, what, came.length]).toEqual([method, what, 1]);
          }
        }
        for (const note of ["x", "x".repeat(300_000)]) {
          const again = `${AGAIN}${path(`${note.length}`)}`;
          expect((await ask(target, again, { method: "POST", json: { note } })).status).toBe(502);
          const came = await seen("POST", again);
          expect(came.length).toBeGreaterThan(1);
          // Whole each time.
          expect(new Set(came)).toEqual(new Set([JSON.stringify({ note }).length]));
        }
        // What shows that the gateway has somebody else to ask.
        expect((await ask(target, path("none"))).status).toBe(502);
        expect((await seen("GET", path("none"))).length).toBeGreaterThan(1);
        // One that may have a body, which HTTP/2 does not say.
        expect((await ask(target, path("none"), { method: "DELETE" })).status).toBe(502);
        expect(await seen("DELETE", path("none"))).toEqual([0]);
      },
    );
  });

  test.each(both)(
    "%s: an instance that was told to end serves again, though what was in its scratch is still there",
    async (kind) => {
      const name = `again-${kind}`;
      await begin(name, kind, {}, { keepsScratch: true });
      const address = await place.again(name);
      await until("it is ready", { within: 30_000 }, async () => {
        return (await fetch(`http://${address}:${HEALTH_PORT}/healthz`)).status === 200;
      });
    },
  );

  test.each(both)("%s: a service that says when to come back is believed", async (kind) => {
    const { status, headers } = await ask(await begin(`busy-${kind}`, kind), "/busy");
    expect([status, headers["retry-after"]]).toEqual([429, "900"]);
  });

  describe("nginx: the firewall as its arguments make it (PR-12)", () => {
    const ATTACK = "1'%20OR%20'1'='1'--";
    /** Tells a condition that is always true: of the rules, one of level 2 alone minds. */
    const ODD = "abc=abc";
    const asked = async (target: Target, path: string): Promise<number> =>
      (await ask(target, path)).status;

    test("what was sent makes no alarm of somebody else's, and hides no error of Nginx' own", async () => {
      const target = await begin("forged", "nginx", { waf: { mode: "block" } });
      const entries = async (): Promise<Record<string, unknown>[]> =>
        (await place.logs("forged"))
          .split("\n")
          .filter((line) => line.startsWith("{"))
          .map((line) => JSON.parse(line) as Record<string, unknown>);
      const client = await place.host();
      // How a line of the firewall's goes on.
      const forged = `"] [unique_id "forged-forged"] [ref ""], client: 6.6.6.6, server: evil, request: "POST `;
      for (const [path, referer] of [
        [`/forged?q=${encodeURIComponent(`<script>alert(1)</script>${forged}`)}`, ""],
        [`/forged/${encodeURIComponent(forged)}?q=${ATTACK}`, ""],
        [`/forged?q=${ATTACK}`, `https://${HOST}/${forged}`],
      ] as const) {
        const { status, headers } = await ask(target, path, { headers: { referer } });
        expect(status).toBe(403);
        const { value: alarm } = await until("its alarm", { within: 10_000 }, async () =>
          (await entries()).find(
            ({ logger, id }) => logger === "firewall" && id === headers["x-request-id"],
          ),
        );
        expect(alarm).toMatchObject({ client, host: HOST, method: "GET", blocked: true });
      }
      const rule = `ModSecurity: Access denied [file "a"] [line "1"] [id "942100"] [rev ""] [msg "x"] ${forged}`;
      await ask(target, "/hang-up/forged", { headers: { referer: `https://${HOST}/" ${rule}` } });
      await until("Nginx' own error", { within: 10_000 }, async () =>
        (await entries()).find(
          ({ logger, level, message }) =>
            logger === "nginx" && level === "error" && String(message).includes("/hang-up/forged"),
        ),
      );
      const all = await entries();
      expect(
        all.filter((one) => one["id"] === "forged-forged" || one["client"] === "6.6.6.6"),
      ).toEqual([]);
    });

    test("an exclusion holds below its path and for its parameters, however the path is written", async () => {
      const target = await begin("exclusions", "nginx", {
        waf: {
          mode: "block",
          exclusions: [
            { path: "/notes", tags: ["attack-sqli"], parameters: ["note"] },
            { path: "/free", rules: [942_100] },
            { path: "/many", rules: [200_007] },
          ],
        },
      });
      expect(await asked(target, `/notes?note=${ATTACK}`)).toBe(200);
      expect(await asked(target, `/notes/7?note=${ATTACK}`)).toBe(200);
      expect(await asked(target, `/free?q=${ATTACK}`)).toBe(200);
      for (const path of [
        ...["/notes?other=", "/notesy?note=", "/other?note=", "/free/../other?q="],
        ...["/notes/%2e%2e/other?note=", "//other?note=", "/freedom?q="],
      ]) {
        expect([path, await asked(target, `${path}${ATTACK}`)]).toEqual([path, 403]);
      }
      // The gateway's own rules say 400.
      const many = "a=1&".repeat(1_100);
      expect(await asked(target, `/many?${many}`)).toBe(200);
      expect(await asked(target, `/manyfold?${many}`)).toBe(400);
      // Nothing else was excluded.
      expect(await asked(target, "/notes?note=%3Cscript%3Ealert(1)%3C/script%3E")).toBe(403);
    });

    test("a higher paranoia minds more, a higher threshold less", async () => {
      const usual = await begin("usual", "nginx", { waf: { mode: "block" } });
      expect(await asked(usual, `/?q=${ODD}`)).toBe(200);
      const strict = await begin("strict", "nginx", { waf: { mode: "block", paranoia: 2 } });
      expect(await asked(strict, `/?q=${ODD}`)).toBe(403);
      const lenient = await begin("lenient", "nginx", {
        waf: { mode: "block", anomalyThreshold: 100 },
      });
      expect(await asked(lenient, `/?q=${ATTACK}`)).toBe(200);
    });
  });

  test("nginx: one client has no more open on a path than that path's share (issue 5)", async () => {
    const target = await begin("open", "nginx", {
      clientConnections: 40,
      pathConnections: { "/login": 2 },
    });
    const statuses = async (path: string): Promise<number[]> => {
      const answers = await Promise.all(Array.from({ length: 5 }, () => ask(target, path)));
      return answers.map(({ status }) => status).sort();
    };
    expect(await statuses("/login/slow")).toEqual([200, 200, 429, 429, 429]);
    expect(await statuses("/logins/slow")).toEqual([200, 200, 200, 200, 200]);
    // They went back when they were answered.
    expect((await ask(target, "/LOGIN")).status).toBe(200);
  });

  describe.each(both)(
    "%s behind a load balancer that speaks HTTP (issue 5, GG-04, PR-12)",
    (kind) => {
      const LIMIT = 3;
      let requests = 0;

      /** A gateway that believes what these say; it answers LIMIT requests of one client to `/limited` in a row. */
      const trusting = (name: string, proxies: readonly string[]): Promise<Target> =>
        begin(name, kind, {
          trustedProxies: proxies,
          pathLimits: { "/limited": perClient(LIMIT, "1 min") },
        });

      /** Whose requests the application, and the gateway's log, take it for. */
      async function client(name: string, target: Target, claimed?: string): Promise<string> {
        const path = `/from/${name}/${requests++}`;
        const headers = claimed === undefined ? {} : { "x-forwarded-for": claimed };
        expect((await ask(target, path, { headers })).status).toBe(200);
        const value = await clientOf(path, () => place.logs(name));
        const [, way, real, names] = new RegExp(`from ${path} (.*) (\\S+) (\\S+)$`, "m").exec(
          await printed(),
        )!;
        expect([way, real]).toEqual([value, value]);
        expect(names).not.toContain("atalaya_hops");
        return value;
      }

      async function statuses(target: Target, claims: readonly string[]): Promise<number[]> {
        const found: number[] = [];
        for (const claim of claims) {
          const answer = await ask(target, "/limited", { headers: { "x-forwarded-for": claim } });
          found.push(answer.status);
        }
        return found;
      }

      test("who is not trusted is taken for itself, whatever it claims", async () => {
        const name = `untrusted-${kind}`;
        const target = await trusting(name, ["203.0.113.7/32"]);
        const own = await place.host();
        expect(await client(name, target)).toBe(own);
        expect(await client(name, target, "198.51.100.7")).toBe(own);
        expect(await client(name, target, "198.51.100.7, 203.0.113.7")).toBe(own);
        // Another claim each time makes no other client.
        const claims = [1, 2, 3, 4].map((n) => `198.51.100.${n}`);
        expect(await statuses(target, claims)).toEqual([200, 200, 200, 429]);
      });

      test("a proxy that is trusted tells of the client, and the last that is none counts", async () => {
        const name = `trusted-${kind}`;
        const target = await trusting(name, [`${await place.host()}/32`, "203.0.113.0/24"]);
        expect(await client(name, target)).toBe(await place.host());
        expect(await client(name, target, "198.51.100.7")).toBe("198.51.100.7");
        expect(await client(name, target, "2001:db8:1::5")).toBe("2001:db8:1::5");
        // The left part is what the client claimed; on the right are proxies.
        const chain = "192.0.2.9, 198.51.100.8, 203.0.113.4";
        expect(await client(name, target, chain)).toBe("198.51.100.8");
        const same = ["a", "b", "192.0.2.1", "192.0.2.2"].map((left) => `${left}, 198.51.100.9`);
        expect(await statuses(target, same)).toEqual([200, 200, 200, 429]);
        expect(await statuses(target, ["198.51.100.10"])).toEqual([200]);
      });
    },
  );

  test.each(both)(
    "%s serves the certificates that files have, each for its host (PR-11)",
    async (kind) => {
      const made: Record<string, { certificate: string; key: string }> = {
        [HOST]: await selfSigned(HOST),
        "other.test": await selfSigned("other.test"),
      };
      const hosts = Object.keys(made);
      const of = (host: string, part: "certificate" | "key") =>
        ({ kind: "configured", key: `${host}.${part}` }) as const;
      const tls = {
        issuer: "files",
        certificates: {
          [HOST]: { certificate: of(HOST, "certificate"), key: of(HOST, "key") },
          "*": { certificate: of("other.test", "certificate"), key: of("other.test", "key") },
        },
      } as const;
      const secrets = Object.fromEntries(
        hosts.flatMap((host) => [
          [`${host}.certificate`, made[host]!.certificate],
          [`${host}.key`, made[host]!.key],
        ]),
      );
      const model = loneGateway(KINDS[kind], { tls }, hosts);
      const address = await place.gateway(`files-${kind}`, model, { secrets });
      for (const host of hosts) {
        // Nobody else vouches for it, and no other one fits the name.
        const target = { host, address, port: HTTPS_PORT, ca: made[host]!.certificate };
        const { value } = await until(`${host} is served`, { within: 30_000 }, () =>
          ask(target, "/"),
        );
        expect(value.status).toBe(200);
      }
    },
  );

  describe("ACME, with Pebble as a directory of one's own (PR-12, GG-04)", () => {
    /** Seconds that a certificate holds. */
    const LIFE = 40;
    const DIRECTORY = { host: "acme.test", port: 14_000 };
    const ROOTS_PORT = 15_000;
    let directoryRoot: string;
    /** What vouches for the certificates, of this run of Pebble. */
    let authority: string;

    beforeAll(async () => {
      const program = await pebble();
      const own = await selfSigned(DIRECTORY.host);
      directoryRoot = own.certificate;
      const config = {
        pebble: {
          listenAddress: `0.0.0.0:${DIRECTORY.port}`,
          managementListenAddress: `0.0.0.0:${ROOTS_PORT}`,
          certificate: "/pebble.crt",
          privateKey: "/pebble.key",
          // Where it looks for the proof: the ports that a gateway's container has.
          httpPort: HTTP_PORT,
          tlsPort: HTTPS_PORT,
          keyAlgorithm: "ecdsa",
          profiles: { default: { description: "short", validityPeriod: LIFE } },
        },
      };
      const address = await place.start(
        "acme",
        [
          ...["--read-only", "--volume", `${program}:/pebble:ro`],
          ...["--volume", `${place.file("pebble.json", JSON.stringify(config))}:/pebble.json:ro`],
          ...["--volume", `${place.file("pebble.crt", own.certificate)}:/pebble.crt:ro`],
          ...["--volume", `${place.file("pebble.key", own.key)}:/pebble.key:ro`],
          // No rest before it looks, and it looks each time.
          ...["--env", "PEBBLE_VA_NOSLEEP=1", "--env", "PEBBLE_AUTHZREUSE=0"],
          ...["--entrypoint", "/pebble", imageTag("nginx"), "-config", "/pebble.json"],
        ],
        [DIRECTORY.host],
      );
      const target = { host: DIRECTORY.host, address, port: ROOTS_PORT, ca: directoryRoot };
      const { value } = await until("Pebble answers", { within: 30_000 }, () =>
        ask(target, "/roots/0"),
      );
      authority = value.body.toString();
    }, BUILD_MS);

    /** The certificate that is served for a name, where the authority vouches for it. */
    async function served(address: string, host: string): Promise<DetailedPeerCertificate> {
      const target = { host, address, port: HTTPS_PORT, ca: authority };
      const socket = await handshake(target);
      const certificate = socket.getPeerCertificate(true);
      socket.destroy();
      return certificate;
    }

    test.each(both)(
      "%s gets a certificate by a real challenge, serves it, and renews it",
      async (kind) => {
        const [host, nobodys] = [`${kind}.test`, `nobodys-${kind}.test`];
        const model = loneGateway(
          KINDS[kind],
          {
            tls: {
              issuer: "acme",
              email: "ops@example.org",
              directory: `https://${DIRECTORY.host}:${DIRECTORY.port}/dir`,
              directoryRoot,
            },
          },
          // The second is asked for as well, but its name leads nowhere: Pebble does look.
          [host, nobodys],
        );
        const volume = await place.volume(`acme-${kind}`);
        const begin = (name: string): Promise<string> =>
          place.gateway(name, model, { volume, aliases: [host] });
        const first = await begin(`acme-${kind}-1`);
        const { value: was } = await until("it is served", { within: 60_000 }, () =>
          served(first, host),
        );
        expect(was.subjectaltname).toBe(`DNS:${host}`);

        // Renewed when an instance starts and little of its time is left, as each update does; those that run look
        // every ten minutes.
        await sleep(Date.parse(was.valid_to) - (LIFE / 20) * 1_000 - Date.now());
        const second = await begin(`acme-${kind}-2`);
        const renewed = async (address: string): Promise<boolean> =>
          (await served(address, host)).serialNumber !== was.serialNumber;
        await until("a new one is served", { within: 30_000 }, () => renewed(second));
        // Nginx' program takes what another instance got, without a restart.
        if (kind === "nginx") {
          await until("the first has it, too", { within: 20_000 }, () => renewed(first));
        }
        await expect(served(second, nobodys)).rejects.toThrow();
        const log = await place.logs("acme");
        expect(log).toContain("set INVALID by completed challenge");
        // Nginx' program answers over plain HTTP alone; Caddy by either way.
        if (kind === "nginx") {
          expect(log).toContain(`Attempting to validate w/ HTTP: http://${host}:${HTTP_PORT}/`);
        }
      },
    );
  });
});
