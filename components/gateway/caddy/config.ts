import type { GatewayPlan, HostPlan, LimitPlan, RoutePlan } from "../gateway";

/** Ports inside the container: high ones, for a user without capabilities. */
export const HTTP_PORT = 8080;
export const HTTPS_PORT = 8443;
export const HEALTH_PORT = 8082;

/** Part of a Caddy configuration; its modules define their own fields. */
type Json = Record<string, unknown>;

/** Of private networks only: the platform's front is the one that sends the PROXY protocol. */
const FRONTS = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];

const MS = 1_000_000;
const SECOND = 1_000 * MS;

const SHUTTING_DOWN = [{ vars: { "{http.shutting_down}": ["true"] } }];

/**
 * Caddy's configuration, in its own JSON and made from data only: no text that a user typed is
 * pasted into a syntax that it could break out of. Durations are nanoseconds.
 */
export function caddyConfig(plan: GatewayPlan): Json {
  const hosts = plan.hosts.map((h) => h.host);
  return {
    // A change of configuration is a new instance behind the front; nobody needs to talk to this one.
    admin: { disabled: true, config: { persist: false } },
    logging: {
      logs: {
        default: {
          writer: { output: "stdout" },
          encoder: { format: "json", time_format: "rfc3339_nano" },
          level: "INFO",
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
        servers: {
          public: {
            ...listener(HTTPS_PORT, plan),
            tls_connection_policies: [{}],
            logs: { default_logger_name: "access" },
            routes: [...common(plan), ...plan.hosts.map((h) => hostRoute(h, plan)), notFound()],
            errors: { routes: [headers(plan), errorPage()] },
          },
          redirect: {
            ...listener(HTTP_PORT, plan),
            automatic_https: { disable_redirects: true },
            logs: { default_logger_name: "access" },
            routes: [closeWhenShuttingDown(), redirect(plan), unknownHost()],
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
              {
                match: [{ path: ["/healthz"] }],
                handle: [{ handler: "static_response", status_code: "200", body: "ok" }],
              },
            ],
          },
        },
      },
      tls: {
        certificates: { automate: hosts },
        automation: { policies: [{ subjects: hosts, issuers: [issuer(plan)] }] },
      },
      pki: pki(),
    },
  };
}

/** Only what makes the internal authority: it stays the same whatever else changes. */
export function authorityConfig(): Json {
  return { admin: { disabled: true, config: { persist: false } }, apps: { pki: pki() } };
}

const pki = (): Json => ({ certificate_authorities: { local: { install_trust: false } } });

function listener(port: number, { surroundings }: GatewayPlan): Json {
  // TLS comes after the header; Caddy refuses to be told so where TLS comes first anyway.
  const wrappers =
    surroundings.clientAddress === "proxy-protocol"
      ? [
          { wrapper: "proxy_protocol", timeout: 2 * SECOND, allow: FRONTS },
          ...(port === HTTPS_PORT ? [{ wrapper: "tls" }] : []),
        ]
      : [];
  return {
    listen: [`:${port}`],
    ...(wrappers.length > 0 ? { listener_wrappers: wrappers } : {}),
    // Whoever sends slowly does not hold a connection for ever.
    read_header_timeout: 10 * SECOND,
    read_timeout: 60 * SECOND,
    idle_timeout: 120 * SECOND,
    max_header_bytes: 32_768,
    // The front forwards TCP only.
    protocols: ["h1", "h2"],
  };
}

function issuer(plan: GatewayPlan): Json {
  if (plan.tls.issuer === "internal") return { module: "internal" };
  return {
    module: "acme",
    email: plan.tls.email,
    ...(plan.tls.directory === undefined ? {} : { ca: plan.tls.directory }),
  };
}

/** Before any host's own routes: headers, limits, sizes. They hold for errors as well. */
function common(plan: GatewayPlan): Json[] {
  return [
    closeWhenShuttingDown(),
    headers(plan),
    { handle: [{ handler: "rate_limit", rate_limits: rateLimits(plan.limits), jitter: 0.2 }] },
    { handle: [{ handler: "request_body", max_size: plan.maxBody }] },
  ];
}

