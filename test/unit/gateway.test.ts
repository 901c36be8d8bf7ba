import fc from "fast-check";
import { caddyConfig } from "../../components/gateway/caddy/config";
import { CaddyGateway } from "../../components/gateway/caddy/caddy";
import { type GatewayArgs, perClient } from "../../components/gateway/gateway";
import { nginxConfig } from "../../components/gateway/nginx/config";
import { NginxGateway } from "../../components/gateway/nginx/nginx";
import { block, directive, nginx, write } from "../../components/gateway/nginx/syntax";
import { wafConfig } from "../../components/gateway/nginx/waf";
import type { GatewayPlan } from "../../components/gateway/plan";
import { Service } from "../../components/service";
import { in_, type System } from "../../components/system";
import { ProblemsError } from "../../model/problems";
import { FRONT_RANGE, type SystemModel } from "../../model/system";
import { kubernetes } from "../../platforms/kubernetes/kubernetes";
import { swarm } from "../../platforms/swarm/swarm";
import { type Block, parseNginx, shape } from "../support/nginx-syntax";
import { emptyShop, problemsOf, serviceArgs } from "../support/shop";

const kinds = { CaddyGateway, NginxGateway };

/** A shop whose gateway gets these arguments; services by name. */
function shop(
  kind: keyof typeof kinds,
  args: (services: Record<"web" | "users" | "admin", Service>) => Partial<GatewayArgs>,
): System {
  const system = emptyShop();
  const service = (name: string): Service => new Service(name, serviceArgs(), in_(system));
  const services = { web: service("web"), users: service("users"), admin: service("admin") };
  const given = args(services);
  const usual = { hosts: { "shop.test": services.web }, tls: { issuer: "internal" } } as const;
  new kinds[kind]("edge", { ...usual, ...given }, in_(system));
  return system;
}

const file = (model: SystemModel, name: string): string =>
  model.files.find((f) => f.name === name)!.content;

const plan = (more: Partial<GatewayPlan> = {}): GatewayPlan => ({
  observed: false,
  hosts: [
    {
      host: "gad.example.org",
      routes: [
        {
          upstream: { host: "api", port: 8000 },
          internalPaths: ["/metrics"],
          retryBodies: false,
          contentSecurityPolicy: "default-src 'self'",
        },
      ],
      maintenance: false,
    },
  ],
  tls: { issuer: "internal" },
  limits: [{ requests: 20, windowMs: 1_000 }],
  connections: [],
  contentSecurityPolicy: "default-src 'self'",
  headers: {},
  maxBody: 10,
  timeouts: { header: 10_000, body: 60_000, idle: 120_000, connect: 1_000, response: 60_000 },
  passiveHealth: { failures: 3, restMs: 3_000 },
  waf: { mode: "off", paranoia: 1, anomalyThreshold: 5, exclusions: [] },
  maintenance: { retryAfter: 300, page: "<p>later</p>" },
  trustedProxies: [],
  ports: { http: 80, https: 443 },
  surroundings: swarm.surroundings,
  ...more,
});

/** Header values that a plan may have: printable ASCII. */
const headerValue = (): fc.Arbitrary<string> =>
  fc.stringMatching(/^[\x21-\x7e]([\x20-\x7e]{0,60}[\x21-\x7e])?$/);

/** What would end a word, a directive or a block, or begin a variable, if it were pasted. */
const HOSTILE = [
  'x"; return 200 "owned',
  "x'; } server { listen 1; }",
  "$request_uri ${host} $$",
  "\\",
  '\\"; load_module x',
  "a # comment",
  "};{",
  "default; 1 2",
  "{{http.vars.x}} {env.SECRET}",
];

const hostile = (): fc.Arbitrary<string> => fc.constantFrom(...HOSTILE);

