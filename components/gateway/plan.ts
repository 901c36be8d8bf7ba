import { isHostName, isPort, isRange, isTooWide } from "../../model/names";
import type { SecretSource, Surroundings } from "../../model/system";
import { bytes, type Duration, milliseconds } from "../../model/units";
import { Service } from "../service";
import type { Component, Description } from "../system";
import {
  EXCLUDABLE,
  type GatewayArgs,
  isBodyRule,
  isExcludable,
  type Leads,
  perClient,
  type RateLimit,
  type RouteArgs,
  type TimeoutArgs,
} from "./args";

/** All of it known and checked; what a gateway's configuration is made from. */
export interface GatewayPlan {
  readonly hosts: readonly HostPlan[];
  readonly tls: TlsPlan;
  readonly limits: readonly LimitPlan[];
  readonly connections: readonly ConnectionsPlan[];
  readonly contentSecurityPolicy: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes. */
  readonly maxBody: number;
  /** Milliseconds. */
  readonly timeouts: Readonly<Record<keyof TimeoutArgs, number>>;
  readonly passiveHealth: { readonly failures: number; readonly restMs: number };
  readonly waf: WafPlan;
  readonly maintenance: { readonly retryAfter: number; readonly page: string };
  /** Ranges of addresses, whose word about a client's address counts. */
  readonly trustedProxies: readonly string[];
  readonly ports: { readonly http: number; readonly https: number };
  readonly surroundings: Surroundings;
  /** Somebody watches: it has metrics, and a way in for a prober. */
  readonly observed: boolean;
}

export type TlsPlan =
  | { readonly issuer: "internal" }
  | {
      readonly issuer: "acme";
      readonly email: string;
      readonly directory: string;
      /** PEM. */
      readonly directoryRoot?: string;
    }
  | { readonly issuer: "files"; readonly certificates: readonly CertificatePlan[] }
  /** ACME is the platform's business: one certificate for all hosts is mounted as `ISSUED` says. */
  | { readonly issuer: "platform" };

/** Whether the platform puts a front before the gateway, which holds the ports that people dial. */
export const isBehindFront = ({ surroundings }: GatewayPlan): boolean =>
  surroundings.clientAddress === "proxy-protocol";

/** A certificate and its key: what they are, and where an instance finds them. */
export interface CertificatePlan {
  readonly hosts: readonly string[];
  readonly certificate: CertificateFile;
  readonly key: CertificateFile;
}

export interface CertificateFile {
  /** Below `/run/secrets`. */
  readonly file: string;
  readonly source: SecretSource;
}

export interface HostPlan {
  readonly host: string;
  /** The first that fits is taken. */
  readonly routes: readonly RoutePlan[];
  /** Answers 503 and its page instead. */
  readonly maintenance: boolean;
}

export interface RoutePlan {
  /** Paths that begin so; all when absent. */
  readonly path?: string;
  /** Name under which the service is found, and its port. */
  readonly upstream: { readonly host: string; readonly port: number };
  /** Paths that never leave: those below `path`, or all. */
  readonly internalPaths: readonly string[];
  readonly retryBodies: boolean;
  readonly contentSecurityPolicy: string;
}

export interface LimitPlan {
  /** Paths that begin so; all when absent. */
  readonly path?: string;
  readonly requests: number;
  readonly windowMs: number;
}

/** How much one client may have open at once. */
export interface ConnectionsPlan {
  /** Paths that begin so; all when absent. */
  readonly path?: string;
  readonly open: number;
}

export interface WafPlan {
  readonly mode: "off" | "detect" | "block";
  readonly paranoia: number;
  readonly anomalyThreshold: number;
  readonly exclusions: readonly WafExclusionPlan[];
}

export interface WafExclusionPlan {
  readonly path: string;
  readonly rules: readonly number[];
  readonly tags: readonly string[];
  /** The whole request when empty. */
  readonly parameters: readonly string[];
}

