import { FRONT_RANGE } from "../../../model/system";
import { HEALTH_PORT, HTTP_PORT, HTTPS_PORT } from "../gateway";
import {
  type ConnectionsPlan,
  errorPage,
  type GatewayPlan,
  type HostPlan,
  isBehindFront,
  type LimitPlan,
  type RoutePlan,
} from "../plan";
import { below, block, type Directive, directive, expression, nginx, write } from "./syntax";

/** Where the gateway's files are mounted. */
export const FILES = {
  config: "/etc/atalaya/nginx.conf",
  settings: "/etc/atalaya/gateway.json",
  waf: "/etc/atalaya/modsecurity.conf",
  error: "/etc/atalaya/error.html",
  maintenance: "/etc/atalaya/maintenance.html",
  acmeRoot: "/etc/atalaya/acme-root.pem",
} as const;

/** Where the image's program puts what it makes: memory. */
const RUN = "/tmp/nginx";

const PROBE_PORT = 8444;

/** On loopback alone, for the image's program (images/nginx/metrics.go). */
const STATUS_PORT = 8083;

/** Where an instance shows its metrics, at HEALTH_PORT. */
export const METRICS_PATH = "/metrics";

/** How many processes serve, and how many connections each may have open. */
const WORKERS = { processes: 2, connections: 4_096 } as const;

/** Clients that an instance has room for: while one has a request, there is another connection to what is behind. */
export const CLIENT_CONNECTIONS = (WORKERS.processes * WORKERS.connections) / 2;

/** Bytes of a body that stay in memory; what is longer waits in a file. */
const BODY_BUFFER = 2 ** 17;

/**
 * Bytes for bodies that wait whole, for the firewall or to be sent again: files in memory. Four of the longest, so that no
 * few clients who send slowly take the room of all others; 0 where none waits.
 */
export const bodyRoom = (plan: GatewayPlan): number =>
  keepsBodies(plan) ? Math.max(2 ** 27, 4 * plan.maxBody) : 0;

/** Bodies up to a size that one client may have on their way: a third of the room, and no more than Nginx can count. */
const bodiesAtOnce = (plan: GatewayPlan, size: number): number =>
  Math.min(Math.max(1, Math.floor(bodyRoom(plan) / 3 / size)), 65_535);

/** Bytes that a body of so many digits has at most. */
const LENGTHS: readonly (readonly [digits: string, size: number])[] = [
  ["[0-9]{6}", 1e6],
  ["[1-3][0-9]{6}", 4e6],
];

const keepsBodies = (plan: GatewayPlan): boolean =>
  hasWaf(plan) || plan.hosts.some(({ routes }) => routes.some(({ retryBodies }) => retryBodies));

/** From which level on Nginx' own messages are written. */
const QUIET = "warn";

const MODULES = "/usr/lib/nginx/modules";

/** What Nginx itself answers with when something is wrong, and the words for it. */
const ERRORS: Readonly<Record<number, string>> = {
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  411: "Length Required",
  413: "Content Too Large",
  414: "URI Too Long",
  421: "Misdirected Request",
  429: "Too Many Requests",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
};

const COMPRESSED = [
  "application/javascript",
  "application/json",
  "application/manifest+json",
  "application/xml",
  "image/svg+xml",
  "text/css",
  "text/javascript",
  "text/plain",
  "text/xml",
];

/** Mozilla's “intermediate” list (version 5.7): forward secrecy and authenticated encryption alone. */
const CIPHERS = [
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
].join(":");

/** A variant of a route: for requests without a body, as they say. */
const BARE = "bare";

/** Internal locations; nobody outside can ask for them. */
const ERROR_PAGE = "/.atalaya/error";
const MAINTENANCE_PAGE = "/.atalaya/maintenance";

/** There is never such a file: whatever is tried goes on to the location behind it. */
const NOTHING = "/.atalaya/nothing";

/** Nginx's whole configuration, made from data only. */
export const nginxConfig = (plan: GatewayPlan): string => write(main(plan));