describe.each(["CaddyGateway", "NginxGateway"] as const)("%s", (kind) => {
  test("the longest path that fits is taken; each service is linked to once", () => {
    const model = shop(kind, ({ web, users, admin }) => ({
      hosts: {
        "shop.test": { "/": web, "/api/users": users, "/api/users/admin/": admin, "/api/u": users },
      },
    })).describe();
    const config = file(model, "edge-config");
    const order =
      kind === "CaddyGateway"
        ? [...config.matchAll(/"dynamic_upstreams": \{\s*"source": "a",\s*"name": "(\w+)"/g)]
        : [...config.matchAll(/location @route-\d \{[^}]*proxy_pass http:\/\/(\w+)\$/g)];
    expect(order.map((m) => m[1])).toEqual(["admin", "users", "users", "web"]);
    const links = model.links.filter((l) => l.consumer === "edge");
    expect(links.map((l) => l.provider).sort()).toEqual(["admin", "users", "web"]);
  });

  test("everything that is wrong is said at once, with its path", () => {
    const said = problemsOf(
      shop(kind, ({ web, users }) => ({
        hosts: {
          "a.test": {},
          "b.test": { "api*": web },
          "C.test": web,
          "d.test": [
            { path: "/api", to: web },
            { path: "//api/", to: users },
          ],
        },
        tls: { issuer: "files", certificates: { "e.test": { certificate: KEY, key: KEY } } },
        headers: { "X Odd": "1", "Content-Length": "1", "X-Fine": "no\nbreak" },
        contentSecurityPolicy: "x".repeat(4_000),
        rateLimit: perClient(0, "1 s"),
        pathLimits: { login: perClient(1.5, "1 s"), "//": perClient(1, "1 s") },
        clientConnections: 0,
        pathConnections: { login: 1.5, "/": 2 },
        maintenance: { hosts: ["f.test"], page: "x".repeat(70_000) },
        trustedProxies: [
          "10.20.0.0/24",
          ...["10.0.0.1", "10.0.0.0/33", "10.0.0.0/08", "fe80::1%eth0/64", "lb.test", ""],
          ...["0.0.0.0/0", "::/0", "128.0.0.0/1", "2000::/3"],
        ],
        ports: { http: 80, https: 80 },
        timeouts: { header: "0 s" },
        maxBody: "0 KiB",
        instances: 0,
      })),
    );
    for (const part of [
      "hosts.a.test: leads nowhere",
      "hosts.b.test.api*: is no path",
      "hosts.C.test: is no host name",
      'hosts.d.test.//api/: leads to "users", and the same path to "web" already',
      "tls.certificates.a.test: is missing",
      "tls.certificates.e.test: is for a host that the gateway does not serve",
      "headers.X Odd: is no name of a header",
      "headers.Content-Length: is the gateway's own business",
      "headers.X-Fine: is no value of a header",
      "contentSecurityPolicy: has 4000 characters",
      "rateLimit.requests: is 0",
      "pathLimits.login.requests: is 1.5",
      "pathLimits.login: is no path",
      "pathLimits.//: is every path",
      "clientConnections: is 0",
      "pathConnections.login: is 1.5",
      "pathConnections.login: is no path",
      "pathConnections./: is every path",
      "maintenance.hosts: f.test is no host",
      "maintenance.page: has 70000 bytes",
      ...[1, 2, 3, 4, 5, 6].map((i) => `trustedProxies[${i}]: `),
      '"10.0.0.0/33" is no range of addresses',
      "trustedProxies[7]: 0.0.0.0/0 is wider than any proxy's own addresses",
      "trustedProxies[8]: ::/0 is wider than any proxy's own addresses",
      "trustedProxies[9]: 128.0.0.0/1 is wider than any proxy's own addresses",
      "trustedProxies[10]: 2000::/3 is wider than any proxy's own addresses",
      "ports: 80 and 80",
      "timeouts.header: is no time at all",
      "maxBody: is nothing, which gateways take for no limit",
      "instances: is 0",
    ]) {
      expect(said).toContain(part);
    }
    expect(said).not.toContain("trustedProxies[0]");
  });

  test("certificates from files are secrets, mounted by the gateway alone (PR-11)", () => {
    const model = shop(kind, ({ web }) => ({
      hosts: { "a.test": web, "b.test": web },
      tls: {
        issuer: "files",
        certificates: {
          "a.test": { certificate: KEY, key: KEY },
          "*": { certificate: KEY, key: KEY },
        },
      },
    })).describe();
    const readers = [...model.workloads, ...model.jobs].filter((w) => w.secrets.length > 0);
    expect(readers.map((w) => w.name).sort()).toEqual(["edge", "edge-check"]);
    expect(readers[0]!.secrets.map((s) => s.file)).toEqual([
      ...["tls-0.crt", "tls-0.key", "tls-1.crt", "tls-1.key"],
    ]);
    expect(file(model, "edge-config")).toContain("/run/secrets/tls-1.key");
  });

  test("a job looks at the configuration before any instance gets it", () => {
    const model = shop(kind, () => ({})).describe();
    const [edge, check] = [
      model.workloads.find((w) => w.name === "edge")!,
      model.jobs.find((j) => j.name === "edge-check")!,
    ];
    expect(edge.startAfter).toContain("edge-check");
    expect(check.files).toEqual(edge.files);
    expect(check.volumes).toEqual(edge.volumes);
  });

  test("a host in maintenance answers 503 with its page and Retry-After; others are served", () => {
    const model = shop(kind, ({ web }) => ({
      hosts: { "a.test": web, "b.test": web },
      maintenance: { hosts: ["b.test"], retryAfter: "90 s", page: "<p>vuelva más tarde</p>" },
    })).describe();
    const all = model.files.map((f) => f.content).join("\n");
    expect(all).toContain("<p>vuelva más tarde</p>");
    expect(all).toMatch(/Retry-After"?: (?:\[\s*"90"|90)/);
  });
});

const KEY = { kind: "configured", key: "shop.secrets.tls" } as const;

describe("what one kind cannot do is a problem that names the other", () => {
  test("Caddy has no firewall and does not count what is open (PR-12)", () => {
    const said = problemsOf(
      shop("CaddyGateway", () => ({
        waf: { mode: "detect" },
        clientConnections: 5,
        pathConnections: { "/login": 2 },
      })),
    );
    expect(said).toMatch(/edge\.waf: Caddy has no firewall(?:.|\n)*choose NginxGateway/);
    expect(said).toMatch(/edge\.clientConnections: (?:.|\n)*choose NginxGateway/);
    expect(said).toMatch(/edge\.pathConnections\.\/login: (?:.|\n)*choose NginxGateway/);
    const exclusions = [{ path: "/x", rules: [941100] }];
    for (const tuned of [{ paranoia: 2 } as const, { anomalyThreshold: 10 }, { exclusions }]) {
      const waf = { mode: "off", ...tuned } as const;
      expect(problemsOf(shop("CaddyGateway", () => ({ waf })))).toMatch(/edge\.waf: Caddy has no/);
      // Off for an hour: what is set is there when it is on again.
      expect(problemsOf(shop("NginxGateway", () => ({ waf })))).toBe("");
    }
    const off = { mode: "off", exclusions: [] } as const;
    expect(problemsOf(shop("CaddyGateway", () => ({ waf: off })))).toBe("");
  });

  test.each([
    [90, "1 h", "is 1.50 requests a minute, which Nginx would count as 2", "60 or 120"],
    [89, "1 h", "is 1.48 requests a minute, which Nginx would count as 1", "60 or 120"],
    [45, "1 h", "is 0.75 requests a minute, which Nginx would count as 1", "60"],
    [4, "90 s", "is 2.67 requests a minute, which Nginx would count as 3", "3 or 6"],
  ] as const)(
    "Nginx does not make %i in %s something else in silence",
    (n, window, said, exact) => {
      const args = (): Partial<GatewayArgs> => ({ pathLimits: { "/login": perClient(n, window) } });
      const problems = problemsOf(shop("NginxGateway", args));
      expect(problems).toContain(`edge.pathLimits./login: ${said}`);
      expect(problems).toContain(`in the same window ${exact} requests are exact`);
      expect(problemsOf(shop("CaddyGateway", args))).toBe("");
    },
  );

  test.each([
    [60, "1 h"],
    [1_000, "1 h"],
    [7, "1 s"],
    [100, "3 s"],
    [30, "1 min"],
  ] as const)("Nginx counts %i in %s, or nearly so", (n, window) => {
    const rateLimit = perClient(n, window);
    expect(problemsOf(shop("NginxGateway", () => ({ rateLimit })))).toBe("");
  });

  test("Nginx forgets failures, and counts no less than one request a minute", () => {
    const said = problemsOf(
      shop("NginxGateway", () => ({
        passiveHealth: { failures: 2, rest: "3 s" },
        pathLimits: { "/login": perClient(5, "1 h") },
      })),
    );
    expect(said).toMatch(/edge\.passiveHealth: (?:.|\n)*choose CaddyGateway/);
    expect(said).toMatch(/edge\.pathLimits\.\/login: is less than one request a minute/);
  });

  test("rules that hold the firewall together cannot be excluded", () => {
    const exclusions = [
      { path: "/x", rules: [949110, 1, 200001, 200006] },
      { path: "y", tags: ['attack"'], parameters: ["a;b"] },
      { path: "/z", rules: [] },
      { path: "/b", rules: [200002], parameters: ["note"] },
    ];
    const said = problemsOf(shop("NginxGateway", () => ({ waf: { mode: "block", exclusions } })));
    for (const part of [
      "waf.exclusions[0].rules: 949110 is no rule that can be excluded",
      ...[1, 200001, 200006].map(
        (rule) => `waf.exclusions[0].rules: ${rule} is no rule that can be excluded`,
      ),
      "waf.exclusions[1].path: is no path",
      "waf.exclusions[1].tags:",
      "waf.exclusions[1].parameters:",
      "waf.exclusions[2]: excludes nothing",
      "waf.exclusions[3].parameters: 200002 is about the whole request",
    ]) {
      expect(said).toContain(part);
    }
  });
});

describe("Caddy's configuration", () => {
  test("`/metrics` and all below it never leave (GG-01)", () => {
    expect(JSON.stringify(caddyConfig(plan()))).toContain(
      '{"match":[{"path":["/metrics","/metrics/*"]}],"handle":[{"handler":"error","status_code":"404"}]}',
    );
  });

  test("it is data: what an author typed stays one value, and nothing in it is filled in (property)", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), hostile()), (text) => {
        const config = caddyConfig(plan({ contentSecurityPolicy: text }));
        const again = JSON.parse(JSON.stringify(config)) as typeof config;
        expect(again).toEqual(config);
        const escaped = text.replace(/[{}]/g, "\\$&");
        expect(JSON.stringify(again).split(JSON.stringify([escaped])).length).toBeGreaterThan(1);
      }),
    );
  });

  test("who is trusted tells of the client, from the right; without them it is who has connected (issue 5)", () => {
    interface Server {
      readonly listener_wrappers?: readonly { readonly wrapper: string }[];
      readonly trusted_proxies?: unknown;
    }
    const servers = (of: GatewayPlan): Record<string, Server> =>
      (caddyConfig(of) as { apps: { http: { servers: Record<string, Server> } } }).apps.http
        .servers;
    const ranges = ["10.20.0.0/24", "2001:db8:7::/64"];
    const trusting = servers(plan({ trustedProxies: ranges }));
    for (const name of ["public", "redirect"]) {
      expect(trusting[name]).toMatchObject({
        trusted_proxies: { source: "static", ranges },
        client_ip_headers: ["X-Forwarded-For"],
        trusted_proxies_strict: 1,
      });
      // The front's word comes first: it says who has connected.
      expect(trusting[name]!.listener_wrappers![0]!.wrapper).toBe("proxy_protocol");
      expect(servers(plan())[name]).not.toHaveProperty("trusted_proxies");
    }
    const text = JSON.stringify(trusting);
    expect(text).toContain('"key":"{http.vars.client_ip}"');
    expect(text).toContain('"X-Forwarded-For":["{http.vars.client_ip}"]');
    expect(text).toContain('"X-Real-Ip":["{http.vars.client_ip}"]');
    expect(text).not.toContain("remote.host");
  });

  test("redirects name the public port where it is not the usual one", () => {
    const text = JSON.stringify(caddyConfig(plan({ ports: { http: 8081, https: 8444 } })));
    expect(text).toContain("https://{http.request.host}:8444{http.request.uri}");
  });

  test("what says that it is too large is refused before any service sees it", () => {
    const text = JSON.stringify(caddyConfig(plan({ maxBody: 1_000 })));
    const refused = text.indexOf('int({http.request.header.Content-Length}) > 1000"');
    expect(refused).toBeGreaterThan(0);
    expect(text.indexOf('"status_code":"413"')).toBeGreaterThan(refused);
    expect(text.indexOf("reverse_proxy")).toBeGreaterThan(refused);
  });
});