const DEFAULT_CSP =
  "default-src 'self'; object-src 'none'; base-uri 'self'; frame-ancestors 'none'; form-action 'self'";

const ACME_DIRECTORY = "https://acme-v02.api.letsencrypt.org/directory";

const DEFAULT_TIMEOUTS: Required<TimeoutArgs> = {
  header: "10 s",
  body: "60 s",
  idle: "120 s",
  connect: "1 s",
  response: "60 s",
};

/** Longest header value: with its name and quoting it has to fit into what Nginx reads as one word. */
const MAX_HEADER = 3_000;

const MAX_PAGE = 2 ** 16;

/** Set by the gateway itself, or part of how HTTP is spoken. */
const OWN_HEADERS =
  /^(?:content-(?:length|encoding|security-policy)|transfer-encoding|connection|date|retry-after|server|strict-transport-security|trailer|upgrade|x-request-id)$/i;

/** The routes of a host, whichever way they were written. */
export const routesOf = (leads: Leads): readonly RouteArgs[] =>
  leads instanceof Service
    ? [{ to: leads }]
    : isList(leads)
      ? leads
      : Object.entries(leads).map(([path, to]) => ({ path, to }));

const isList = (leads: Leads): leads is readonly RouteArgs[] => Array.isArray(leads);

/** The service that answers a path of a host, by its name; nobody where no route fits. */
export const whoAnswers = ({ routes }: HostPlan, asked: string): string | undefined =>
  routes.find(({ path }) => path === undefined || `${asked}/`.startsWith(`${path}/`))?.upstream
    .host;

/** One spelling a path: no doubled slashes, none at the end. */
const normal = (path: string): string => path.replace(/\/+/g, "/").replace(/(?<=.)\/$/, "");

const isPath = (path: string): boolean => /^\/[\w\-./]*$/.test(path) && path.length <= 500;

/** Where the ACME directory is. */
export const directoryOf = (tls: { readonly directory?: string }): string =>
  tls.directory ?? ACME_DIRECTORY;

/** Turns arguments into a plan; everything that is wrong with them becomes a problem. */
export class Planning {
  constructor(
    private readonly gateway: Component,
    private readonly args: GatewayArgs,
    private readonly to: Description,
  ) {}

  plan(surroundings: Surroundings, observed: boolean): GatewayPlan {
    const { args } = this;
    const contentSecurityPolicy = this.headerValue(
      "contentSecurityPolicy",
      args.contentSecurityPolicy ?? DEFAULT_CSP,
    );
    const { passiveHealth: health } = args;
    if (health !== undefined) this.count("passiveHealth.failures", health.failures);
    if (args.instances !== undefined) this.count("instances", args.instances);
    return {
      hosts: this.hosts(contentSecurityPolicy),
      tls: this.tls(surroundings),
      limits: [
        this.limit("rateLimit", args.rateLimit ?? perClient(100, "1 s")),
        ...Object.entries(args.pathLimits ?? {}).map(([path, rate]) =>
          this.limit(`pathLimits.${path}`, rate, path),
        ),
      ],
      connections: this.connections(),
      contentSecurityPolicy,
      headers: this.headers(),
      maxBody: this.maxBody(),
      timeouts: this.timeouts(),
      passiveHealth: {
        failures: health?.failures ?? 3,
        restMs: this.span("passiveHealth.rest", health?.rest ?? "3 s"),
      },
      waf: this.waf(),
      maintenance: this.maintenance(),
      trustedProxies: this.trustedProxies(),
      ports: this.ports(),
      surroundings,
      observed,
    };
  }

  private problem(property: string, message: string, fix?: string): void {
    this.to.problem(this.gateway, property, message, fix);
  }

  /** Milliseconds, at least one. */
  private span(property: string, duration: Duration): number {
    const ms = this.to.check(this.gateway, property, () => milliseconds(duration), 1);
    if (ms < 1) this.problem(property, "is no time at all", "give at least 1 ms");
    return ms;
  }