/** The error page: Nginx fills in what is only known then. */
export const nginxErrorPage = (): string => {
  const echo = (variable: string): string => `<!--#echo var="${variable}" -->`;
  return errorPage({ status: echo("status"), reason: echo("reason"), id: echo("id") });
};

function main(plan: GatewayPlan): Directive[] {
  const modules = [
    "brotli_filter",
    "headers_more_filter",
    ...(hasWaf(plan) ? ["modsecurity"] : []),
  ];
  return [
    ...modules.map((name) => directive("load_module", `${MODULES}/ngx_http_${name}_module.so`)),
    // A request that takes its time, such as one with a large body for the firewall, holds up one of them.
    directive("worker_processes", WORKERS.processes),
    directive("worker_shutdown_timeout", "10s"),
    // Engines give a container as few as 1024, and let it take more.
    directive("worker_rlimit_nofile", 2 * WORKERS.connections),
    // The firewall says at this level which rules matched. The image's program reads all of it, and passes on
    // what is worth it.
    directive("error_log", "stderr", hasWaf(plan) ? "info" : QUIET),
    directive("pid", `${RUN}/nginx.pid`),
    directive("pcre_jit", "on"),
    block(["events"], [directive("worker_connections", WORKERS.connections)]),
    block(
      ["http"],
      [
        // The one way to write a dollar that begins no variable.
        block(["geo", nginx`$dollar`], [directive("default", nginx`$`)]),
        // Name servers, what completes a name, and the seal of the firewall: the image's program writes them at its start.
        directive("include", `${RUN}/instance.conf`),
        // As long as a host name may be; the default is a line of the processor's cache.
        directive("server_names_hash_bucket_size", 512),
        ...temporary(),
        ...identity(),
        ...logging(),
        ...patience(plan),
        ...client(plan),
        ...limits(plan),
        ...tls(),
        ...proxying(plan),
        ...answers(plan),
        ...(hasWaf(plan) ? firewall() : []),
        ...bodies(),
        health(plan),
        ...(plan.observed ? [status(plan)] : []),
        ...plain(plan),
        unknownHost(plan),
        ...plan.hosts.map((host) => server(host, plan)),
      ],
    ),
  ];
}

const hasWaf = ({ waf }: GatewayPlan): boolean => waf.mode !== "off";

const temporary = (): Directive[] =>
  ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) =>
    directive(`${name}_temp_path`, `${RUN}/${name}`),
  );

/** A client's own request id where it has the form of one, else one of ours, as a UUID. */
function identity(): Directive[] {
  return [
    block(
      ["map", nginx`$request_id`, nginx`$uuid`],
      [
        directive(
          nginx`~^(?<p>.{8})(?<q>.{4})(?<r>.{4})(?<s>.{4})(?<t>.{12})$`,
          nginx`$p-$q-$r-$s-$t`,
        ),
      ],
    ),
    block(
      ["map", nginx`$http_x_request_id`, nginx`$id`],
      [
        directive(nginx`~^[A-Za-z0-9-]{8,64}$`, nginx`$http_x_request_id`),
        directive("default", nginx`$uuid`),
      ],
    ),
  ];
}

/** One JSON object a request; no query, no cookie, no credential. */
function logging(): Directive[] {
  const fields: readonly (readonly [string, string])[] = [
    ["time", '"$time_iso8601"'],
    ["logger", '"access"'],
    ["id", '"$id"'],
    ["client", '"$remote_addr"'],
    ["host", '"$host"'],
    ["method", '"$method"'],
    ["path", '"$asked"'],
    ["protocol", '"$server_protocol"'],
    ["tls", '"$ssl_protocol"'],
    ["status", "$status"],
    ["bytes", "$bytes_sent"],
    ["seconds", "$request_time"],
    ["upstream", '"$upstream_addr"'],
    ["upstreamStatus", '"$upstream_status"'],
    ["upstreamSeconds", '"$upstream_response_time"'],
    ["agent", '"$agent"'],
  ];
  const format = `{${fields.map(([name, value]) => `"${name}":${value}`).join(",")}}`;
  return [
    // As it was asked for: on its way to an error page a request becomes another one.
    block(
      ["map", nginx`$request`, nginx`$method`],
      [directive(nginx`~^(?<m>[A-Z]{1,16}) `, nginx`$m`)],
    ),
    // A line stays shorter than what a pipe takes in one piece.
    block(
      ["map", nginx`$request_uri`, nginx`$asked`],
      [directive(nginx`~^(?<before>[^?]{0,1000})`, nginx`$before`)],
    ),
    block(
      ["map", nginx`$http_user_agent`, nginx`$agent`],
      [directive(nginx`~^(?<begin>.{0,200})`, nginx`$begin`)],
    ),
    directive("log_format", "access", nginx`escape=json`, expression(format)),
    directive("access_log", "/dev/stdout", "access"),
  ];
}

