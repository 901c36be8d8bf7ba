import type { SecretSource } from "../../model/system";
import type { Duration, Size } from "../../model/units";
import type { Service } from "../service";

/** How many requests one client may make in a window. */
export interface RateLimit {
  readonly requests: number;
  /** @example "1 s" */
  readonly window: Duration;
}

/** @example perClient(20, "1 s") */
export const perClient = (requests: number, window: Duration): RateLimit => ({ requests, window });

/** Where a gateway's certificates come from. */
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
      /** PEM of the authority that vouches for the directory itself, for one inside a company. @default the public ones */
      readonly directoryRoot?: string;
    }
  /** Certificates that somebody else issues and renews: a changed one is a changed secret, rolled without a gap. */
  | {
      readonly issuer: "files";
      /** By host, or `"*"` for every host that has none of its own. */
      readonly certificates: Readonly<Record<string, CertificateArgs>>;
    };

export interface CertificateArgs {
  /** PEM: the certificate first, then the intermediate ones. */
  readonly certificate: SecretSource;
  /** PEM, without a passphrase. */
  readonly key: SecretSource;
}

/** A path of a host and what answers it. */
export interface RouteArgs {
  /** Paths that begin so, at a slash. @default "/" @example "/api/users" */
  readonly path?: string;
  readonly to: Service;
  /**
   * A request with a body may be sent to a second instance where the first broke off. Only for what does no
   * harm when it is done twice: without it such a request is never sent twice. Needs memory for the
   * body. @default false
   */
  readonly retryBodies?: boolean;
  /** Content-Security-Policy here, where the service sends none. @default the gateway's */
  readonly contentSecurityPolicy?: string;
}

/** What a host leads to: one service, services by path, or routes with settings of their own. */
export type Leads = Service | Readonly<Record<string, Service>> | readonly RouteArgs[];

/** How long one may wait for another. */
export interface TimeoutArgs {
  /** Until a client has sent the whole head of a request. @default "10 s" */
  readonly header?: Duration;
  /** Silence of a client that sends a body (Nginx), or until it has sent all of it (Caddy). @default "60 s" */
  readonly body?: Duration;
  /** Until a connection without a request is closed. @default "120 s" */
  readonly idle?: Duration;
  /** Until an instance accepts a connection; then the next one is asked. @default "1 s" */
  readonly connect?: Duration;
  /** Until an instance begins to answer; with Nginx also the longest silence in an answer or a WebSocket. @default "60 s" */
  readonly response?: Duration;
}

/** When an instance gets no requests for a while. */
export interface PassiveHealthArgs {
  /** Failures (no connection, broken off, 503) that count as one too many. @default 3 */
  readonly failures: number;
  /** How long it rests. @default "3 s" */
  readonly rest: Duration;
}

/**
 * The web application firewall: ModSecurity with the OWASP Core Rule Set. Each rule that matches adds to a
 * request's score, by its severity: critical 5, error 4, warning 3, notice 2.
 */
export interface WafArgs {
  /** `detect` only logs: for the first week of a system. */
  readonly mode: "off" | "detect" | "block";
  /** How suspicious it is: 1 suits everybody, from 2 on honest requests need exclusions. @default 1 */
  readonly paranoia?: 1 | 2 | 3 | 4;
  /** Score from which a request is refused. @default 5, one critical match (the rule set's own) */
  readonly anomalyThreshold?: number;
  /** Where rules are wrong about honest requests. */
  readonly exclusions?: readonly WafExclusionArgs[];
}

/** The gateway's own rules: a body that cannot be read, more than 1000 parameters. All refuse with 400. */
export const isBodyRule = (rule: number): boolean => [2, 3, 4, 5, 7].includes(rule - 200_000);

/**
 * Whether a rule may be excluded: these, and the rule set's own for requests. Below 911000 it
 * initialises itself, 949 and 959 count the score.
 */
