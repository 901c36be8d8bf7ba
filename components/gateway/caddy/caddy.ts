import { bytes } from "../../../model/units";
import type { Description, Placement } from "../../system";
import { Gateway, type GatewayArgs, type GatewayProgram, HTTPS_PORT } from "../gateway";
import type { GatewayPlan } from "../plan";
import { caddyConfig, DIRECTORY_ROOT } from "./config";
import { caddyLog } from "./logs";

/**
 * The way in by Caddy (GG-04): automatic HTTPS, security headers, compression, WebSocket, rate limit
 * for each client, access logs, error pages. Instances share their certificates by a volume, which
 * Caddy locks itself, so that they may overlap.
 */
export class CaddyGateway extends Gateway {
  constructor(name: string, args: GatewayArgs, placement: Placement) {
    super("CaddyGateway", name, args, placement);
  }

  protected override refuse(to: Description, plan: GatewayPlan): void {
    const fix = "choose NginxGateway, or leave it out";
    const { mode = "off", paranoia, anomalyThreshold, exclusions = [] } = this.args.waf ?? {};
    const tuned = paranoia !== undefined || anomalyThreshold !== undefined || exclusions.length > 0;
    if (mode !== "off" || tuned) {
      to.problem(this, "waf", "Caddy has no firewall for requests", fix);
    }
    for (const { path } of plan.connections) {
      to.problem(
        this,
        path === undefined ? "clientConnections" : `pathConnections.${path}`,
        "Caddy does not count what a client has open",
        fix,
      );
    }
  }

  protected override program(plan: GatewayPlan): GatewayProgram {
    const path = "/etc/caddy/config.json";
    return {
      image: this.system.args.images.caddy,
      // Validating sets every module up, and that makes an authority which is not there yet.
      check: ["caddy", "validate", "--config", path],
      files: {
        config: { path, content: `${JSON.stringify(caddyConfig(plan), null, 2)}\n` },
        ...(plan.tls.issuer === "acme" && plan.tls.directoryRoot !== undefined
          ? { "acme-root": { path: DIRECTORY_ROOT, content: plan.tls.directoryRoot } }
          : {}),
      },
      scratch: [
        { path: "/tmp", size: bytes("16 MiB") },
        { path: "/config", size: bytes("1 MiB") },
      ],
      memory: { reserve: bytes("64 MiB"), limit: bytes("256 MiB") },
      // With the header or without.
      probe: HTTPS_PORT,
      metrics: "/metrics",
      log: caddyLog,
      version: "2",
    };
  }
}