/** What clients may take: time, and room. */
function patience({ timeouts, maxBody }: GatewayPlan): Directive[] {
  return [
    directive("client_header_timeout", `${timeouts.header}ms`),
    directive("client_body_timeout", `${timeouts.body}ms`),
    directive("keepalive_timeout", `${timeouts.idle}ms`),
    directive("send_timeout", "60s"),
    directive("reset_timedout_connection", "on"),
    directive("client_max_body_size", maxBody),
    directive("client_body_buffer_size", BODY_BUFFER),
    directive("large_client_header_buffers", 4, "16k"),
  ];
}

/** A load balancer before the front: its PROXY header names the balancer, and the balancer's header the client. */
const hasTwoInFront = (plan: GatewayPlan): boolean =>
  isBehindFront(plan) && plan.trustedProxies.length > 0;

/** A header that no client can send: Nginx leaves out names with an underscore. */
const HOPS = "atalaya_hops";

/**
 * Whose request it is: `$remote_addr`, by which limits, firewall, logs and services go. Nginx replaces it once, by one
 * header's word. Where two are to be asked they are made one list, as if the front had added to the balancer's. It is
 * read from its end for as long as what stands there is trusted: who comes past the balancer has an address at its end
 * that is not, and what that one claims counts for nothing.
 */
function client(plan: GatewayPlan): Directive[] {
  // Whoever else sends a header is served under its own address.
  const trusted = [...(isBehindFront(plan) ? [FRONT_RANGE] : []), ...plan.trustedProxies];
  if (trusted.length === 0) return [];
  const direct = isBehindFront(plan) ? "proxy_protocol" : "X-Forwarded-For";
  return [
    directive("real_ip_header", hasTwoInFront(plan) ? HOPS : direct),
    ...trusted.map((range) => directive("set_real_ip_from", range)),
    ...(plan.trustedProxies.length > 0 ? [directive("real_ip_recursive", "on")] : []),
    ...(hasTwoInFront(plan) ? hops() : []),
  ];
}

/**
 * Nginx looks for the address twice: before it has chosen a location, when there is no such header yet, and just before
 * it counts what a client asks for, which is before the firewall is on (see `locations`).
 */
const hops = (): Directive[] => [
  block(
    ["map", nginx`$http_x_forwarded_for`, nginx`$hops`],
    [
      directive("", nginx`$proxy_protocol_addr`),
      directive("default", nginx`$http_x_forwarded_for, $proxy_protocol_addr`),
    ],
  ),
  directive("more_set_input_headers", nginx`${HOPS}: $hops`),
];

/** A server that only leads elsewhere never counts, so its log has the address that opened the connection. */
const opener = (plan: GatewayPlan): Directive[] =>
  hasTwoInFront(plan) ? [directive("real_ip_header", "proxy_protocol")] : [];

/**
 * What one client may ask for. Nginx counts by a leaky bucket: the whole of a window's requests may come at
 * once, and then one for each share of the window.
 */