export const isExcludable = (rule: number): boolean =>
  isBodyRule(rule) || (Number.isInteger(rule) && rule >= 911_000 && rule <= 948_999);

/** These rules in words. */
export const EXCLUDABLE = "200002 to 200005, 200007, 911000 to 948999";

/**
 * Rules that do not hold below a path, as narrow as it can be told.
 * @example { path: "/api/posts", rules: [941160], parameters: ["json.html"] }
 */
export type WafExclusionArgs = {
  /** Paths that begin so, at a slash. */
  readonly path: string;
  /** Only in these parameters; a field of a JSON body is `json.` and its name. @default the whole request */
  readonly parameters?: readonly string[];
} & (
  | {
      /**
       * Numbers, as the log has them. Without 200002 to 200007 the service gets bodies that could not be read, and more than
       * 1000 parameters: no other rule has looked into these.
       */
      readonly rules: readonly number[];
    }
  | { /** @example ["attack-xss"] */ readonly tags: readonly string[] }
);

/** Instead of the services: 503 with a page that says when to come back. */
export interface MaintenanceArgs {
  /** @default all */
  readonly hosts?: readonly string[];
  /** What Retry-After says. @default "5 min" */
  readonly retryAfter?: Duration;
  /** HTML, at most 64 KiB. @default a plain page in Spanish and English */
  readonly page?: string;
}

/** What every gateway can do; Caddy and Nginx take the same. What one of them cannot is a problem that says so. */
export interface GatewayArgs {
  /**
   * By host name: the service that answers, or several by the paths that they answer, of which the
   * longest that fits is taken. Paths arrive as they were asked for.
   * @example { "shop.example.org": { "/api/users": users, "/api/reviews": reviews } }
   * @example { "shop.example.org": [{ path: "/quotes", to: quotes, retryBodies: true }] }
   */
  readonly hosts: Readonly<Record<string, Leads>>;
  readonly tls: TlsArgs;
  /** For each client over all paths. @default 100 a second */
  readonly rateLimit?: RateLimit;
  /** Stricter limits on paths that begin so, for each client. @example { "/login": perClient(5, "1 min") } */
  readonly pathLimits?: Readonly<Record<string, RateLimit>>;
  /** Requests and WebSockets that one client may have open at once. Nginx alone. @default no limit */
  readonly clientConnections?: number;
  /** Stricter on paths that begin so, for each client. Nginx alone. @example { "/login": 2 } */
  readonly pathConnections?: Readonly<Record<string, number>>;
  /** Content-Security-Policy where the service sends none. */
  readonly contentSecurityPolicy?: string;
  /** Further headers of every answer; one of the same name from a service is replaced. @example { "X-Robots-Tag": "noindex" } */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * Largest request body. Where a firewall reads bodies, or a route sends them again, Nginx keeps whole ones in memory: it is
   * given room for four of the largest, at least 128 MiB, and a client has a third of that.
   * @default "10 MiB"
   */
  readonly maxBody?: Size;
  readonly timeouts?: TimeoutArgs;
  /** Caddy alone: Nginx forgets an instance's failures with each request. */
  readonly passiveHealth?: PassiveHealthArgs;
  /** Nginx alone. @default { mode: "off" } */
  readonly waf?: WafArgs;
  /** @default none */
  readonly maintenance?: MaintenanceArgs;
  /**
   * Load balancers and CDNs in front that speak HTTP, as ranges of addresses: what these say of a client in
   * X-Forwarded-For is believed, and nobody else's word. The client is the last one there that is none of them; limits,
   * firewall, log and services know it by that address. @default none @example ["10.20.0.0/24", "2001:db8:7::/64"]
   */
  readonly trustedProxies?: readonly string[];
  /** Public ports. @default { http: 80, https: 443 } */
  readonly ports?: { readonly http: number; readonly https: number };
  /** @default 2, so that a replacement leaves one */
  readonly instances?: number;
}
