import type { LogFormat } from "../model/logs";
import type {
  Container,
  Health,
  Probe,
  Release,
  Resources,
  SecretMount,
  SecretSource,
  Workload,
} from "../model/system";
import { bytes, type Duration, seconds, type Size } from "../model/units";
import { alertOn } from "./alerts";
import { showOn } from "./dashboards";
import { checkOn } from "./health";
import { rolling } from "./release";
import { checkResilience, type Resilience, resilienceEnvironment } from "./resilience";
import { serviceAlerts, unaskedServiceAlerts } from "./service-alerts";
import { type Figure, serviceDashboard } from "./service-dashboard";
import { serviceChecks } from "./service-health-checks";
import { serviceLog } from "./service-logs";
import {
  type Component,
  type Description,
  envName,
  type LinkGrant,
  type LinkRequest,
  type Placement,
  Provider,
} from "./system";

/** CPU in cores, memory as sizes; `reserve` counts for the scheduler, `limit` is enforced. */
export interface ResourceArgs {
  readonly cpu: { readonly reserve: number; readonly limit: number };
  readonly memory: { readonly reserve: Size; readonly limit: Size };
}

export interface HealthArgs {
  /** Route that answers 2xx as long as the process works. @example "/health/live" */
  readonly live: string;
  /** Route that answers 2xx when the instance may get traffic. @example "/health/ready" */
  readonly ready: string;
  /** Each check is a process in the container: a second is dear. @default "3 s" */
  readonly interval?: Duration;
  /** @default "3 s" */
  readonly timeout?: Duration;
  /** Failures in a row. @default 3 */
  readonly retries?: number;
  /** How long a start may take. @default "60 s" */
  readonly startPeriod?: Duration;
}

export interface JobArgs {
  /** The whole command, in the service's image. @example ["node", "main.js", "migrate"] */
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly links?: readonly LinkRequest[];
  /** @default "5 min" */
  readonly timeout?: Duration;
}

export interface ScheduleArgs extends JobArgs {
  /** Five cron fields, in UTC. @example "15 3 * * *" */
  readonly cron: string;
}

export interface ServiceArgs {
  /** The application's image: it belongs to its team, so it is configuration. */
  readonly image: string;
  /** What runs, by name. @default the image's tag */
  readonly version?: string;
  /** Arguments of the image's entry point. */
  readonly args?: readonly string[];
  /** The one TCP port that the service listens on, on all addresses. */
  readonly port: number;
  readonly health: HealthArgs;
  /** Plain values only. */
  readonly environment?: Readonly<Record<string, string>>;
  /**
   * By the variable's name: `{ SECRET_KEY: … }` gives the file `/run/secrets/secret-key` and the
   * variable `SECRET_KEY_FILE` with its path.
   */
  readonly secrets?: Readonly<Record<string, SecretSource>>;
  readonly links?: readonly LinkRequest[];
  /**
   * Instances; `cpu` in percent of the reservation and `memory` in percent of the limit say when one
   * is added. @default { min: 1 }
   */
  readonly scale?: {
    readonly min: number;
    readonly max?: number;
    readonly cpu?: number;
    readonly memory?: number;
  };
  /** Two instances must never run at once. @default false */
  readonly singleton?: boolean;
  readonly resources: ResourceArgs;
  /** Runs before the instances of a new version start; its failure leaves the old one serving. */
  readonly migrate?: JobArgs;
  /** By name: runs by the clock, in the service's image. */
  readonly schedules?: Readonly<Record<string, ScheduleArgs>>;
  /**
   * Route with its metrics, for whoever observes: `http_requests_total` with `status`, and
   * `http_request_duration_seconds` as a histogram (PR-02). `false`: it has none, and alerts only on whether it runs.
   * @default "/metrics"
   */
  readonly metrics?: string | false;
  /**
   * Route that becomes a WebSocket, for a health check through the gateway. With metrics it is expected to show
   * `websocket_connections`. @default none @example "/ws/connect"
   */
  readonly webSocket?: string;
  /**
   * What the service is for, in numbers: shown first on its dashboard and on its system's (PR-03). With metrics
   * alone. @default none @example [{ title: "Orders", counter: "orders_placed_total" }]
   */
  readonly figures?: readonly Figure[];
  /**
   * How its lines are read where logs are kept: where level, session, user and request are. What it does not name is
   * found by the usual spellings, and a line that looks otherwise is kept as it is. @default lines of JSON, as pino
   * writes them @example { json: { level: "lvl", session_id: "ctx.session" } }
   * @example { text: "^(?P<time>\\S+) (?P<level>[A-Z]+) user=(?P<user>\\S+)", levels: { error: "bad" } }
   */
  readonly log?: LogFormat;
  /** Paths that a gateway never shows. @default ["/metrics"] */
  readonly internalPaths?: readonly string[];
  /** @default { uid: 10001, gid: 10001 } */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** Time for open requests to end. @default "20 s" */
  readonly stopGrace?: Duration;
  /** @default rolling() */
  readonly release?: Release;
}