function limits(plan: GatewayPlan): Directive[] {
  const { limits: plans } = plan;
  const partial = plans.filter(({ path }) => path !== undefined);
  return [
    directive("limit_req_status", 429),
    directive("limit_req_log_level", "info"),
    ...plans.flatMap((limit, i) => {
      const { path } = limit;
      if (path === undefined) {
        return [zone(i, limit, nginx`$binary_remote_addr`), limitRequests(i, limit)];
      }
      return [
        block(
          ["map", nginx`$uri`, expression(`$limited_${i}`)],
          [directive(below(path, "~*"), 1), directive("default", 0)],
        ),
        // What has no key is not counted.
        block(
          ["map", expression(`$limited_${i}`), expression(`$client_${i}`)],
          [directive(1, nginx`$binary_remote_addr`), directive("default", "")],
        ),
        zone(i, limit, expression(`$client_${i}`)),
        limitRequests(i, limit),
      ];
    }),
    ...retryAfter(plans, partial),
    ...openAtOnce(plan),
  ];
}

/** What one client may have open: requests and WebSockets, and bodies that take room. */
function openAtOnce(plan: GatewayPlan): Directive[] {
  const counted = [
    ...plan.connections.flatMap(connections),
    ...(keepsBodies(plan) ? lengths(plan) : []),
  ];
  if (counted.length === 0) return [];
  return [
    directive("limit_conn_status", 429),
    directive("limit_conn_log_level", "info"),
    ...counted,
  ];
}

/** So many at once by one key; what has none is not counted. */
const atOnce = (zone: string, key: ReturnType<typeof nginx>, most: number): Directive[] => [
  directive("limit_conn_zone", key, `zone=${zone}:10m`),
  directive("limit_conn", zone, most),
];

function connections({ path, open: most }: ConnectionsPlan, i: number): Directive[] {
  if (path === undefined) return atOnce("connections", nginx`$binary_remote_addr`, most);
  const key = expression(`$open_${i}`);
  return [
    block(
      ["map", nginx`$uri`, key],
      [directive(below(path, "~*"), nginx`$binary_remote_addr`), directive("default", "")],
    ),
    ...atOnce(`connections_${i}`, key, most),
  ];
}

/**
 * Bodies that are long, or of which nobody knows how long they get, by how much room they may take. By HTTP/2 a request
 * that is read has no length either: what brings a long one there is refused (`BARE`).
 */
function lengths(plan: GatewayPlan): Directive[] {
  const known = LENGTHS.filter(([, size]) => size < plan.maxBody);
  return [
    block(
      [
        "map",
        nginx`$server_protocol $once$http_transfer_encoding $content_length`,
        nginx`$body_size`,
      ],
      [
        directive(nginx`~ [0-9]{1,5}$`, ""),
        // By HTTP/1.1 what has no length and no chunks has no body.
        directive(expression(`~^HTTP/1[.][01] (?:once)?(?:${BARE})? $`), ""),
        directive(expression(`~${BARE} $`), ""),
        ...known.map(([digits, size]) => directive(expression(`~ ${digits}$`), size)),
        directive("default", plan.maxBody),
      ],
    ),
    ...[...known.map(([, size]) => size), plan.maxBody].flatMap((size) => {
      const key = expression(`$bodies_${size}`);
      return [
        block(
          ["map", nginx`$body_size`, key],
          [directive(size, nginx`$binary_remote_addr`), directive("default", "")],
        ),
        ...atOnce(`bodies_${size}`, key, bodiesAtOnce(plan, size)),
      ];
    }),
  ];
}

function zone(i: number, limit: LimitPlan, key: ReturnType<typeof nginx>): Directive {
  return directive("limit_req_zone", key, `zone=limit_${i}:10m`, `rate=${rate(limit)}`);
}

function limitRequests(i: number, { requests }: LimitPlan): Directive {
  const burst = requests > 1 ? [`burst=${requests - 1}`, "nodelay"] : [];
  return directive("limit_req", `zone=limit_${i}`, ...burst);
}

/** Whole requests a second where that is exact, else a minute. */
function rate(limit: LimitPlan): string {
  const second = (limit.requests * 1_000) / limit.windowMs;
  return Number.isInteger(second) ? `${second}r/s` : `${perMinute(limit)}r/m`;
}

/** Nginx takes whole numbers, and at least one. */
export const perMinute = ({ requests, windowMs }: LimitPlan): number =>
  Math.round((requests * 60_000) / windowMs);

