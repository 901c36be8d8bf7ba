import type { LogFormat } from "../../model/logs";
import { hostOf } from "../../model/names";
import { type Container, type Endpoint, frontName } from "../../model/system";
import { bytes } from "../../model/units";
import { alertOn } from "../alerts";
import { showOn } from "../dashboards";
import { sendsTo } from "../external";
import { checkOn } from "../health";
import { rolling } from "../release";
import { Component, type Description, type Placement } from "../system";
import { certificateLimits, gatewayAlerts } from "./alerts";
import type { GatewayArgs } from "./args";
import { gatewayDashboard } from "./dashboard";
import { gatewayChecks, hostChecks, webSocketChecks } from "./health-checks";
import {
  directoryOf,
  type GatewayPlan,
  type HostPlan,
  isBehindFront,
  Planning,
  routesOf,
  type TlsPlan,
  whoAnswers,
} from "./plan";

export * from "./args";

/** Ports inside the container: high ones, for a user without capabilities. */
export const HTTP_PORT = 8080;
export const HTTPS_PORT = 8443;
/** Asked by the engine and by the platform's front: 503 while an instance shuts down. */
export const HEALTH_PORT = 8082;

/** Cores. */
const CPU = { reserve: 0.1, limit: 1 } as const;

/** The same for every kind, so that one can take over the other's volume. */
const USER = { uid: 10_080, gid: 10_080 };

/** Path that every host is asked for. */
const ASKED = "/";

/** What a kind of gateway brings; everything else is the same for all. */
export interface GatewayProgram {
  readonly image: string;
  /** Ends with 0 when the configuration is right, and makes what all instances share. */
  readonly check: readonly string[];
  /** By the end of its name: where it is mounted, and what is in it. `config` has `FRONT_RANGE` where there is a front. */
  readonly files: Readonly<Record<string, { readonly path: string; readonly content: string }>>;
  readonly scratch: Container["scratch"];
  /** Bytes: reserved, and the limit. */
  readonly memory: { readonly reserve: number; readonly limit: number };
  /** Port where it answers over HTTPS without a PROXY header before: no prober sends one. */
  readonly probe: number;
  /** Path at HEALTH_PORT with its metrics in Prometheus' format. */
  readonly metrics: string;
  /** Clients that one instance has room for, where it counts connections. */
  readonly connections?: number;
  /** How its lines are read. */
  readonly log: LogFormat;
  /** Of how the program is run; a change replaces the instances. */
  readonly version: string;
}

/** One that is closed for maintenance says 503, as it should. */
const isOpen = ({ maintenance }: HostPlan): boolean => !maintenance;

/** Of files nobody here knows the authority. */
const isPublic = ({ issuer }: TlsPlan): boolean => issuer === "acme" || issuer === "platform";

/** What Caddy and Nginx share: the way in, the checks, the links to what they lead to. */
export abstract class Gateway extends Component {
  override readonly kin = ["CaddyGateway", "NginxGateway"];

  constructor(
    kind: string,
    name: string,
    readonly args: GatewayArgs,
    placement: Placement,
  ) {
    super(kind, name, placement);
    const routes = Object.values(args.hosts).flatMap(routesOf);
    const services = new Set(routes.map(({ to }) => to));
    this.system.addLinks(
      name,
      name,
      [...services].map((service) => service.as(name)),
    );
    if (args.tls.issuer === "acme" && !this.system.args.surroundings.issuesCertificates) {
      sendsTo(this, `${name}-acme`, hostOf(directoryOf(args.tls)));
    }
  }

  /** Says what this kind cannot do, as problems. */
  protected abstract refuse(to: Description, plan: GatewayPlan): void;

  protected abstract program(plan: GatewayPlan): GatewayProgram;

