import { FRONT_RANGE, ISSUED } from "../../../model/system";
import { HEALTH_PORT, HTTP_PORT, HTTPS_PORT } from "../gateway";
import {
  errorPage,
  type GatewayPlan,
  type HostPlan,
  isBehindFront,
  type LimitPlan,
  type RoutePlan,
} from "../plan";

/** Where the PEM of a private ACME directory's own authority is mounted. */
export const DIRECTORY_ROOT = "/etc/caddy/acme-root.pem";

/** Part of a Caddy configuration; its modules define their own fields. */
type Json = Record<string, unknown>;

const MS = 1_000_000;
const SECOND = 1_000 * MS;

/** A client's own id where it has the form of one, else one of ours. */
const REQUEST_ID = "{request_id}";

const SHUTTING_DOWN = [{ vars: { "{http.shutting_down}": ["true"] } }];

/**
 * Caddy's configuration, in its own JSON and made from data only: no text that a user typed is
 * pasted into a syntax that it could break out of. Durations are nanoseconds.
 */
export function caddyConfig(plan: GatewayPlan): Json {
  return {
    // A change of configuration is a new instance behind the front; nobody needs to talk to this one.
    admin: { disabled: true, config: { persist: false } },
    logging: {
      logs: {
        default: {
          writer: { output: "stdout" },
          encoder: { format: "json", time_format: "rfc3339_nano" },
          level: "INFO",
          // A line for each request that is one too many, which the access log has already: a flood is to cost little.
          exclude: ["http.handlers.rate_limit"],
        },
      },
    },
    apps: {
      http: {
        http_port: HTTP_PORT,
        https_port: HTTPS_PORT,
        // The front forgets an instance within a second of its end; connections get time to finish.
        shutdown_delay: 4 * SECOND,
        grace_period: 10 * SECOND,
        ...(plan.observed ? { metrics: {} } : {}),
        servers: {
          public: {
            ...listener(HTTPS_PORT, plan),
            tls_connection_policies: [{}],
            logs: { default_logger_name: "access" },
            routes: [...common(plan), ...plan.hosts.map((h) => hostRoute(h, plan)), notFound()],
            errors: { routes: [headers(plan), errorRoute()] },
          },
          redirect: {
            ...listener(HTTP_PORT, plan),
            automatic_https: { disable_redirects: true },
            logs: { default_logger_name: "access" },
            routes: [closeWhenShuttingDown(), nameless(), redirect(plan), unknownHost()],
          },
          health: {
            listen: [`:${HEALTH_PORT}`],
            automatic_https: { disable: true },
            routes: [
              {
                match: SHUTTING_DOWN,
                handle: [{ handler: "static_response", status_code: "503" }],
                terminal: true,
              },
              ...(plan.observed
                ? [{ match: [{ path: ["/metrics"] }], handle: [{ handler: "metrics" }] }]
                : []),
              {
                match: [{ path: ["/healthz"] }],
                handle: [{ handler: "static_response", status_code: "200", body: "ok" }],
              },
            ],
          },
        },
      },
      tls: certificates(plan),
      pki: { certificate_authorities: { local: { install_trust: false } } },
    },
  };
}

/** Text of the author's: what Caddy would fill in stays as it is written. */
const literal = (text: string): string => text.replace(/[{}]/g, "\\$&");

/** Who a request is from: of the connection or, where a trusted proxy tells of it, the last before those. */
const CLIENT = "{http.vars.client_ip}";

function listener(port: number, plan: GatewayPlan): Json {
  const { timeouts } = plan;
  // TLS comes after the header; Caddy refuses to be told so where TLS comes first anyway.
  const wrappers = isBehindFront(plan)
    ? [
        // Whoever else sends a header is served under its own address.
        { wrapper: "proxy_protocol", timeout: 2 * SECOND, allow: [FRONT_RANGE] },
        ...(port === HTTPS_PORT ? [{ wrapper: "tls" }] : []),
      ]
    : [];
  return {
    listen: [`:${port}`],
    ...(wrappers.length > 0 ? { listener_wrappers: wrappers } : {}),
    ...(plan.trustedProxies.length > 0 ? trust(plan.trustedProxies) : {}),
    // Whoever sends slowly does not hold a connection for ever.
    read_header_timeout: timeouts.header * MS,
    read_timeout: timeouts.body * MS,
    idle_timeout: timeouts.idle * MS,
    max_header_bytes: 32_768,
    // The front forwards TCP only.
    protocols: ["h1", "h2"],
  };
}

/** Asked of the address that the front has told where there is one. From the right: the left is what a client claims. */
const trust = (ranges: readonly string[]): Json => ({
  trusted_proxies: { source: "static", ranges },
  client_ip_headers: ["X-Forwarded-For"],
  trusted_proxies_strict: 1,
});