/** Seconds until there is room for one more, where several limits hold of the strictest; or what a service says. */
function retryAfter(plans: readonly LimitPlan[], partial: readonly LimitPlan[]): Directive[] {
  const wait = ({ requests, windowMs }: LimitPlan): number =>
    Math.max(1, Math.ceil(windowMs / requests / 1_000));
  const whole = plans.find(({ path }) => path === undefined);
  const otherwise = directive("default", whole === undefined ? 1 : wait(whole));
  const flags = partial.map((limit) => `$limited_${plans.indexOf(limit)}`).join("");
  const strictestFirst = [...partial].sort((a, b) => wait(b) - wait(a));
  return [
    block(
      ["map", expression(flags), nginx`$retry_after`],
      [
        ...strictestFirst.map((limit) =>
          directive(expression(`~^.{${partial.indexOf(limit)}}1`), wait(limit)),
        ),
        otherwise,
      ],
    ),
    // A service that says so itself knows better.
    block(
      ["map", nginx`$upstream_http_retry_after`, nginx`$wait`],
      [directive("", nginx`$retry_after`), directive("default", nginx`$upstream_http_retry_after`)],
    ),
  ];
}

function tls(): Directive[] {
  return [
    directive("ssl_protocols", "TLSv1.2", "TLSv1.3"),
    directive("ssl_ciphers", CIPHERS),
    directive("ssl_prefer_server_ciphers", "off"),
    directive("ssl_session_cache", "shared:tls:10m"),
    directive("ssl_session_timeout", "1h"),
    // Without them nothing has to be shared or rotated for forward secrecy.
    directive("ssl_session_tickets", "off"),
  ];
}

function proxying(plan: GatewayPlan): Directive[] {
  const { timeouts, ports } = plan;
  const headers: readonly (readonly [string, ReturnType<typeof nginx> | string])[] = [
    // A request line with a host in it overrules the header, which may name another one then.
    ["Host", nginx`$host$asked_port`],
    ["Upgrade", nginx`$http_upgrade`],
    ["Connection", nginx`$connection_upgrade`],
    ["X-Request-Id", nginx`$id`],
    ["X-Real-Ip", nginx`$remote_addr`],
    // Whatever a client claims of its way here is not passed on.
    ["X-Forwarded-For", nginx`$remote_addr`],
    ["X-Forwarded-Host", nginx`$host$asked_port`],
    ["X-Forwarded-Proto", "https"],
    ["X-Forwarded-Port", String(ports.https)],
    ["Forwarded", ""],
    ["Proxy", ""],
    ...(hasTwoInFront(plan) ? [[HOPS, ""] as const] : []),
  ];
  return [
    block(
      ["map", nginx`$http_upgrade`, nginx`$connection_upgrade`],
      [directive("", "close"), directive("default", "upgrade")],
    ),
    block(
      ["map", nginx`$http_host`, nginx`$asked_port`],
      [directive(nginx`~(?<port>:[0-9]{1,5})$`, nginx`$port`), directive("default", "")],
    ),
    directive("proxy_http_version", "1.1"),
    ...headers.map(([name, value]) => directive("proxy_set_header", name, value)),
    directive("proxy_connect_timeout", `${timeouts.connect}ms`),
    directive("proxy_send_timeout", `${timeouts.response}ms`),
    directive("proxy_read_timeout", `${timeouts.response}ms`),
    // Nginx keeps no memory of an instance's failures: each request finds its own way round, and soon.
    directive("proxy_next_upstream_tries", 3),
    directive("proxy_next_upstream_timeout", "5s"),
    directive("proxy_buffer_size", "16k"),
    directive("proxy_buffers", 8, "16k"),
    directive("proxy_busy_buffers_size", "32k"),
    // An answer that is larger than the buffers waits for its client, not in memory.
    directive("proxy_max_temp_file_size", 0),
  ];
}