  /** Bytes. */
  private maxBody(): number {
    const most = this.to.check(
      this.gateway,
      "maxBody",
      () => bytes(this.args.maxBody ?? "10 MiB"),
      1,
    );
    if (most < 1) {
      this.problem(
        "maxBody",
        "is nothing, which gateways take for no limit",
        'for example "1 KiB"',
      );
    }
    return most;
  }

  private count(property: string, count: number): void {
    if (!Number.isInteger(count) || count < 1) {
      this.problem(property, `is ${count}`, "a whole number of at least 1");
    }
  }

  private hosts(contentSecurityPolicy: string): HostPlan[] {
    const entries = Object.entries(this.args.hosts);
    if (entries.length === 0) {
      this.problem("hosts", "is empty", "lead at least one host to a service");
    }
    const closed =
      this.args.maintenance && (this.args.maintenance.hosts ?? Object.keys(this.args.hosts));
    return entries.map(([host, leads]) => {
      const at = `hosts.${host}`;
      if (!isHostName(host)) {
        this.problem(at, "is no host name", "lower case, punycode where needed");
      }
      const routes = this.routes(at, leads, contentSecurityPolicy);
      return { host, routes, maintenance: closed?.includes(host) ?? false };
    });
  }

  private routes(at: string, leads: Leads, contentSecurityPolicy: string): RoutePlan[] {
    const routes = routesOf(leads);
    if (routes.length === 0)
      this.problem(at, "leads nowhere", "give at least one path its service");
    const taken = new Map<string, Service>();
    return routes
      .map(({ path: asWritten = "/", to, ...own }) => {
        const where = `${at}.${asWritten}`;
        const path = normal(asWritten);
        if (!isPath(path)) this.problem(where, "is no path", 'for example "/api/users"');
        const other = taken.get(path);
        if (other !== undefined) {
          this.problem(
            where,
            `leads to "${to.name}", and the same path to "${other.name}" already`,
            "give each service a path of its own",
          );
        }
        taken.set(path, to);
        const internalPaths = to.internalPaths.map(normal);
        return {
          path,
          upstream: { host: to.name, port: to.args.port },
          internalPaths: internalPaths.filter(
            (inside) => path === "/" || `${inside}/`.startsWith(`${path}/`),
          ),
          retryBodies: own.retryBodies ?? false,
          contentSecurityPolicy:
            own.contentSecurityPolicy === undefined
              ? contentSecurityPolicy
              : this.headerValue(`${where}.contentSecurityPolicy`, own.contentSecurityPolicy),
        };
      })
      .sort((a, b) => b.path.length - a.path.length || (a.path < b.path ? -1 : 1))
      .map(({ path, ...rest }) => (path === "/" ? rest : { path, ...rest }));
  }

  private limit(property: string, rate: RateLimit, path?: string): LimitPlan {
    this.count(`${property}.requests`, rate.requests);
    return {
      ...(path === undefined ? {} : { path: this.part(property, path, "rateLimit") }),
      requests: rate.requests,
      windowMs: this.span(`${property}.window`, rate.window),
    };
  }

  private connections(): ConnectionsPlan[] {
    const { clientConnections: all, pathConnections = {} } = this.args;
    if (all !== undefined) this.count("clientConnections", all);
    return [
      ...(all === undefined ? [] : [{ open: all }]),
      ...Object.entries(pathConnections).map(([asWritten, open]) => {
        const property = `pathConnections.${asWritten}`;
        this.count(property, open);
        return { path: this.part(property, asWritten, "clientConnections"), open };
      }),
    ];
  }

  /**
   * A path with a limit of its own.
   * @param whole the argument that holds for every path
   */
  private part(property: string, path: string, whole: string): string {
    if (!isPath(path)) this.problem(property, "is no path");
    else if (normal(path) === "/") this.problem(property, "is every path", `set ${whole}`);
    return normal(path);
  }