describe("Nginx's configuration", () => {
  const parsed = (of: GatewayPlan): Block[] => parseNginx(nginxConfig(of));

  test("any text is one word that means itself (property)", () => {
    const text = fc.oneof(
      fc.stringMatching(/^[\x20-\x7e]{0,80}$/),
      fc.string({ unit: "grapheme" }).filter((s) => !/[\p{Cc}]/u.test(s)),
      hostile(),
    );
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 4 }), (words) => {
        const [first, ...rest] = parseNginx(
          write([block(["server"], [directive("x", ...words)]), directive("end")]),
        );
        expect(rest).toEqual([{ words: ["end"] }]);
        expect(first).toEqual({ words: ["server"], inside: [{ words: ["x", ...words] }] });
      }),
    );
  });

  test("text inside of a template means itself, too (property)", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[\x20-\x7e]{1,60}$/), (text) => {
        const [found] = parseNginx(write([directive("x", nginx`$host:${text}`)]));
        // The parser shows variables as they are, and the dollar of a text as a dollar.
        expect(found!.words).toEqual(["x", `\u0000host\u0000:${text}`]);
      }),
    );
  });

  test("a control character or a word that Nginx would not read is refused", () => {
    expect(() => write([directive("x", "a\nb")])).toThrow(RangeError);
    expect(() => write([directive("x", "\0")])).toThrow(RangeError);
    expect(() => write([directive("x", "y".repeat(4_097))])).toThrow(RangeError);
  });

  test("whatever headers and policies say, the configuration has the same shape (property)", () => {
    // A route's own policy adds one directive: here it has one.
    const places = (blocks: readonly Block[]): string[] =>
      shape(blocks).filter((path) => !path.includes("set $own_policy"));
    const usual = places(parsed(plan({ headers: { "X-Odd": "1" } })));
    fc.assert(
      fc.property(
        fc.oneof(headerValue(), hostile()),
        fc.oneof(headerValue(), hostile()),
        (policy, header) => {
          const hostile = parsed(
            plan({ contentSecurityPolicy: policy, headers: { "X-Odd": header } }),
          );
          expect(places(hostile)).toEqual(usual);
          const words = JSON.stringify(hostile);
          expect(words).toContain(JSON.stringify(`X-Odd: ${header}`));
          expect(words).toContain(JSON.stringify(policy));
        },
      ),
      { numRuns: 50 },
    );
  });

  test.each([
    ["a plain gateway", plan()],
    ["the firewall", plan({ waf: { ...plan().waf, mode: "block" } })],
    ["limits of what is open", plan({ connections: [{ open: 9 }, { path: "/login", open: 2 }] })],
    ["proxies that are trusted", plan({ trustedProxies: ["10.20.0.0/24"] })],
    ["maintenance", plan({ hosts: [{ ...plan().hosts[0]!, maintenance: true }] })],
  ])("each variable that is read is one of Nginx's own, or set somewhere: %s", (_what, of) => {
    const own =
      /^(?:http_\w+|upstream_\w+|\d|binary_remote_addr|bytes_sent|content_length|host|proxy_protocol_addr|remote_addr|request(?:_id|_method|_time|_uri)?|server_protocol|ssl_protocol|status|time_iso8601|uri)$/;
    // Written by the image's program.
    const made = new Set(["search_domain", "seal"]);
    const read = new Set<string>();
    const walk = (blocks: readonly Block[]): void =>
      blocks.forEach(({ words, inside = [] }) => {
        const names = words.map((word) => [...word.matchAll(/\0(\w+)\0/g)].map((m) => m[1]!));
        const [name] = words;
        const target = name === "set" ? 1 : name === "map" ? 2 : name === "geo" ? 1 : undefined;
        names.forEach((found, i) => found.forEach((v) => (i === target ? made : read).add(v)));
        for (const word of words) for (const m of word.matchAll(/\?<(\w+)>/g)) made.add(m[1]!);
        walk(inside);
      });
    walk(parsed(of));
    expect(read.size).toBeGreaterThan(10);
    expect([...read].filter((name) => !own.test(name) && !made.has(name))).toEqual([]);
  });

  test("a route's path is compared at slashes, whatever its letters' case; internal paths come first (GG-01)", () => {
    const route = { ...plan().hosts[0]!.routes[0]!, path: "/a.b", internalPaths: ["/a.b/metrics"] };
    const text = nginxConfig(plan({ hosts: [{ ...plan().hosts[0]!, routes: [route] }] }));
    const [inside, whole] = [...text.matchAll(/location ~\* "\^([^"]*)"/g)].map((m) =>
      m[1]!.replaceAll("\\\\", "\\"),
    );
    expect(new RegExp(`^${inside}`, "i").test("/A.B/Metrics/x")).toBe(true);
    expect(new RegExp(`^${whole}`, "i").test("/a.b")).toBe(true);
    expect(new RegExp(`^${whole}`, "i").test("/a.bc")).toBe(false);
    expect(new RegExp(`^${whole}`, "i").test("/axb")).toBe(false);
    expect(text).toMatch(/location \/ \{\s*return 404;/);
  });

  test("limits become rates: exact seconds, else minutes; the strictest says when to come back", () => {
    const limits = [
      { requests: 60, windowMs: 1_000 },
      { path: "/login", requests: 5, windowMs: 60_000 },
      { path: "/api", requests: 7, windowMs: 2_000 },
    ];
    const text = nginxConfig(plan({ limits }));
    expect(text).toMatch(/zone=limit_0:10m rate=60r\/s;\s+limit_req zone=limit_0 burst=59 nodelay/);
    expect(text).toContain("limit_req_zone $client_1 zone=limit_1:10m rate=5r/m");
    expect(text).toContain("limit_req_zone $client_2 zone=limit_2:10m rate=210r/m");
    expect(text).toMatch(/map \$limited_1\$limited_2 \$retry_after \{\s+"~\^\.\{0\}1" 12;/);
  });

  test("what is open is counted for each client, and again on paths that are stricter (issue 5)", () => {
    expect(nginxConfig(plan())).not.toContain("limit_conn");
    // Where bodies wait whole, so many long ones of one client do.
    const waf = { ...plan().waf, mode: "block" as const };
    for (const [maxBody, most] of [
      [600, { 600: 65_535 }],
      [2 ** 20, { 1e6: 44, [2 ** 20]: 42 }],
      [10 * 2 ** 20, { 1e6: 44, 4e6: 11, [10 * 2 ** 20]: 4 }],
      [500 * 2 ** 20, { 1e6: 699, 4e6: 174, [500 * 2 ** 20]: 1 }],
    ] as const) {
      const long = nginxConfig(plan({ waf, maxBody }));
      const found = [...long.matchAll(/limit_conn bodies_(\d+) (\d+);/g)];
      expect(Object.fromEntries(found.map(([, size, n]) => [size, Number(n)]))).toEqual(most);
    }
    const connections = [{ open: 40 }, { path: "/login", open: 2 }, { path: "/a.b", open: 5 }];
    const text = nginxConfig(plan({ connections }));
    expect(text).toMatch(/limit_conn_zone \$binary_remote_addr zone=connections:10m;/);
    expect(text).toMatch(/limit_conn connections 40;/);
    expect(text).toMatch(
      /map \$uri \$open_1 \{\s+"~\*\^[^"]*login[^"]*" \$binary_remote_addr;\s+default "";/,
    );
    expect(text).toMatch(
      /limit_conn_zone \$open_1 zone=connections_1:10m;\s+limit_conn connections_1 2;/,
    );
    expect(text).toContain("limit_conn connections_2 5;");
  });

  test("a client's address comes from the front where there is one, else from the connection", () => {
    expect(nginxConfig(plan())).toMatch(/listen 8443 ssl proxy_protocol/);
    const direct = nginxConfig(plan({ surroundings: kubernetes.surroundings }));
    expect(direct).not.toMatch(/proxy_protocol|set_real_ip_from/);
    // One range, which the platform fills in with that of the front's own network.
    expect(nginxConfig(plan()).match(/set_real_ip_from \S+/g)).toEqual([
      `set_real_ip_from ${FRONT_RANGE};`,
    ]);
    expect(JSON.stringify(caddyConfig(plan()))).toContain(`"allow":["${FRONT_RANGE}"]`);
  });

  test("proxies that are trusted tell of the client; behind the front both lists are one (issue 5)", () => {
    const trustedProxies = ["10.20.0.0/24", "2001:db8:7::/64"];
    const about = (of: GatewayPlan): string[] =>
      nginxConfig(of)
        .split("\n")
        .map((line) => line.trim())
        .filter((line) => /real_ip|_hops/.test(line));
    expect(about(plan({ trustedProxies, surroundings: kubernetes.surroundings }))).toEqual([
      "real_ip_header X-Forwarded-For;",
      "set_real_ip_from 10.20.0.0/24;",
      "set_real_ip_from 2001:db8:7::/64;",
      "real_ip_recursive on;",
    ]);
    const behindFront = plan({ trustedProxies });
    expect(about(behindFront)).toEqual([
      "real_ip_header atalaya_hops;",
      `set_real_ip_from ${FRONT_RANGE};`,
      "set_real_ip_from 10.20.0.0/24;",
      "set_real_ip_from 2001:db8:7::/64;",
      "real_ip_recursive on;",
      'more_set_input_headers "atalaya_hops: $hops";',
      // It is nobody's business behind the gateway.
      'proxy_set_header atalaya_hops "";',
      // Both servers for plain HTTP.
      "real_ip_header proxy_protocol;",
      "real_ip_header proxy_protocol;",
    ]);
    const [map] = parsed(behindFront)
      .flatMap(({ inside = [] }) => inside)
      .filter(({ words }) => words[0] === "map" && words[2] === "\0hops\0");
    expect(map!.inside!.map(({ words }) => words)).toEqual([
      ["", "\0proxy_protocol_addr\0"],
      ["default", "\0http_x_forwarded_for\0, \0proxy_protocol_addr\0"],
    ]);
    // A client could send that header if Nginx took names with an underscore.
    expect(nginxConfig(behindFront)).not.toContain("underscores_in_headers");
  });

  test("a body is sent twice only where its route says so (issue 5)", () => {
    const once = nginxConfig(plan());
    expect(once).not.toContain("non_idempotent");
    expect(once).not.toContain("proxy_request_buffering on");
    const route = { ...plan().hosts[0]!.routes[0]!, retryBodies: true };
    const twice = nginxConfig(plan({ hosts: [{ ...plan().hosts[0]!, routes: [route] }] }));
    expect(twice).toMatch(/proxy_next_upstream error timeout http_503 non_idempotent/);
    // What Nginx would repeat by itself where it has the whole body goes to one instance.
    expect(once).toMatch(/location @route-0once \{[^}]*proxy_next_upstream off/);
  });
});