function answers(plan: GatewayPlan): Directive[] {
  return [
    directive("server_tokens", "off"),
    directive("default_type", "text/plain"),
    directive("uninitialized_variable_warn", "off"),
    directive("gzip", "on"),
    directive("gzip_vary", "on"),
    directive("gzip_proxied", "any"),
    directive("gzip_min_length", 256),
    directive("gzip_types", ...COMPRESSED),
    directive("brotli", "on"),
    directive("brotli_comp_level", 4),
    directive("brotli_min_length", 256),
    directive("brotli_types", ...COMPRESSED),
    // A route's policy, or the gateway's; a service that sends one of its own knows better.
    block(
      ["map", nginx`$own_policy`, nginx`$default_policy`],
      [directive("", plan.contentSecurityPolicy), directive("default", nginx`$own_policy`)],
    ),
    block(
      ["map", nginx`$upstream_http_content_security_policy`, nginx`$policy`],
      [
        directive("", nginx`$default_policy`),
        directive("default", nginx`$upstream_http_content_security_policy`),
      ],
    ),
    block(
      ["map", nginx`$status`, nginx`$reason`],
      [
        ...Object.entries(ERRORS).map(([status, reason]) => directive(status, reason)),
        directive("default", "Error"),
      ],
    ),
  ];
}

function firewall(): Directive[] {
  return [
    directive("modsecurity", "on"),
    directive("modsecurity_rules_file", FILES.waf),
    // What stands before the id no client knows: `images/nginx/logs.go` tells its lines from what they quote by the
    // seal, and one request's from another's by a word of ours, since a client may choose the id.
    directive("modsecurity_transaction_id", nginx`$seal$request_id$id`),
  ];
}

/**
 * Where Nginx has all of a body before it passes that on (a small one, or any that the firewall has read), it would
 * send a PUT to a second instance where the first broke off. What has a body goes to one. A POST does anyway, and
 * to another where none took the connection. By HTTP/2 a body needs no length, so a PUT and a DELETE are taken for
 * ones that have it; what changes nothing may be asked twice.
 */
function bodies(): Directive[] {
  return [
    block(
      ["map", nginx`$request_method $content_length$http_transfer_encoding`, nginx`$once`],
      [
        directive(nginx`~^(?:GET|HEAD|OPTIONS) $`, BARE),
        directive(nginx`~^(?:POST|PATCH|LOCK) `, ""),
        directive(nginx`~^DELETE $`, `once${BARE}`),
        directive("default", "once"),
      ],
    ),
  ];
}

/** Where the firewall has no business, and nobody needs a line for each request that is one too many. */
const open = (plan: GatewayPlan): Directive[] =>
  hasWaf(plan) ? [directive("modsecurity", "off"), directive("error_log", "stderr", QUIET)] : [];

function health(plan: GatewayPlan): Directive {
  return block(
    ["server"],
    [
      directive("listen", HEALTH_PORT),
      directive("access_log", "off"),
      ...open(plan),
      block(
        ["location", "=", "/healthz"],
        [block(["if", ...CLOSING], [directive("return", 503)]), directive("return", 200, "ok")],
      ),
      ...(plan.observed
        ? [
            block(
              ["location", "=", METRICS_PATH],
              [directive("proxy_pass", `http://unix:${RUN}/metrics.sock`)],
            ),
          ]
        : []),
      block(["location", "/"], [directive("return", 404)]),
    ],
  );
}

/** What Nginx counts, for the image's program to write as metrics. */
const status = (plan: GatewayPlan): Directive =>
  block(
    ["server"],
    [
      directive("listen", `127.0.0.1:${STATUS_PORT}`),
      directive("access_log", "off"),
      ...open(plan),
      block(["location", "/"], [directive("stub_status")]),
    ],
  );

/** Whether this instance is about to end. Words of their own: `if` wants its brackets outside of quotes. */
const CLOSING = [expression("(-f"), expression(`${RUN}/draining)`)];

/** Nginx wants the header before every connection at a port, or before none. */
export const probePort = (plan: GatewayPlan): number =>
  plan.observed && isBehindFront(plan) ? PROBE_PORT : HTTPS_PORT;

/** HTTPS as clients have it, and for who watches. */
const listenSecurely = (plan: GatewayPlan, ...rest: string[]): Directive[] => [
  listen(HTTPS_PORT, plan, ...rest, "ssl"),
  ...(probePort(plan) === HTTPS_PORT ? [] : [directive("listen", PROBE_PORT, ...rest, "ssl")]),
  directive("http2", "on"),
];