/**
 * A stateless service of a team: an API, a bot, a worker.
 * Other components link to it with `as`, gateways by their routes.
 */
export class Service extends Provider {
  constructor(
    name: string,
    readonly args: ServiceArgs,
    placement: Placement,
  ) {
    super("Service", name, placement);
    this.system.addLinks(name, name, args.links ?? []);
    if (args.migrate) this.system.addLinks(name, this.migration, args.migrate.links ?? []);
    for (const [schedule, of] of Object.entries(args.schedules ?? {})) {
      this.system.addLinks(name, `${name}-${schedule}`, of.links ?? []);
    }
  }

  private get migration(): string {
    return `${this.name}-migrate`;
  }

  get internalPaths(): readonly string[] {
    return this.args.internalPaths ?? ["/metrics"];
  }

  override scheduleNames(): readonly string[] {
    return Object.keys(this.args.schedules ?? {}).map((schedule) => `${this.name}-${schedule}`);
  }

  /**
   * A link to this service.
   * @param options.env prefix of the variables `…_HOST`, `…_PORT`, `…_URL` @default the name
   * @param options.wait `false` where two services need each other: one of them starts without
   * @example orders.as("clients", { timeout: "2 s", retries: 1, breaker: { failures: 5, reset: "10 s" } })
   */
  as(
    consumer: string,
    { env, wait, ...resilience }: { env?: string; wait?: boolean } & Resilience = {},
  ): LinkRequest {
    return {
      provider: this,
      as: consumer,
      env: env ?? envName(this.name),
      label: "http",
      wait: wait ?? true,
      resilience,
    };
  }

  /** Links to services that may have been written later or link back: none waits for the other. */
  calls(...services: readonly Service[]): void {
    const requests = services.map((service) => service.as(this.name, { wait: false }));
    this.system.addLinks(this.name, this.name, requests);
  }

  override grant({ env, resilience }: LinkRequest): LinkGrant {
    const { port } = this.args;
    return {
      environment: {
        [`${env}_HOST`]: this.name,
        [`${env}_PORT`]: String(port),
        [`${env}_URL`]: `http://${this.name}:${port}`,
        ...resilienceEnvironment(env, resilience ?? {}),
      },
      secrets: [],
      ports: [port],
      startAfter: [this.name],
    };
  }

  override describe(to: Description): void {
    const { args } = this;
    to.component(this);
    checkResilience(to, this);
    to.reads(this, args.log ?? serviceLog);
    const secrets = this.describeSecrets(to);
    const consumed = to.consume(this.name);
    const version = args.version ?? imageTag(args.image);
    const base = this.container(to);
    const environment = { ...args.environment, SERVICE_NAME: this.name, SERVICE_VERSION: version };
    const migration = args.migrate && this.describeMigration(to, args.migrate, base);
    this.describeSchedules(to, base, migration);
    const workload: Workload = {
      name: this.name,
      component: this.name,
      ...base,
      ...(args.args === undefined ? {} : { args: args.args }),
      environment: {
        PORT: String(args.port),
        ...environment,
        ...secrets.environment,
        ...consumed.environment,
      },
      secrets: [...secrets.mounts, ...consumed.secrets],
      ports: [{ name: "http", port: args.port }],
      health: to.check(this, "health", () => health(args.health, args.port), NO_HEALTH),
      scale: {
        min: args.scale?.min ?? 1,
        max: args.scale?.max ?? args.scale?.min ?? 1,
        ...(args.scale?.cpu === undefined ? {} : { cpu: args.scale.cpu }),
        ...(args.scale?.memory === undefined ? {} : { memory: args.scale.memory }),
      },
      singleton: args.singleton ?? false,
      exposures: [],
      startAfter: [...consumed.startAfter, ...(migration ? [migration] : [])],
      release: args.release ?? rolling({ version }),
    };
    if (workload.singleton && workload.scale.max > 1) {
      to.problem(this, "scale", "a singleton cannot have more than one instance", "set max to 1");
    }
    to.workloads.push({ ...workload, release: { ...workload.release, version } });
    this.observe(to, workload);
  }