/** A configuration's places, without what is said there; of Nginx as Nginx reads it. */
function shapeOf(kind: keyof typeof kinds, config: string): string[] {
  if (kind === "NginxGateway") {
    // A map's key is an author's path.
    return shape(parseNginx(config)).map((place) => place.replace(/\/~\*\^\S+/, "/~*^…"));
  }
  const places = (value: unknown, place: string): string[] =>
    typeof value === "object" && value !== null
      ? Object.entries(value).flatMap(([key, inside]) => places(inside, `${place}/${key}`))
      : [`${place}: ${typeof value}`];
  return places(JSON.parse(config), "");
}

describe.each(["CaddyGateway", "NginxGateway"] as const)(
  "%s: nothing that an author types breaks out (PR-12, property)",
  (kind) => {
    const usual = {
      host: "a.test",
      path: "/b",
      policy: "default-src 'none'",
      header: "x",
      proxy: "10.20.0.0/24",
    };

    function described(typed: Partial<typeof usual>): SystemModel {
      const { host, path, policy, header, proxy } = { ...usual, ...typed };
      return shop(kind, ({ web, users }) => ({
        hosts: {
          [host]: [
            { path: "/", to: web },
            { path, to: users, contentSecurityPolicy: policy },
          ],
        },
        headers: { "X-Odd": header },
        trustedProxies: [proxy],
        pathLimits: { [path]: perClient(5, "1 min") },
        ...(kind === "NginxGateway" ? { pathConnections: { [path]: 2 } } : {}),
      })).describe();
    }

    const config = (of: SystemModel): string => file(of, "edge-config");
    const expected = shapeOf(kind, config(described({})));

    /** It is refused by its property's name, or stands in the configuration as one value and nothing else changed. */
    function harmless(property: keyof typeof usual, said: RegExp, text: string): boolean {
      let model: SystemModel;
      try {
        model = described({ [property]: text });
      } catch (error) {
        expect(error).toBeInstanceOf(ProblemsError);
        expect((error as Error).message).toMatch(said);
        return false;
      }
      expect(shapeOf(kind, config(model))).toEqual(expected);
      return true;
    }

    const anything = fc.oneof(fc.string(), fc.string({ unit: "grapheme" }), hostile());

    test("as a host's name", () => {
      const names = fc.oneof(
        anything,
        hostile().map((text) => `${text}.test`),
        fc.constantFrom("*.test", "~^(.*)$", "_", '""', "a.test b.test", "a.test;", "A.test"),
        fc.stringMatching(/^[a-z]{1,10}(-[a-z0-9]{1,5})?\.test$/),
      );
      const taken: string[] = [];
      fc.assert(
        fc.property(names, (host) => {
          if (harmless("host", /edge\.hosts/, host)) taken.push(host);
        }),
        { numRuns: 150 },
      );
      for (const host of taken) expect(host).toMatch(/^[a-z0-9.-]+$/);
      expect(taken.length).toBeGreaterThan(0);
    });

    test("as a path", () => {
      const paths = fc.oneof(
        anything,
        hostile().map((text) => `/${text}`),
        fc.constantFrom("/a*", "/(a|b)", "/a b", "/{http.vars.x}", "/$uri", "/a%20b", "/^"),
        fc
          .stringMatching(/^\/[a-z.-]{1,10}(\/[a-zA-Z0-9_.]{1,10})?$/)
          .filter((p) => !p.endsWith("/")),
      );
      let taken = 0;
      fc.assert(
        fc.property(paths, (path) => {
          if (harmless("path", /edge\.(?:hosts|pathLimits)/, path)) taken++;
        }),
        { numRuns: 150 },
      );
      expect(taken).toBeGreaterThan(0);
    });

    test("as a proxy that is trusted", () => {
      const addresses = fc.oneof(
        fc.tuple(fc.ipV4(), fc.integer({ min: 1, max: 33 })),
        fc.tuple(fc.ipV6(), fc.integer({ min: 1, max: 129 })),
      );
      const proxies = fc.oneof(
        anything,
        hostile().map((text) => `10.0.0.0/8${text}`),
        fc.constantFrom("unix:", "all", "10.0.0.0/8 ::/0", "10.0.0.0/8\n", "private_ranges"),
        addresses.map(([address, bits]) => `${address}/${bits}`),
      );
      const taken: string[] = [];
      fc.assert(
        fc.property(proxies, (proxy) => {
          if (harmless("proxy", /edge\.trustedProxies\[0\]/, proxy)) taken.push(proxy);
        }),
        { numRuns: 150 },
      );
      for (const proxy of taken) expect(proxy).toMatch(/^[\da-fA-F.:]+\/\d+$/);
      expect(taken.length).toBeGreaterThan(0);
    });

    test.each([
      ["policy", /contentSecurityPolicy/],
      ["header", /headers\.X-Odd/],
    ] as const)("as a %s", (property, said) => {
      let taken = 0;
      fc.assert(
        fc.property(fc.oneof(anything, headerValue()), (text) => {
          if (harmless(property, said, text)) taken++;
        }),
        { numRuns: 150 },
      );
      expect(taken).toBeGreaterThan(0);
    });
  },
);

