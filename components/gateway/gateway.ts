import { isHostName, isPort } from "../../model/names";
import type { Endpoint, Surroundings } from "../../model/system";
import { bytes, type Duration, milliseconds, type Size } from "../../model/units";
import { External } from "../external";
import { Service } from "../service";
import { Component, type Description, type Placement } from "../system";

/** How many requests one client may make in a window. */
export interface RateLimit {
  readonly requests: number;
  /** @example "1 s" */
  readonly window: Duration;
}

/** @example perClient(20, "1 s") */
export const perClient = (requests: number, window: Duration): RateLimit => ({ requests, window });

export type TlsArgs =
  /** The gateway's own authority: for laptops and tests. */
  | { readonly issuer: "internal" }
  /** A public authority by ACME, Let's Encrypt unless another directory is given. */
  | {
      readonly issuer: "acme";
      /** Gets mail about certificates that are about to expire. */
      readonly email: string;
      /** @default "https://acme-v02.api.letsencrypt.org/directory" */
      readonly directory?: string;
    };

/** What every gateway can do; Caddy and Nginx take the same. */
export interface GatewayArgs {
  /**
   * By host name: the service that answers, or several by the paths that they answer, of which the
   * longest that fits is taken. Paths arrive as they were asked for.
   * @example { "shop.example.org": { "/api/users": users, "/api/reviews": reviews } }
   */
  readonly hosts: Readonly<Record<string, Service | Readonly<Record<string, Service>>>>;
  readonly tls: TlsArgs;
  /** For each client over all paths. @default 100 a second */
  readonly rateLimit?: RateLimit;
  /** Stricter limits on paths that begin so, for each client. @example { "/login": perClient(5, "1 min") } */
  readonly pathLimits?: Readonly<Record<string, RateLimit>>;
  /** Content-Security-Policy where the service sends none. */
  readonly contentSecurityPolicy?: string;
  /** Largest request body. @default "10 MiB" */
  readonly maxBody?: Size;
  /** Public ports. @default { http: 80, https: 443 } */
  readonly ports?: { readonly http: number; readonly https: number };
  /** @default 2, so that a replacement leaves one */
  readonly instances?: number;
}

/** All of it known and checked; what a gateway's configuration is made from. */
export interface GatewayPlan {
  readonly hosts: readonly HostPlan[];
  readonly tls: TlsArgs;
  readonly limits: readonly LimitPlan[];
  readonly contentSecurityPolicy: string;
  /** Bytes. */
  readonly maxBody: number;
  readonly ports: { readonly http: number; readonly https: number };
  readonly surroundings: Surroundings;
}

export interface HostPlan {
  readonly host: string;
  /** The first that fits is taken. */
  readonly routes: readonly RoutePlan[];
}

export interface RoutePlan {
  /** Paths that begin so; all when absent. */
  readonly path?: string;
  /** Name under which the service is found, and its port. */
  readonly upstream: { readonly host: string; readonly port: number };
  /** Paths that never leave. */
  readonly internalPaths: readonly string[];
}

export interface LimitPlan {
  /** Paths that begin so; all when absent. */
  readonly path?: string;
  readonly requests: number;
  readonly windowMs: number;
}

const DEFAULT_CSP =
  "default-src 'self'; object-src 'none'; base-uri 'self'; frame-ancestors 'none'; form-action 'self'";

const ACME_DIRECTORY = "https://acme-v02.api.letsencrypt.org/directory";

type Leads = Service | Readonly<Record<string, Service>>;

const servicesOf = (leads: Leads): Service[] =>
  leads instanceof Service ? [leads] : Object.values(leads);

const isRoutePath = (path: string): boolean => /^\/[\w\-./]*$/.test(path);

function routes(leads: Leads): RoutePlan[] {
  const route = (service: Service): RoutePlan => ({
    upstream: { host: service.name, port: service.args.port },
    internalPaths: service.internalPaths,
  });
  if (leads instanceof Service) return [route(leads)];
  return Object.entries(leads)
    .map(([path, service]) => ({ path: path.replace(/(?<=.)\/+$/, ""), ...route(service) }))
    .sort((a, b) => b.path.length - a.path.length || (a.path < b.path ? -1 : 1))
    .map(({ path, ...rest }) => (path === "/" ? rest : { path, ...rest }));
}