  private timeouts(): GatewayPlan["timeouts"] {
    const given = { ...DEFAULT_TIMEOUTS, ...this.args.timeouts };
    const names = Object.keys(DEFAULT_TIMEOUTS) as (keyof TimeoutArgs)[];
    return Object.fromEntries(
      names.map((name) => [name, this.span(`timeouts.${name}`, given[name])]),
    ) as GatewayPlan["timeouts"];
  }

  private headers(): Readonly<Record<string, string>> {
    const headers = this.args.headers ?? {};
    for (const [name, value] of Object.entries(headers)) {
      if (!/^[A-Za-z][A-Za-z0-9-]{0,99}$/.test(name)) {
        this.problem(`headers.${name}`, "is no name of a header", "letters, digits, hyphens");
      } else if (OWN_HEADERS.test(name)) {
        this.problem(`headers.${name}`, "is the gateway's own business", "leave it out");
      }
      this.headerValue(`headers.${name}`, value);
    }
    return headers;
  }

  private headerValue(property: string, value: string): string {
    if (!/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value)) {
      this.problem(
        property,
        "is no value of a header: it is empty, or has a line break, space at an end or a character beyond ASCII",
        "write it on one line of plain ASCII",
      );
    }
    if (value.length > MAX_HEADER) {
      this.problem(property, `has ${value.length} characters`, `at most ${MAX_HEADER}`);
    }
    return value;
  }

  private tls({ issuesCertificates }: Surroundings): TlsPlan {
    const { tls } = this.args;
    if (tls.issuer === "internal") return tls;
    if (tls.issuer === "acme") {
      if (!/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(tls.email)) {
        this.problem("tls.email", "is no mail address");
      }
      if (tls.directoryRoot !== undefined && !isPem(tls.directoryRoot)) {
        this.problem("tls.directoryRoot", "is no certificate", "paste its PEM text");
      }
      const directory = directoryOf(tls);
      if (!URL.canParse(directory) || new URL(directory).protocol !== "https:") {
        this.problem("tls.directory", "is no address that begins with https://");
      }
      return issuesCertificates ? { issuer: "platform" } : { ...tls, directory };
    }
    const { certificates } = tls;
    const hosts = Object.keys(this.args.hosts);
    for (const host of hosts) {
      if (certificates[host] === undefined && certificates["*"] === undefined) {
        this.problem(
          `tls.certificates.${host}`,
          "is missing",
          'give the host a certificate, or one for all under "*"',
        );
      }
    }
    for (const host of Object.keys(certificates)) {
      if (host !== "*" && !hosts.includes(host)) {
        this.problem(`tls.certificates.${host}`, "is for a host that the gateway does not serve");
      }
    }
    return {
      issuer: "files",
      certificates: Object.entries(certificates).map(([host, { certificate, key }], i) => ({
        hosts: host === "*" ? hosts.filter((other) => certificates[other] === undefined) : [host],
        certificate: { file: `tls-${i}.crt`, source: certificate },
        key: { file: `tls-${i}.key`, source: key },
      })),
    };
  }

  private waf(): WafPlan {
    const waf = this.args.waf ?? { mode: "off" as const };
    const paranoia = waf.paranoia ?? 1;
    const anomalyThreshold = waf.anomalyThreshold ?? 5;
    if (![1, 2, 3, 4].includes(paranoia)) {
      this.problem("waf.paranoia", `is ${paranoia}`, "1, 2, 3 or 4");
    }
    this.count("waf.anomalyThreshold", anomalyThreshold);
    const exclusions = (waf.exclusions ?? []).map((exclusion, i): WafExclusionPlan => {
      const at = `waf.exclusions[${i}]`;
      const rules = "rules" in exclusion ? exclusion.rules : [];
      const tags = "tags" in exclusion ? exclusion.tags : [];
      const parameters = exclusion.parameters ?? [];
      if (!isPath(exclusion.path)) this.problem(`${at}.path`, "is no path", 'for example "/api"');
      if (rules.length + tags.length === 0) {
        this.problem(at, "excludes nothing", "name rules by their numbers, or tags");
      }
      for (const rule of rules) {
        if (!isExcludable(rule)) {
          this.problem(`${at}.rules`, `${rule} is no rule that can be excluded`, EXCLUDABLE);
        } else if (isBodyRule(rule) && parameters.length > 0) {
          this.problem(
            `${at}.parameters`,
            `${rule} is about the whole request`,
            "exclude it without parameters",
          );
        }
      }
      for (const tag of tags) {
        if (!/^[\w\-/.]{1,100}$/.test(tag)) {
          this.problem(
            `${at}.tags`,
            `${JSON.stringify(tag)} is no tag`,
            'for example "attack-sqli"',
          );
        }
      }
      for (const parameter of parameters) {
        if (!/^[\w\-.[\]]{1,100}$/.test(parameter)) {
          this.problem(
            `${at}.parameters`,
            `${JSON.stringify(parameter)} is no name of a parameter`,
            "letters, digits and _ - . [ ]",
          );
        }
      }
      return { path: normal(exclusion.path), rules, tags, parameters };
    });
    return { mode: waf.mode, paranoia, anomalyThreshold, exclusions };
  }

  private maintenance(): GatewayPlan["maintenance"] {
    const { hosts = [], retryAfter = "5 min", page = MAINTENANCE } = this.args.maintenance ?? {};
    for (const host of hosts.filter((name) => !(name in this.args.hosts))) {
      this.problem("maintenance.hosts", `${host} is no host of the gateway`);
    }
    if (Buffer.byteLength(page) > MAX_PAGE) {
      this.problem("maintenance.page", `has ${Buffer.byteLength(page)} bytes`, "at most 64 KiB");
    }
    const seconds = Math.ceil(this.span("maintenance.retryAfter", retryAfter) / 1_000);
    return { retryAfter: seconds, page };
  }

  private trustedProxies(): readonly string[] {
    const ranges = this.args.trustedProxies ?? [];
    for (const [i, range] of ranges.entries()) {
      const at = `trustedProxies[${i}]`;
      if (!isRange(range)) {
        this.problem(
          at,
          `${JSON.stringify(range)} is no range of addresses`,
          'for example "10.20.0.0/24" or "2001:db8:7::/64"; one address is "203.0.113.7/32"',
        );
      } else if (isTooWide(range)) {
        this.problem(
          at,
          `${range} is wider than any proxy's own addresses: strangers could claim any address`,
          "name the load balancer's own addresses",
        );
      }
    }
    return ranges;
  }

  private ports(): GatewayPlan["ports"] {
    const ports = this.args.ports ?? { http: 80, https: 443 };
    if (!isPort(ports.http) || !isPort(ports.https) || ports.http === ports.https) {
      this.problem("ports", `${ports.http} and ${ports.https}`, "two different TCP ports");
    }
    return ports;
  }
}

const isPem = (text: string): boolean =>
  /^\s*-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*$/.test(text);

const page = (title: string, ...lines: readonly string[]): string =>
  [
    '<!doctype html><html lang="es"><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width">',
    `<title>${title}</title>`,
    `<h1>${title}</h1>`,
    ...lines,
    "</html>",
  ].join("\n");

const MAINTENANCE = page(
  "En mantenimiento",
  "<p>Volvemos en unos minutos. We are back in a few minutes.</p>",
);

/**
 * One plain page for people, with the id that finds the request in the logs.
 * @param of how the gateway's own language says what is only known then
 */
export const errorPage = (of: { status: string; reason: string; id: string }): string =>
  page(
    `${of.status} ${of.reason}`,
    "<p>La petición no se pudo atender. The request could not be served.</p>",
    `<p>Id: <code>${of.id}</code></p>`,
  );