function closeWhenShuttingDown(): Json {
  return {
    match: SHUTTING_DOWN,
    handle: [{ handler: "headers", response: { set: { Connection: ["close"] } } }],
  };
}

function headers(plan: GatewayPlan): Json {
  return {
    handle: [
      { handler: "headers", request: { set: { "X-Request-Id": ["{http.request.uuid}"] } } },
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
            "X-Request-Id": ["{http.request.uuid}"],
          },
          delete: ["Server", "X-Powered-By", "Via"],
        },
      },
      {
        // A service that sends a policy of its own knows better.
        handler: "headers",
        response: {
          deferred: true,
          require: { headers: { "Content-Security-Policy": null } },
          set: { "Content-Security-Policy": [plan.contentSecurityPolicy] },
        },
      },
    ],
  };
}

function rateLimits(limits: readonly LimitPlan[]): Json {
  return Object.fromEntries(
    limits.map((limit, i) => [
      `limit-${i}`,
      {
        ...(limit.path === undefined ? {} : { match: [{ path: below(limit.path) }] }),
        // The client's own address: from the connection, or as the front tells it.
        key: "{http.request.remote.host}",
        window: limit.windowMs * MS,
        max_events: limit.requests,
      },
    ]),
  );
}

const below = (path: string): string[] => [path, `${path}/*`];

function hostRoute({ host, routes }: HostPlan, plan: GatewayPlan): Json {
  return {
    match: [{ host: [host] }],
    terminal: true,
    handle: [
      {
        handler: "subroute",
        routes: [...routes.flatMap((r) => serviceRoutes(r, plan)), notFound()],
      },
    ],
  };
}

/** Its internal paths answer as if there were none; the rest goes to the service. */
function serviceRoutes(route: RoutePlan, plan: GatewayPlan): Json[] {
  const { path } = route;
  const internal = route.internalPaths
    .filter((inside) => path === undefined || `${inside}/`.startsWith(`${path}/`))
    .flatMap(below);
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
        reverseProxy(route, plan),
      ],
      terminal: true,
    },
  ];
}

function reverseProxy({ upstream }: RoutePlan, plan: GatewayPlan): Json {
  return {
    handler: "reverse_proxy",
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
      dial_timeout: SECOND,
      response_header_timeout: 60 * SECOND,
      // A service closes idle connections later than that, so that none is reused while it closes.
      keep_alive: { idle_timeout: 2 * SECOND },
    },
    load_balancing: {
      selection_policy: { policy: "least_conn" },
      // What never reached a service is sent again, whatever its method; a GET also when it broke off.
      try_duration: 5 * SECOND,
      try_interval: 100 * MS,
    },
    // Where a name leads to ready instances alone it may be one address for all of them, and that
    // one must not rest because of a single instance.
    ...(plan.surroundings.readyInstancesOnly
      ? {}
      : {
          health_checks: {
            // An instance that is not ready answers 503: after three it rests for a while.
            passive: { fail_duration: 3 * SECOND, max_fails: 3, unhealthy_status: [503] },
          },
        }),
    headers: {
      request: {
        set: {
          "X-Real-Ip": ["{http.request.remote.host}"],
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

/** One plain page for people, with the id that finds the request in the logs. */
function errorPage(): Json {
  const body = [
    '<!doctype html><html lang="es"><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width">',
    "<title>{http.error.status_code} {http.error.status_text}</title>",
    "<h1>{http.error.status_code} {http.error.status_text}</h1>",
    "<p>La petición no se pudo atender. The request could not be served.</p>",
    "<p>Id: <code>{http.request.uuid}</code></p></html>",
  ].join("\n");
  return {
    handle: [
      {
        handler: "static_response",
        status_code: "{http.error.status_code}",
        headers: { "Content-Type": ["text/html; charset=utf-8"], "Cache-Control": ["no-store"] },
        body,
      },
    ],
  };
}