/** What Caddy and Nginx share: the way in, the checks, the links to what they lead to. */
export abstract class Gateway extends Component {
  constructor(
    kind: string,
    name: string,
    readonly args: GatewayArgs,
    placement: Placement,
  ) {
    super(kind, name, placement);
    const services = new Set(Object.values(args.hosts).flatMap(servicesOf));
    this.system.addLinks(
      name,
      name,
      [...services].map((service) => service.as(name)),
    );
    if (args.tls.issuer === "acme") {
      const directory = args.tls.directory ?? ACME_DIRECTORY;
      const { hostname, port } = URL.canParse(directory)
        ? new URL(directory)
        : { hostname: directory, port: "" };
      const acme = new External(
        `${name}-acme`,
        { host: hostname, port: port === "" ? 443 : Number(port) },
        placement,
      );
      this.system.addLinks(name, name, [acme.as(name)]);
    }
  }

  protected plan(to: Description): GatewayPlan {
    const { args } = this;
    const ports = args.ports ?? { http: 80, https: 443 };
    this.check(to, ports);
    const limit = (property: string, rate: RateLimit, path?: string): LimitPlan => ({
      ...(path === undefined ? {} : { path }),
      requests: rate.requests,
      windowMs: to.check(this, `${property}.window`, () => milliseconds(rate.window), 1_000),
    });
    return {
      hosts: Object.entries(args.hosts).map(([host, to]) => ({ host, routes: routes(to) })),
      tls: args.tls,
      limits: [
        limit("rateLimit", args.rateLimit ?? perClient(100, "1 s")),
        ...Object.entries(args.pathLimits ?? {}).map(([path, rate]) =>
          limit(`pathLimits.${path}`, rate, path),
        ),
      ],
      contentSecurityPolicy: args.contentSecurityPolicy ?? DEFAULT_CSP,
      maxBody: to.check(this, "maxBody", () => bytes(args.maxBody ?? "10 MiB"), 0),
      ports,
      surroundings: this.system.args.surroundings,
    };
  }

  protected endpoints(plan: GatewayPlan): Endpoint[] {
    const port = plan.ports.https === 443 ? "" : `:${plan.ports.https}`;
    return plan.hosts.map(({ host }) => ({ component: this.name, url: `https://${host}${port}` }));
  }

  private check(to: Description, ports: { http: number; https: number }): void {
    const { args } = this;
    const hosts = Object.keys(args.hosts);
    if (hosts.length === 0)
      to.problem(this, "hosts", "is empty", "lead at least one host to a service");
    for (const host of hosts) {
      if (!isHostName(host)) {
        to.problem(this, `hosts.${host}`, "is no host name", "lower case, punycode where needed");
      }
      const leads = args.hosts[host]!;
      if (leads instanceof Service) continue;
      if (Object.keys(leads).length === 0) {
        to.problem(this, `hosts.${host}`, "leads nowhere", "give at least one path its service");
      }
      for (const path of Object.keys(leads)) {
        if (!isRoutePath(path)) {
          to.problem(this, `hosts.${host}.${path}`, "is no path", 'for example "/api/users"');
        }
      }
    }
    if (!isPort(ports.http) || !isPort(ports.https) || ports.http === ports.https) {
      to.problem(this, "ports", `${ports.http} and ${ports.https}`, "two different TCP ports");
    }
    const limits = { rateLimit: args.rateLimit, ...args.pathLimits };
    for (const [path, rate] of Object.entries(limits)) {
      if (rate && (!Number.isInteger(rate.requests) || rate.requests < 1)) {
        to.problem(this, path, `${rate.requests} requests`, "a whole number of at least 1");
      }
    }
    for (const path of Object.keys(args.pathLimits ?? {})) {
      if (!isRoutePath(path)) to.problem(this, `pathLimits.${path}`, "is no path");
    }
    if (/[\r\n\0]/.test(args.contentSecurityPolicy ?? "")) {
      to.problem(this, "contentSecurityPolicy", "has a line break", "write it on one line");
    }
    if (args.tls.issuer === "acme" && !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(args.tls.email)) {
      to.problem(this, "tls.email", "is no mail address");
    }
  }
}