const listen = (port: number, plan: GatewayPlan, ...rest: string[]): Directive =>
  directive("listen", port, ...rest, ...(isBehindFront(plan) ? ["proxy_protocol"] : []));

/** Plain HTTP leads to HTTPS. */
function plain(plan: GatewayPlan): Directive[] {
  const port = plan.ports.https === 443 ? "" : `:${plan.ports.https}`;
  const challenges = block(
    ["location", "^~", "/.well-known/acme-challenge/"],
    // The image's program answers: it knows what any instance was asked to prove.
    [directive("proxy_pass", `http://unix:${RUN}/challenge.sock:`)],
  );
  return [
    block(
      ["server"],
      [
        listen(HTTP_PORT, plan, "default_server"),
        ...opener(plan),
        ...open(plan),
        ...nameless(),
        directive("keepalive_timeout", 0),
        directive("return", 404),
      ],
    ),
    block(
      ["server"],
      [
        listen(HTTP_PORT, plan),
        ...opener(plan),
        directive("server_name", ...plan.hosts.map(({ host }) => host)),
        ...open(plan),
        ...nameless(),
        directive("keepalive_timeout", 0),
        ...(plan.tls.issuer === "acme" ? [challenges] : []),
        block(
          ["location", "/"],
          [directive("return", 308, nginx`https://$host${port}$request_uri`)],
        ),
      ],
    ),
  ];
}

/** Without a name that is served here there is no certificate; with another one's there is no answer. */
function unknownHost(plan: GatewayPlan): Directive {
  return block(
    ["server"],
    [
      ...listenSecurely(plan, "default_server"),
      directive("ssl_reject_handshake", "on"),
      ...headers(plan),
      ...errorPages(plan),
      block(["location", "/"], [directive("return", 421)]),
    ],
  );
}

function server(host: HostPlan, plan: GatewayPlan): Directive {
  const [certificate, key] = certificateFiles(host.host, plan);
  return block(
    ["server"],
    [
      ...listenSecurely(plan),
      directive("server_name", host.host),
      directive("ssl_certificate", certificate),
      directive("ssl_certificate_key", key),
      ...headers(plan),
      ...errorPages(plan),
      ...(host.maintenance ? closed(plan) : routes(host.routes, plan)),
    ],
  );
}

/** Where a host's certificate and key are. */
function certificateFiles(host: string, { tls: of }: GatewayPlan): [string, string] {
  const made = `${RUN}/certificates/${host}`;
  if (of.issuer !== "files") return [`${made}.crt`, `${made}.key`];
  const given = of.certificates.find(({ hosts }) => hosts.includes(host));
  // A host without one is a problem that was told already.
  if (given === undefined) return [`${made}.crt`, `${made}.key`];
  return [`/run/secrets/${given.certificate.file}`, `/run/secrets/${given.key.file}`];
}

/** Who made an answer is nobody's business. */
const nameless = (): Directive[] => [
  directive("more_clear_headers", "Server", "X-Powered-By", "Via"),
];

/** On every answer over HTTPS, whoever made it. */
function headers(plan: GatewayPlan): Directive[] {
  const all: readonly (readonly [string, string])[] = [
    ["Strict-Transport-Security", "max-age=31536000; includeSubDomains"],
    ["X-Content-Type-Options", "nosniff"],
    ["X-Frame-Options", "DENY"],
    ["Referrer-Policy", "strict-origin-when-cross-origin"],
    ["Permissions-Policy", "camera=(), geolocation=(), microphone=()"],
    ["Cross-Origin-Opener-Policy", "same-origin"],
    ...Object.entries(plan.headers),
  ];
  return [
    // Until a route sets it; Nginx refuses to read one that nobody sets.
    directive("set", nginx`$own_policy`, ""),
    ...nameless(),
    ...all.map(([name, value]) => directive("more_set_headers", `${name}: ${value}`)),
    directive("more_set_headers", nginx`X-Request-Id: $id`),
    directive("more_set_headers", nginx`Content-Security-Policy: $policy`),
    directive("more_set_headers", "-s", 429, nginx`Retry-After: $wait`),
  ];
}