  override describe(to: Description): void {
    to.component(this);
    const { name } = this;
    const consumed = to.consume(name);
    const before = to.problems.length;
    const { surroundings, observed = false } = this.system.args;
    const plan = new Planning(this, this.args, to).plan(surroundings, observed);
    this.refuse(to, plan);
    // A configuration is written only from what is right.
    if (to.problems.length > before) return;
    const program = this.program(plan);
    // Losing it means new certificates: a public authority grants only so many a week.
    to.volumes.push({
      name: `${name}-data`,
      component: name,
      size: bytes("64 MiB"),
      access: "shared",
      protect: true,
    });
    for (const [end, { content }] of Object.entries(program.files)) {
      const front = isBehindFront(plan) && end === "config" ? { frontOf: name } : {};
      to.files.push({ name: `${name}-${end}`, component: name, content, ...front });
    }
    const container = this.container(program, this.describeCertificates(to, plan));
    const health = { http: { path: "/healthz", port: HEALTH_PORT } };
    to.endpoints.push(...this.endpoints(plan));
    const instances = this.args.instances ?? 2;
    to.workloads.push({
      name,
      component: name,
      ...container,
      resources: { cpu: CPU, memory: program.memory },
      // Longer than the program's own shutdown: 4 s until nobody sends any more, 10 s for what is open.
      stop: { grace: 20 },
      ports: [
        { name: "http", port: HTTP_PORT },
        { name: "https", port: HTTPS_PORT },
        { name: "health", port: HEALTH_PORT },
        ...(plan.observed && program.probe !== HTTPS_PORT
          ? [{ name: "probe", port: program.probe }]
          : []),
      ],
      health: { ready: health, live: health, interval: 2, timeout: 3, retries: 3, startPeriod: 30 },
      scale: { min: instances, max: instances },
      singleton: false,
      exposures: [
        { public: plan.ports.http, port: HTTP_PORT, proxies: plan.trustedProxies },
        { public: plan.ports.https, port: HTTPS_PORT, proxies: plan.trustedProxies },
      ],
      startAfter: [...consumed.startAfter, this.describeCheck(to, program, container)],
      release: rolling({ version: program.version }),
    });
    to.reads(this, program.log);
    this.checkHosts(to, plan);
    if (plan.observed) this.observe(to, plan, program, instances);
  }

  /** Every host is asked from outside, and each WebSocket behind it. */
  private checkHosts(to: Description, { hosts, ports, tls }: GatewayPlan): void {
    const certificate = certificateLimits(tls.issuer === "internal");
    for (const { host } of hosts.filter(isOpen)) {
      const at = { host, port: ports.https, verify: isPublic(tls) };
      checkOn(to, this, hostChecks, { at, certificate }, host);
      for (const path of this.webSocketsOf(host)) {
        checkOn(to, this, webSocketChecks, { at, certificate, path }, `${host}${path}`);
      }
    }
  }

  /** Paths of the WebSockets behind a host. */
  private webSocketsOf(host: string): string[] {
    const paths = routesOf(this.args.hosts[host]!).flatMap(({ path = "/", to: service }) => {
      const { webSocket } = service.args;
      return webSocket?.startsWith(path) ? [webSocket] : [];
    });
    return [...new Set(paths)];
  }