test("what an author types for the firewall's exclusions stays in its one line (PR-12, property)", () => {
  const lines = (typed: { path?: string; tag?: string; parameter?: string }): string[] =>
    file(
      shop("NginxGateway", () => ({
        waf: {
          mode: "block",
          exclusions: [
            {
              path: typed.path ?? "/a",
              tags: [typed.tag ?? "attack-xss"],
              parameters: [typed.parameter ?? "b"],
            },
          ],
        },
      })).describe(),
      "edge-waf",
    ).split("\n");
  const usual = lines({});
  const at = usual.findIndex((line) => line.includes('"id:10000,'));
  let taken = 0;
  fc.assert(
    fc.property(
      fc.constantFrom("path", "tag", "parameter"),
      fc.oneof(
        fc.string(),
        hostile(),
        fc.constantFrom(
          'x"',
          "x,deny",
          "x;ARGS:y",
          "x\nSecRuleEngine Off",
          "a|b",
          "/.*",
          "%{tx.0}",
        ),
        fc.stringMatching(/^\/?[a-z][a-z0-9_.-]{0,12}$/),
      ),
      (which, text) => {
        let found: string[];
        try {
          found = lines({ [which]: text });
        } catch (error) {
          expect(error).toBeInstanceOf(ProblemsError);
          expect((error as Error).message).toMatch(/edge\.waf\.exclusions\[0\]/);
          return;
        }
        taken++;
        expect(found.filter((_, i) => i !== at)).toEqual(usual.filter((_, i) => i !== at));
        // The same quotes and actions: the text ended none of them.
        const marks = (line: string): string => line.replace(/[^",;|]/g, "");
        expect(marks(found[at]!).replace(/\|/g, "")).toBe(marks(usual[at]!).replace(/\|/g, ""));
      },
    ),
    { numRuns: 200 },
  );
  expect(taken).toBeGreaterThan(0);
});

describe("the firewall's configuration (PR-12)", () => {
  const waf = (more: Partial<GatewayPlan["waf"]>): string =>
    wafConfig(plan({ waf: { ...plan().waf, mode: "block", ...more } }));

  test("detection only does not refuse", () => {
    expect(waf({ mode: "detect" })).toMatch(/^SecRuleEngine DetectionOnly$/m);
    expect(waf({})).toMatch(/^SecRuleEngine On$/m);
  });

  test("paranoia and threshold are the rule set's own variables", () => {
    expect(waf({ paranoia: 3, anomalyThreshold: 10 })).toMatch(
      /tx\.paranoia_level=3(?:.|\n)*tx\.inbound_anomaly_score_threshold=10/,
    );
  });

  test("an exclusion holds below its path, for its parameters alone, before the rules are read", () => {
    const text = waf({
      exclusions: [
        { path: "/api/v1.0", rules: [942100, 941160], tags: [], parameters: ["json.note"] },
        { path: "/", rules: [], tags: ["attack-xss"], parameters: [] },
      ],
    });
    expect(text).toContain(
      'SecRule REQUEST_FILENAME "@rx ^/api/v1\\.0(?:/|$)" "id:10000,phase:1,pass,nolog,t:none,t:urlDecodeUni,t:normalizePath,ctl:ruleRemoveTargetById=942100;ARGS:json.note,ctl:ruleRemoveTargetById=941160;ARGS:json.note"',
    );
    expect(text).toContain("ctl:ruleRemoveByTag=attack-xss");
    expect(text.indexOf("id:10001")).toBeLessThan(text.indexOf("Include "));
  });

  test("every rule of its own that refuses can be excluded, by its number in the log", () => {
    const own = [...waf({}).matchAll(/"id:(\d+),[^"]*\bdeny\b/g)].map(([, id]) => Number(id));
    expect(own).toHaveLength(5);
    const exclusions = [{ path: "/upload", rules: own }];
    const model = shop("NginxGateway", () => ({ waf: { mode: "block", exclusions } })).describe();
    const removed = own.map((id) => `ctl:ruleRemoveById=${id}`).join(",");
    // In phase 1: those rules are asked in phase 2, wherever they stand.
    expect(file(model, "edge-waf")).toMatch(new RegExp(`"id:10000,phase:1,.*${removed}"`));
  });
});

test("there is room for bodies that wait whole, whatever their limit is", () => {
  const MiB = 2 ** 20;
  const room = (args: Partial<GatewayArgs>): [number, number] => {
    const { workloads } = shop("NginxGateway", () => args).describe();
    const { scratch, resources } = workloads.find(({ name }) => name === "edge")!;
    return [scratch[0]!.size / MiB, resources.memory.limit / MiB];
  };
  const waf = { mode: "block" } as const;
  expect(room({ waf })).toEqual([128, 512]);
  expect(room({ waf, maxBody: "200 MiB" })).toEqual([800, 1564]);
  expect(room({ maxBody: "200 MiB" })).toEqual([64, 256]);
  const hosts = (web: Service): GatewayArgs["hosts"] => ({
    "shop.test": [{ path: "/", to: web, retryBodies: true }],
  });
  const again = shop("NginxGateway", ({ web }) => ({ hosts: hosts(web), maxBody: "200 MiB" }));
  const { scratch, resources } = again.describe().workloads.find(({ name }) => name === "edge")!;
  expect([scratch[0]!.size / MiB, resources.memory.limit / MiB]).toEqual([800, 992]);
});
