import type { Container } from "../../../model/system";
import { bytes } from "../../../model/units";
import { rolling } from "../../release";
import type { Description, Placement } from "../../system";
import { Gateway, type GatewayArgs } from "../gateway";
import { authorityConfig, caddyConfig, HEALTH_PORT, HTTP_PORT, HTTPS_PORT } from "./config";

const USER = { uid: 10_080, gid: 10_080 };

/**
 * The way in by Caddy (GG-04): automatic HTTPS, security headers, compression, WebSocket, rate limit
 * for each client, access logs, error pages. Instances share their certificates by a volume, which
 * Caddy locks itself, so that they may overlap.
 */
export class CaddyGateway extends Gateway {
  constructor(name: string, args: GatewayArgs, placement: Placement) {
    super("CaddyGateway", name, args, placement);
  }

  override describe(to: Description): void {
    to.component(this);
    const { name } = this;
    const plan = this.plan(to);
    const consumed = to.consume(name);
    const volume = `${name}-data`;
    // Losing it means new certificates: a public authority grants only so many a week.
    to.volumes.push({
      name: volume,
      component: name,
      size: bytes("64 MiB"),
      access: "shared",
      protect: true,
    });
    to.files.push({
      name: `${name}-config`,
      component: name,
      content: `${JSON.stringify(caddyConfig(plan), null, 2)}\n`,
    });
    const health = { http: { path: "/healthz", port: HEALTH_PORT } };
    to.endpoints.push(...this.endpoints(plan));
    const instances = this.args.instances ?? 2;
    const authority = plan.tls.issuer === "internal" ? [this.describeAuthority(to, volume)] : [];
    to.workloads.push({
      name,
      component: name,
      ...this.container(`${name}-config`, volume),
      resources: {
        cpu: { reserve: 0.1, limit: 1 },
        memory: { reserve: bytes("64 MiB"), limit: bytes("256 MiB") },
      },
      // Longer than Caddy's own shutdown: 4 s until nobody sends any more, 10 s for what is open.
      stop: { grace: 20 },
      ports: [
        { name: "http", port: HTTP_PORT },
        { name: "https", port: HTTPS_PORT },
        { name: "health", port: HEALTH_PORT },
      ],
      health: { ready: health, live: health, interval: 2, timeout: 3, retries: 3, startPeriod: 30 },
      scale: { min: instances, max: instances },
      singleton: false,
      exposures: [
        { public: plan.ports.http, port: HTTP_PORT },
        { public: plan.ports.https, port: HTTPS_PORT },
      ],
      startAfter: [...consumed.startAfter, ...authority],
      release: rolling({ version: "2" }),
    });
  }

  /** What Caddy needs around it, whatever it does. */
  private container(file: string, volume: string): Omit<Container, "resources" | "stop"> {
    return {
      image: this.system.args.images.caddy,
      environment: {},
      secrets: [],
      files: [{ file, path: "/etc/caddy/config.json" }],
      volumes: [{ volume, path: "/data" }],
      scratch: [
        { path: "/tmp", size: bytes("16 MiB") },
        { path: "/config", size: bytes("1 MiB") },
      ],
      user: USER,
    };
  }

  /**
   * The gateway's own authority is made by a job, once: instances that start together on an empty
   * volume would each make one, and serve certificates that the other one's root does not vouch for.
   */
  private describeAuthority(to: Description, volume: string): string {
    const job = `${this.name}-authority`;
    const file = `${job}-config`;
    to.files.push({
      name: file,
      component: this.name,
      content: `${JSON.stringify(authorityConfig(), null, 2)}\n`,
    });
    to.jobs.push({
      name: job,
      component: this.name,
      purpose: "makes the gateway's certificate authority",
      ...this.container(file, volume),
      // Validating sets every module up, and that makes an authority which is not there yet.
      command: ["caddy", "validate", "--config", "/etc/caddy/config.json"],
      resources: {
        cpu: { reserve: 0.01, limit: 1 },
        memory: { reserve: bytes("32 MiB"), limit: bytes("128 MiB") },
      },
      stop: { grace: 10 },
      startAfter: [],
      timeout: 120,
    });
    return job;
  }
}