function certificates({ tls, hosts }: GatewayPlan): Json {
  if (tls.issuer === "files") {
    const of = (file: string): string => `/run/secrets/${file}`;
    return {
      certificates: {
        load_files: tls.certificates.map(({ certificate, key }) => ({
          certificate: of(certificate.file),
          key: of(key.file),
        })),
      },
    };
  }
  const subjects = hosts.map(({ host }) => host);
  if (tls.issuer === "platform") {
    const via = {
      via: "mounted",
      certificate: `/run/secrets/${ISSUED.certificate}`,
      key: `/run/secrets/${ISSUED.key}`,
    };
    return { automation: { policies: [{ subjects, get_certificate: [via] }] } };
  }
  const issuer =
    tls.issuer === "internal"
      ? { module: "internal" }
      : {
          module: "acme",
          email: tls.email,
          ca: tls.directory,
          ...(tls.directoryRoot === undefined ? {} : { trusted_roots_pem_files: [DIRECTORY_ROOT] }),
        };
  return {
    certificates: { automate: subjects },
    automation: { policies: [{ subjects, issuers: [issuer] }] },
  };
}

/** Before any host's own routes: headers, limits, sizes. They hold for errors as well. */
function common(plan: GatewayPlan): Json[] {
  return [
    closeWhenShuttingDown(),
    requestId(),
    headers(plan),
    { handle: [{ handler: "rate_limit", rate_limits: rateLimits(plan.limits), jitter: 0.2 }] },
    tooLarge(plan),
    { handle: [{ handler: "request_body", max_size: plan.maxBody }] },
  ];
}

/**
 * What says itself that it is too large: no service sees it. One that looks at the length, too, would hang up while the body is
 * still on its way, and the client would read 502.
 */
function tooLarge({ maxBody }: GatewayPlan): Json {
  const length = "{http.request.header.Content-Length}";
  return {
    match: [{ expression: `${length} != "" && int(${length}) > ${maxBody}` }],
    handle: [{ handler: "error", status_code: "413" }],
  };
}

function closeWhenShuttingDown(): Json {
  return {
    match: SHUTTING_DOWN,
    handle: [{ handler: "headers", response: { set: { Connection: ["close"] } } }],
  };
}

function requestId(): Json {
  return {
    handle: [
      {
        handler: "map",
        source: "{http.request.header.X-Request-Id}",
        destinations: [REQUEST_ID],
        mappings: [{ input_regexp: "^[A-Za-z0-9-]{8,64}$", outputs: ["$0"] }],
        defaults: ["{http.request.uuid}"],
      },
      { handler: "headers", request: { set: { "X-Request-Id": [REQUEST_ID] } } },
    ],
  };
}

/** What tells who made an answer is nobody's business. */
const NAMES = ["Server", "X-Powered-By", "Via"];

const nameless = (): Json => ({
  handle: [{ handler: "headers", response: { deferred: true, delete: NAMES } }],
});

function headers(plan: GatewayPlan): Json {
  return {
    handle: [
      {
        handler: "headers",
        response: {
          deferred: true,
          set: {
            "Strict-Transport-Security": ["max-age=31536000; includeSubDomains"],
            "X-Content-Type-Options": ["nosniff"],
            "X-Frame-Options": ["DENY"],
            "Referrer-Policy": ["strict-origin-when-cross-origin"],
            "Permissions-Policy": ["camera=(), geolocation=(), microphone=()"],
            "Cross-Origin-Opener-Policy": ["same-origin"],
            ...Object.fromEntries(
              Object.entries(plan.headers).map(([name, value]) => [name, [literal(value)]]),
            ),
            "X-Request-Id": [REQUEST_ID],
          },
          delete: NAMES,
        },
      },
      contentSecurityPolicy(plan.contentSecurityPolicy),
    ],
  };
}

/** A service that sends a policy of its own knows better; so does a route. */
function contentSecurityPolicy(policy: string): Json {
  return {
    handler: "headers",
    response: {
      deferred: true,
      require: { headers: { "Content-Security-Policy": null } },
      set: { "Content-Security-Policy": [literal(policy)] },
    },
  };
}

function rateLimits(limits: readonly LimitPlan[]): Json {
  return Object.fromEntries(
    limits.map((limit, i) => [
      `limit-${i}`,
      {
        ...(limit.path === undefined ? {} : { match: [{ path: below(limit.path) }] }),
        key: CLIENT,
        window: limit.windowMs * MS,
        max_events: limit.requests,
      },
    ]),
  );
}

const below = (path: string): string[] => [path, `${path}/*`];