function errorPages(plan: GatewayPlan): Directive[] {
  return [
    errors(),
    block(
      ["location", "=", ERROR_PAGE],
      [directive("internal"), ...open(plan), directive("ssi", "on"), ...page(FILES.error)],
    ),
  ];
}

const errors = (): Directive => directive("error_page", ...Object.keys(ERRORS), ERROR_PAGE);

const page = (file: string): Directive[] => [
  directive("default_type", "text/html"),
  directive("charset", "utf-8"),
  directive("more_set_headers", "Cache-Control: no-store"),
  directive("alias", file),
];

function closed(plan: GatewayPlan): Directive[] {
  return [
    block(
      ["location", "/"],
      [...open(plan), directive("error_page", 503, MAINTENANCE_PAGE), directive("return", 503)],
    ),
    block(
      ["location", "=", MAINTENANCE_PAGE],
      [
        directive("internal"),
        ...open(plan),
        directive("more_set_headers", `Retry-After: ${plan.maintenance.retryAfter}`),
        ...page(FILES.maintenance),
      ],
    ),
  ];
}

/** The first that fits is taken, as with Caddy: regular expressions are asked in their order. */
function routes(all: readonly RoutePlan[], plan: GatewayPlan): Directive[] {
  const whole = all.some(({ path }) => path === undefined);
  const notFound = (words: readonly (string | ReturnType<typeof below>)[]): Directive =>
    block(["location", ...words], [directive("return", 404)]);
  return [
    // Of a request's variants: whether this instance closes, and whether it may be sent once only, or has no body.
    directive("set", nginx`$variant`, nginx`$once`),
    block(["if", ...CLOSING], [directive("set", nginx`$variant`, nginx`close$variant`)]),
    ...all.flatMap((route, i) => [
      ...route.internalPaths.map((path) => notFound(["~*", below(path)])),
      ...locations(route, i, plan),
    ]),
    ...(whole ? [] : [notFound(["/"])]),
  ];
}

/**
 * A route is one location that counts what a client asks for, without the firewall: what is too much costs next to
 * nothing. (ModSecurity's part comes before that of the limits, whatever the order in the file.) What is left goes
 * on, by what Nginx cannot decide by a variable: whether the connection stays open, and whether a second instance
 * may be asked.
 */
function locations(route: RoutePlan, i: number, plan: GatewayPlan): Directive[] {
  const variants = ["", "once", BARE, `once${BARE}`].flatMap((variant) => [
    variant,
    `close${variant}`,
  ]);
  return [
    block(
      ["location", ...(route.path === undefined ? ["/"] : ["~*", below(route.path)])],
      [...open(plan), directive("try_files", NOTHING, expression(`@route-${i}$variant`))],
    ),
    ...variants.map((variant) =>
      block(["location", `@route-${i}${variant}`], proxy(route, plan, variant)),
    ),
  ];
}

function proxy(route: RoutePlan, plan: GatewayPlan, variant: string): Directive[] {
  const { upstream, retryBodies, contentSecurityPolicy } = route;
  return [
    ...(variant.includes("close") ? [directive("keepalive_timeout", 0)] : []),
    ...(contentSecurityPolicy === plan.contentSecurityPolicy
      ? []
      : [directive("set", nginx`$own_policy`, contentSecurityPolicy)]),
    ...(variant.endsWith(BARE) ? [directive("client_max_body_size", BODY_BUFFER)] : []),
    // What Nginx reads while it is sent on cannot be sent again.
    directive("proxy_request_buffering", retryBodies ? "on" : "off"),
    variant.includes("once") && !retryBodies
      ? directive("proxy_next_upstream", "off")
      : directive(
          "proxy_next_upstream",
          ...["error", "timeout", "http_503"],
          ...(retryBodies ? ["non_idempotent"] : []),
        ),
    // A variable in it has Nginx ask for the name again: see `valid` in instance.conf.
    directive("proxy_pass", nginx`http://${upstream.host}$search_domain:${upstream.port}`),
  ];
}