  /** Every instance is asked for every host and every WebSocket, as a client would. */
  private observe(
    to: Description,
    plan: GatewayPlan,
    { metrics, connections, probe, memory }: GatewayProgram,
    instances: number,
  ): void {
    const { name } = this;
    // Of others what counts is that they have not ended.
    const verify = isPublic(plan.tls);
    const open = plan.hosts.filter(isOpen);
    /** Components that answer these paths. */
    const behind = (asked: (host: string) => readonly string[]): string[] => [
      ...new Set(
        open.flatMap((of) => asked(of.host).flatMap((path) => whoAnswers(of, path) ?? [])),
      ),
    ];
    for (const { host } of open) {
      const ask = { kind: "https", host, path: ASKED, verify } as const;
      to.probe({ component: name, workload: name, port: probe, ask });
      // Who verifies gets no answer, and no end, of a certificate that has ended: just then it has to be known.
      if (verify) {
        const certificate = { kind: "certificate", host } as const;
        to.probe({ component: name, workload: name, port: probe, ask: certificate });
      }
    }
    const webSockets = open.flatMap(({ host }) =>
      this.webSocketsOf(host).map((path) => ({ kind: "websocket", host, path }) as const),
    );
    for (const ask of webSockets) {
      to.probe({ component: name, workload: name, port: probe, ask });
    }
    to.scrape({ component: name, workload: name, port: HEALTH_PORT, path: metrics });
    const [first] = open;
    if (first === undefined) return;
    const front = isBehindFront(plan);
    if (front) {
      // Past it all is well, and nobody gets in when it is away. It reads no names: one speaks for all.
      const ask = { kind: "tls", host: first.host } as const;
      const at = { component: name, workload: frontName(name), front: true } as const;
      to.probe({ ...at, port: HTTPS_PORT, ask });
    }
    const facts = {
      answers: instances * open.length,
      front,
      webSockets: instances * webSockets.length,
      behind: {
        answers: behind(() => [ASKED]),
        webSockets: behind((host) => this.webSocketsOf(host)),
      },
      certificate: certificateLimits(plan.tls.issuer === "internal"),
      ...(connections === undefined ? {} : { connections }),
    };
    alertOn(to, this, gatewayAlerts, facts);
    checkOn(to, this, gatewayChecks, facts);
    showOn(to, this, gatewayDashboard, {
      ...facts,
      cpu: CPU.limit,
      memory: memory.limit,
    });
  }

  /** What the program needs around it, whatever it does. */
  private container(
    { image, files, scratch }: GatewayProgram,
    certificates: Pick<Container, "secrets" | "certificate">,
  ): Omit<Container, "resources" | "stop"> {
    return {
      image,
      environment: {},
      ...certificates,
      files: Object.entries(files).map(([end, { path }]) => ({
        file: `${this.name}-${end}`,
        path,
      })),
      volumes: [{ volume: `${this.name}-data`, path: "/data" }],
      scratch,
      user: USER,
    };
  }

  private describeCertificates(
    to: Description,
    { tls, hosts }: GatewayPlan,
  ): Pick<Container, "secrets" | "certificate"> {
    if (tls.issuer === "platform") {
      const certificate = `${this.name}-tls`;
      to.certificates.push({
        name: certificate,
        component: this.name,
        hosts: hosts.map(({ host }) => host),
      });
      return { secrets: [], certificate };
    }
    if (tls.issuer !== "files") return { secrets: [] };
    const secrets = tls.certificates
      .flatMap(({ certificate, key }) => [certificate, key])
      .map(({ file, source }) => {
        const secret = `${this.name}-${file.replace(".", "-")}`;
        to.secrets.push({ name: secret, component: this.name, source });
        return { secret, file };
      });
    return { secrets };
  }

  /**
   * A job that looks at a configuration before any instance gets it, so that a bad one changes nothing. It
   * also makes what instances share, once: such that start together on an empty volume would each make an
   * authority, and serve certificates that the other one's root does not vouch for.
   */
  private describeCheck(
    to: Description,
    { check }: GatewayProgram,
    container: Omit<Container, "resources" | "stop">,
  ): string {
    const job = `${this.name}-check`;
    to.jobs.push({
      name: job,
      component: this.name,
      purpose: "checks the gateway's configuration",
      ...container,
      command: check,
      resources: {
        cpu: { reserve: 0.01, limit: 1 },
        memory: { reserve: bytes("32 MiB"), limit: bytes("256 MiB") },
      },
      stop: { grace: 10 },
      startAfter: [],
      timeout: 120,
    });
    return job;
  }

  private endpoints(plan: GatewayPlan): Endpoint[] {
    const port = plan.ports.https === 443 ? "" : `:${plan.ports.https}`;
    return plan.hosts.map(({ host }) => ({ component: this.name, url: `https://${host}${port}` }));
  }
}
