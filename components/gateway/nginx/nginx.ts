import { bytes } from "../../../model/units";
import type { Description, Placement } from "../../system";
import { Gateway, type GatewayArgs, type GatewayProgram } from "../gateway";
import type { GatewayPlan } from "../plan";
import {
  bodyRoom,
  CLIENT_CONNECTIONS,
  FILES,
  METRICS_PATH,
  nginxConfig,
  nginxErrorPage,
  perMinute,
  probePort,
} from "./config";
import { nginxLog } from "./logs";
import { wafConfig } from "./waf";

/** How far a limit may be from what was asked for: Nginx counts whole requests a minute. */
const ROUNDING = 0.05;

const commonDivisor = (a: number, b: number): number => (b === 0 ? a : commonDivisor(b, a % b));

/**
 * The way in by Nginx (PR-12): what Caddy's does, and a web application firewall (ModSecurity with the OWASP
 * Core Rule Set), and a limit of what one client may have open. Certificates are the business of the
 * image's own program: an authority of the gateway's, ACME, or files.
 */
export class NginxGateway extends Gateway {
  constructor(name: string, args: GatewayArgs, placement: Placement) {
    super("NginxGateway", name, args, placement);
  }

  protected override refuse(to: Description, plan: GatewayPlan): void {
    if (this.args.passiveHealth !== undefined) {
      to.problem(
        this,
        "passiveHealth",
        "Nginx keeps no memory of an instance's failures: each request finds its own way round",
        "choose CaddyGateway, or leave it out",
      );
    }
    for (const limit of plan.limits.filter((of) => perMinute(of) < 1)) {
      to.problem(
        this,
        limit.path === undefined ? "rateLimit" : `pathLimits.${limit.path}`,
        "is less than one request a minute, which Nginx cannot count",
        "allow more, in a longer or a shorter window; or choose CaddyGateway",
      );
    }
    for (const limit of plan.limits) {
      const counted = perMinute(limit);
      const meant = (limit.requests * 60_000) / limit.windowMs;
      if (counted < 1 || Math.abs(counted - meant) <= meant * ROUNDING) continue;
      const step = limit.windowMs / commonDivisor(limit.windowMs, 60_000);
      const below = Math.floor(limit.requests / step) * step;
      to.problem(
        this,
        limit.path === undefined ? "rateLimit" : `pathLimits.${limit.path}`,
        `is ${meant.toFixed(2)} requests a minute, which Nginx would count as ${counted}`,
        `in the same window ${[below, below + step].filter((n) => n > 0).join(" or ")} requests are exact; or choose CaddyGateway`,
      );
    }
  }

  protected override program(plan: GatewayPlan): GatewayProgram {
    const waf = plan.waf.mode !== "off";
    const { tls } = plan;
    return {
      image: this.system.args.images.nginx,
      check: ["atalaya-nginx", "check"],
      files: {
        config: { path: FILES.config, content: nginxConfig(plan) },
        settings: { path: FILES.settings, content: `${JSON.stringify(settings(plan), null, 2)}\n` },
        error: { path: FILES.error, content: nginxErrorPage() },
        ...(plan.hosts.some(({ maintenance }) => maintenance)
          ? { maintenance: { path: FILES.maintenance, content: plan.maintenance.page } }
          : {}),
        ...(waf ? { waf: { path: FILES.waf, content: wafConfig(plan) } } : {}),
        ...(tls.issuer === "acme" && tls.directoryRoot !== undefined
          ? { "acme-root": { path: FILES.acmeRoot, content: tls.directoryRoot } }
          : {}),
      },
      // What waits here counts as memory.
      scratch: [{ path: "/tmp", size: Math.max(bytes("64 MiB"), bodyRoom(plan)) }],
      memory: {
        reserve: bytes(waf ? "128 MiB" : "48 MiB"),
        // The firewall has what it reads twice. The default of 10 MiB comes to 512 MiB.
        limit: Math.max(
          bytes("256 MiB"),
          bodyRoom(plan) + (waf ? 2 * plan.maxBody + bytes("364 MiB") : bytes("192 MiB")),
        ),
      },
      probe: probePort(plan),
      metrics: METRICS_PATH,
      log: nginxLog,
      connections: CLIENT_CONNECTIONS,
      version: "1",
    };
  }
}

/** What the image's program has to know beside Nginx. */
function settings({ hosts, tls, waf, observed }: GatewayPlan): object {
  const common = {
    hosts: hosts.map(({ host }) => host),
    firewall: waf.mode,
    ...(observed ? { metrics: true } : {}),
  };
  if (tls.issuer !== "acme") return { ...common, issuer: tls.issuer };
  return {
    ...common,
    issuer: "acme",
    email: tls.email,
    directory: tls.directory,
    ...(tls.directoryRoot === undefined ? {} : { directoryRoot: FILES.acmeRoot }),
  };
}