function hostRoute({ host, routes, maintenance }: HostPlan, plan: GatewayPlan): Json {
  const match = [{ host: [host] }];
  if (maintenance) return { match, terminal: true, handle: [closed(plan)] };
  return {
    match,
    terminal: true,
    handle: [
      {
        handler: "subroute",
        routes: [...routes.flatMap((r) => serviceRoutes(r, plan)), notFound()],
      },
    ],
  };
}

function closed({ maintenance }: GatewayPlan): Json {
  return {
    handler: "static_response",
    status_code: "503",
    headers: { ...PAGE_HEADERS, "Retry-After": [String(maintenance.retryAfter)] },
    body: literal(maintenance.page),
  };
}

/** Its internal paths answer as if there were none; the rest goes to the service. */
function serviceRoutes(route: RoutePlan, plan: GatewayPlan): Json[] {
  const { path } = route;
  const internal = route.internalPaths.flatMap(below);
  return [
    ...(internal.length === 0 ? [] : [{ match: [{ path: internal }], ...notFound() }]),
    {
      ...(path === undefined ? {} : { match: [{ path: below(path) }] }),
      handle: [
        {
          handler: "encode",
          encodings: { zstd: {}, br: {}, gzip: {} },
          prefer: ["zstd", "br", "gzip"],
          minimum_length: 256,
        },
        ...(route.contentSecurityPolicy === plan.contentSecurityPolicy
          ? []
          : [contentSecurityPolicy(route.contentSecurityPolicy)]),
        reverseProxy(route, plan),
      ],
      terminal: true,
    },
  ];
}

function reverseProxy({ upstream, retryBodies }: RoutePlan, plan: GatewayPlan): Json {
  const { timeouts, passiveHealth } = plan;
  return {
    handler: "reverse_proxy",
    // What may be sent twice has to be kept until then.
    ...(retryBodies ? { request_buffers: plan.maxBody } : {}),
    dynamic_upstreams: {
      source: "a",
      name: upstream.host,
      port: String(upstream.port),
      // Decides everything in an update: with a minute, every second request was lost.
      refresh: SECOND,
      versions: { ipv4: true },
    },
    transport: {
      protocol: "http",
      dial_timeout: timeouts.connect * MS,
      response_header_timeout: timeouts.response * MS,
      // A service closes idle connections later than that, so that none is reused while it closes.
      keep_alive: { idle_timeout: 2 * SECOND },
    },
    load_balancing: {
      selection_policy: { policy: "least_conn" },
      // What never reached a service is sent again, whatever its method; a GET also when it broke off.
      try_duration: 5 * SECOND,
      try_interval: 100 * MS,
      ...(retryBodies ? { retry_match: [{ path: ["*"] }] } : {}),
    },
    // Where a name leads to ready instances alone it may be one address for all of them, and that
    // one must not rest because of a single instance.
    ...(plan.surroundings.readyInstancesOnly
      ? {}
      : {
          health_checks: {
            // An instance that is not ready answers 503: after some of them it rests for a while.
            passive: {
              fail_duration: passiveHealth.restMs * MS,
              max_fails: passiveHealth.failures,
              unhealthy_status: [503],
            },
          },
        }),
    headers: {
      request: {
        set: {
          "X-Real-Ip": [CLIENT],
          // Whatever is claimed of the way here is not passed on, not even by a proxy that is trusted.
          "X-Forwarded-For": [CLIENT],
          "X-Forwarded-Host": ["{http.request.hostport}"],
          "X-Forwarded-Proto": ["https"],
          "X-Forwarded-Port": [String(plan.ports.https)],
        },
      },
    },
    // Open WebSockets get time to move when the configuration changes.
    stream_close_delay: 5 * SECOND,
  };
}

function redirect(plan: GatewayPlan): Json {
  const port = plan.ports.https === 443 ? "" : `:${plan.ports.https}`;
  return {
    match: [{ host: plan.hosts.map((h) => h.host) }],
    handle: [
      {
        handler: "static_response",
        status_code: "308",
        headers: { Location: [`https://{http.request.host}${port}{http.request.uri}`] },
      },
    ],
    terminal: true,
  };
}

const unknownHost = (): Json => ({
  handle: [{ handler: "static_response", status_code: "404", close: true }],
});

const notFound = (): Json => ({ handle: [{ handler: "error", status_code: "404" }] });

const PAGE_HEADERS = {
  "Content-Type": ["text/html; charset=utf-8"],
  "Cache-Control": ["no-store"],
};

function errorRoute(): Json {
  return {
    handle: [
      {
        handler: "static_response",
        status_code: "{http.error.status_code}",
        headers: PAGE_HEADERS,
        body: errorPage({
          status: "{http.error.status_code}",
          reason: "{http.error.status_text}",
          id: REQUEST_ID,
        }),
      },
    ],
  };
}