  private observe(to: Description, { name, scale, resources }: Workload): void {
    const { port, metrics = "/metrics", webSocket, figures = [] } = this.args;
    const facts = { workload: name, instances: scale.min, most: scale.max };
    const more = { metrics: metrics !== false, webSocket: webSocket !== undefined };
    checkOn(to, this, serviceChecks, { ...facts, ...more });
    if (!this.system.args.observed) return;
    if (metrics === false) {
      alertOn(to, this, unaskedServiceAlerts, facts);
      // What it prints is all that there is to show.
      if (this.system.args.logged) showOn(to, this, { ...serviceDashboard([]), rows: [] }, {});
      return;
    }
    to.scrape({ component: this.name, workload: name, port, path: metrics });
    alertOn(to, this, serviceAlerts, facts);
    showOn(to, this, serviceDashboard(figures), {
      ...facts,
      cpu: resources.cpu.limit,
      memory: resources.memory.limit,
      webSocket: webSocket !== undefined,
      // By itself, or by its pool.
      database: this.system
        .linksFrom(name)
        .some(({ request }) => request.provider.kind.startsWith("Postgres")),
      ...(this.system.args.logged ? { logged: this.system.name } : {}),
    });
  }

  private container(to: Description): Omit<Container, "environment" | "secrets"> {
    const { args } = this;
    return {
      image: args.image,
      files: [],
      volumes: [],
      scratch: [{ path: "/tmp", size: bytes("64 MiB") }],
      user: args.user ?? { uid: 10_001, gid: 10_001 },
      resources: resources(to, this, args.resources),
      stop: {
        grace: to.check(this, "stopGrace", () => seconds(args.stopGrace ?? "20 s"), 20),
      },
    };
  }

  private describeSecrets(to: Description): {
    mounts: SecretMount[];
    environment: Record<string, string>;
  } {
    const mounts: SecretMount[] = [];
    const environment: Record<string, string> = {};
    for (const [variable, source] of Object.entries(this.args.secrets ?? {})) {
      const file = variable.toLowerCase().replaceAll("_", "-");
      const name = `${this.name}-${file}`;
      to.secrets.push({ name, component: this.name, source });
      mounts.push({ secret: name, file });
      environment[`${variable}_FILE`] = `/run/secrets/${file}`;
    }
    return { mounts, environment };
  }

  private describeMigration(
    to: Description,
    migrate: JobArgs,
    base: Omit<Container, "environment" | "secrets">,
  ): string {
    const consumed = to.consume(this.migration);
    to.jobs.push({
      name: this.migration,
      component: this.name,
      purpose: "migrates the database",
      ...base,
      command: migrate.command,
      environment: { ...migrate.environment, ...consumed.environment },
      secrets: consumed.secrets,
      startAfter: consumed.startAfter,
      timeout: to.check(this, "migrate.timeout", () => seconds(migrate.timeout ?? "5 min"), 300),
    });
    return this.migration;
  }

  private describeSchedules(
    to: Description,
    base: Omit<Container, "environment" | "secrets">,
    migration: string | undefined,
  ): void {
    for (const [schedule, of] of Object.entries(this.args.schedules ?? {})) {
      const name = `${this.name}-${schedule}`;
      const consumed = to.consume(name);
      if (of.cron.trim().split(/\s+/).length !== 5) {
        to.problem(this, `schedules.${schedule}.cron`, "expected five cron fields, in UTC");
      }
      to.schedules.push({
        name,
        component: this.name,
        purpose: schedule,
        ...base,
        cron: of.cron,
        command: of.command,
        environment: { ...of.environment, ...consumed.environment },
        secrets: consumed.secrets,
        startAfter: [...consumed.startAfter, ...(migration ? [migration] : [])],
      });
    }
  }
}

const NO_HEALTH: Health = health({ live: "/", ready: "/" }, 1);

function health(args: HealthArgs, port: number): Health {
  const probe = (path: string): Probe => {
    if (!/^\/[\w\-./]*$/.test(path)) {
      throw new RangeError(`${JSON.stringify(path)} is no route: it starts with / and is plain`);
    }
    return { http: { path, port } };
  };
  return {
    ready: probe(args.ready),
    live: probe(args.live),
    interval: seconds(args.interval ?? "3 s"),
    timeout: seconds(args.timeout ?? "3 s"),
    retries: args.retries ?? 3,
    startPeriod: seconds(args.startPeriod ?? "60 s"),
  };
}

/** CPU and memory as the model has them; what cannot be read becomes a problem. */
export function resources(to: Description, of: Component, args: ResourceArgs): Resources {
  const size = (part: "reserve" | "limit"): number =>
    to.check(of, `resources.memory.${part}`, () => bytes(args.memory[part]), 1);
  return { cpu: args.cpu, memory: { reserve: size("reserve"), limit: size("limit") } };
}

/** The tag or digest of an image reference: what follows its name. */
export function imageTag(image: string): string {
  const digest = image.split("@")[1];
  if (digest !== undefined) return digest.slice(0, 19);
  const last = image.split("/").at(-1) ?? image;
  return last.includes(":") ? last.slice(last.indexOf(":") + 1) : "latest";
}
