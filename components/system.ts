import type { Showing } from "../model/dashboard";
import type { HealthCheck } from "../model/health";
import type { Backup, BackupsArgs } from "../model/backup";
import { type LogFormat, logFormatProblems } from "../model/logs";
import { checkName } from "../model/names";
import {
  type Alert,
  type Collection,
  type EndpointProbe,
  OBSERVER,
  type Scrape,
  type Way,
} from "../model/observability";
import { type Problem, throwIfAny } from "../model/problems";
import type {
  Certificate,
  ComponentModel,
  ConfigFile,
  Endpoint,
  ExternalHost,
  Job,
  Link,
  Schedule,
  Secret,
  SecretMount,
  Surroundings,
  SystemModel,
  Volume,
  Workload,
} from "../model/system";
import { type OwnedImages, systemProblems } from "./checks";
import { alertsOfChecks, checksOfWorkloads } from "./health";
import { alertsOfLogs } from "./log-alerts";
import type { Resilience } from "./resilience";

/** What every component of a system may take from its surroundings. */
export interface SystemArgs {
  /** References of the images that Atalaya owns, for the engine to run. */
  readonly images: OwnedImages;
  /** What the platform promises: `surroundings` of the platform that the system is lowered by. */
  readonly surroundings: Surroundings;
  /**
   * Somebody collects metrics and alerts: components then add their exporters and say how they are
   * watched. @default false
   */
  readonly observed?: boolean;
  /** That somebody is not of the stack: the cluster's own, which collects from others as well. @default false */
  readonly handedOver?: boolean;
  /** Somebody keeps what containers print. @default false */
  readonly logged?: boolean;
  /** How its data is backed up. @default not at all */
  readonly backups?: BackupsArgs;
}

/** Where a component belongs: the last argument of every component, as in `in_(system)`. */
export interface Placement {
  readonly system: System;
}

/** Places a component in a system. */
export const in_ = (system: System): Placement => ({ system });

/** A consumer's wish for a link, made by the provider: `db.as("api", { grants: ["read"] })`. */
export interface LinkRequest {
  readonly provider: Provider;
  /** The consumer's identity at the provider. Unique there. */
  readonly as: string;
  /** Prefix of the environment variables that the consumer gets. */
  readonly env: string;
  readonly label?: string;
  /** The consumer starts only when the provider is well. @default true */
  readonly wait?: boolean;
  /** How the consumer bears the provider's trouble; for providers that are asked over HTTP. */
  readonly resilience?: Resilience;
  /** What the provider needs to know besides; only the provider that made it reads it. */
  readonly options?: unknown;
}

/** A link between two parts that are both known. */
export interface ResolvedLink {
  readonly request: LinkRequest;
  /** Name of the consuming workload, job or schedule. */
  readonly consumer: string;
  /** The component that the consumer belongs to. */
  readonly component: string;
}

/** What a link gives to its consumer. */
export interface LinkGrant {
  readonly environment: Readonly<Record<string, string>>;
  readonly secrets: readonly SecretMount[];
  /** Ports of the provider that have to be reachable. */
  readonly ports: readonly number[];
  /** What has to be well before the consumer starts. */
  readonly startAfter: readonly string[];
}

/**
 * A system is a few typed components and the links between them. Nothing is created by it:
 * components describe themselves when `describe` is called, so that a link may name a provider
 * that was written before it and a provider knows all its consumers.
 *
 * @example
 * const system = new System("shop", { images, surroundings });
 * const db = new Postgres("db", { version: 15, storage: "20 GiB" }, in_(system));
 * new Service("api", { image, port: 8000, links: [db.as("api", { grants: ["read"] })] }, in_(system));
 */
export class System {
  private readonly components: Component[] = [];
  private readonly links: ResolvedLink[] = [];

  constructor(
    readonly name: string,
    readonly args: SystemArgs,
  ) {}

  /** Called by a component's constructor. */
  add(component: Component): void {
    this.components.push(component);
  }

  /** Called by a consumer's constructor, so that providers see every link when they describe. */
  addLinks(component: string, consumer: string, requests: readonly LinkRequest[]): void {
    for (const request of requests) this.links.push({ request, consumer, component });
  }

  has(component: string): boolean {
    return this.components.some(({ name }) => name === component);
  }

  linksTo(provider: Provider): ResolvedLink[] {
    return this.links.filter((link) => link.request.provider === provider);
  }

  /** Whether a consumer runs by the clock: nothing can wait for it. */
  isSchedule(consumer: string): boolean {
    return this.components.some((c) => c.scheduleNames().includes(consumer));
  }

  linksFrom(consumer: string): ResolvedLink[] {
    return this.links.filter((link) => link.consumer === consumer);
  }

  /**
   * The whole system as plain data.
   * @throws ProblemsError with everything that is wrong with it
   */
  describe(): SystemModel {
    const description = new Description(this);
    description.problems.push(...checkName(this.name, this.name));
    for (const component of this.components) {
      description.problems.push(...checkName(`${this.name}.${component.name}`, component.name));
      if (this.components.some((other) => other !== component && other.name === component.name)) {
        description.problem(component, "name", "another component has the same name");
      }
    }
    for (const link of this.links) {
      if (!this.components.includes(link.request.provider)) {
        description.problems.push({
          path: `${this.name}.${link.consumer}.links`,
          message: `the provider "${link.request.provider.name}" belongs to another system`,
          fix: "link to a component of the same system, or describe the other as an External",
        });
      }
    }
    for (const component of this.components) component.describe(description);
    for (const component of this.components) component.conclude?.(description);
    const model = description.model();
    throwIfAny(`system ${this.name}`, [...description.problems, ...systemProblems(model)]);
    return model;
  }
}

/** Collects what components say of themselves. */
export class Description {
  readonly workloads: Workload[] = [];
  readonly jobs: Job[] = [];
  readonly schedules: Schedule[] = [];
  readonly secrets: Secret[] = [];
  readonly files: ConfigFile[] = [];
  readonly volumes: Volume[] = [];
  readonly certificates: Certificate[] = [];
  readonly externals: ExternalHost[] = [];
  readonly endpoints: Endpoint[] = [];
  readonly scrapes: Scrape[] = [];
  readonly probes: EndpointProbe[] = [];
  readonly alerts: Alert[] = [];
  readonly showings: Showing[] = [];
  /** Beside those that every workload has. */
  readonly checks: HealthCheck[] = [];
  readonly backups: Backup[] = [];
  readonly logFormats: SystemModel["logFormats"][number][] = [];
  readonly problems: Problem[] = [];
  /** For a Prometheus that is not the stack's. */
  collection: Collection | undefined;
  private readonly described: ComponentModel[] = [];
  private readonly links: Link[] = [];
  private readonly ways: Way[] = [];

  constructor(readonly system: System) {}

  component(component: Component): void {
    const { name, kind, kin } = component;
    this.described.push({ name, kind, ...(kin.length === 0 ? {} : { kin }) });
  }

  /** Reports what is wrong with a component, at a property path below it. */
  problem(component: Component, property: string, message: string, fix?: string): void {
    this.problems.push({
      path: `${this.system.name}.${component.name}.${property}`,
      message,
      ...(fix === undefined ? {} : { fix }),
    });
  }

  /** Runs a check that throws RangeError, and turns the error into a problem. */
  check<T>(component: Component, property: string, compute: () => T, otherwise: T): T {
    try {
      return compute();
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.problem(component, property, error.message);
      return otherwise;
    }
  }

  /** How a component's lines are read, for whoever keeps them. @param property where its author says it */
  reads(component: Component, format: LogFormat, property = "log"): void {
    const path = `${this.system.name}.${component.name}.${property}`;
    const problems = logFormatProblems(path, format);
    this.problems.push(...problems);
    if (!this.system.args.logged || problems.length > 0) return;
    this.logFormats.push({ component: component.name, ...format });
  }

  /** Everything that a consumer gets through its links, and the paths that they open. */
  consume(consumer: string): LinkGrant {
    const environment: Record<string, string> = {};
    const secrets: SecretMount[] = [];
    const startAfter = new Set<string>();
    for (const { request } of this.system.linksFrom(consumer)) {
      const grant = request.provider.grant(request);
      for (const [key, value] of Object.entries(grant.environment)) {
        if (key in environment) {
          this.problems.push({
            path: `${this.system.name}.${consumer}.links`,
            message: `two links give the variable ${key}`,
            fix: `name one of them apart: as("${request.as}", { env: "OTHER" })`,
          });
        }
        environment[key] = value;
      }
      secrets.push(...grant.secrets);
      if (request.wait !== false) grant.startAfter.forEach((name) => startAfter.add(name));
      this.path(consumer, request.provider.name, grant.ports, request);
    }
    return { environment, secrets, ports: [], startAfter: [...startAfter] };
  }

  /** Opens a network path. */
  path(
    consumer: string,
    provider: string,
    ports: readonly number[],
    about: { as?: string; label?: string } = {},
  ): void {
    this.links.push({
      consumer,
      provider,
      ports,
      ...(about.as === undefined ? {} : { as: about.as }),
      ...(about.label === undefined ? {} : { label: about.label }),
    });
  }

  /** Metrics that whoever observes may read: scraping is a link. */
  scrape(scrape: Scrape): void {
    this.scrapes.push(scrape);
    this.letIn(OBSERVER.metrics, scrape);
  }

  /** A question that whoever observes may ask. */
  probe(probe: EndpointProbe): void {
    this.probes.push(probe);
    this.letIn(OBSERVER.probes, probe);
    // It looks up whom to ask, and has to be where the name is known.
    this.letIn(OBSERVER.metrics, { ...probe, port: undefined });
  }

  /** Opens a way from the observer to the component whose workload answers. */
  private letIn(
    observer: string,
    at: { component: string; workload: string; port: number | undefined; front?: true },
  ): void {
    const component = at.front
      ? at.component
      : (this.workloads.find((w) => w.name === at.workload)?.component ?? at.workload);
    const ports = at.port === undefined ? [] : [at.port];
    // Where the stack has no Prometheus of its own, whoever takes its place is nobody's component.
    if (this.system.name === OBSERVER.system && this.system.has(observer)) {
      if (observer !== at.workload) this.path(observer, component, ports, { label: "metrics" });
      return;
    }
    this.way({
      from: { system: OBSERVER.system, workload: observer },
      to: { system: this.system.name, component, ...(at.front ? { front: at.front } : {}) },
      ports,
    });
  }

  /** A way to or from another system of the stack; one for both ends, whatever it is opened for. */
  way(way: Way): void {
    const same = this.ways.findIndex(
      ({ from, to }) =>
        from.system === way.from.system &&
        from.workload === way.from.workload &&
        to.system === way.to.system &&
        to.component === way.to.component &&
        to.front === way.to.front,
    );
    const ports = [...new Set([...(this.ways[same]?.ports ?? []), ...way.ports])];
    if (same === -1) this.ways.push(way);
    else this.ways[same] = { ...way, ports };
  }

  model(): SystemModel {
    return {
      name: this.system.name,
      components: this.described,
      workloads: this.workloads,
      jobs: this.jobs,
      schedules: this.schedules,
      secrets: this.secrets,
      files: this.files,
      volumes: this.volumes,
      certificates: this.certificates,
      links: this.links,
      externals: this.externals,
      endpoints: this.endpoints,
      scrapes: this.scrapes,
      probes: this.probes,
      alerts: [...this.alerts, ...alertsOfLogs(this), ...alertsOfChecks(this)],
      showings: this.showings,
      checks: [...checksOfWorkloads(this.workloads), ...this.checks],
      backups: this.backups,
      logFormats: this.logFormats,
      ways: this.ways,
      ...(this.collection === undefined ? {} : { collection: this.collection }),
      ...(this.system.args.logged ? { logged: true } : {}),
    };
  }
}

/** Part of a system. It brings all of itself: workloads, jobs, secrets, files, volumes. */
export abstract class Component {
  readonly system: System;

  /** Kinds that can take each other's place under one name. */
  readonly kin: readonly string[] = [];

  constructor(
    readonly kind: string,
    readonly name: string,
    placement: Placement,
  ) {
    this.system = placement.system;
    this.system.add(this);
  }

  /** Names of what it runs by the clock. */
  scheduleNames(): readonly string[] {
    return [];
  }

  /** Adds plain descriptions. Called once, when the system is complete. */
  abstract describe(to: Description): void;

  /** Adds what follows from all that was described, by those that came after it as well. Called once, at the end. */
  conclude?(to: Description): void;
}

/** A component that others may link to. */
export abstract class Provider extends Component {
  /** What a consumer of a link gets; pure. */
  abstract grant(link: LinkRequest): LinkGrant;
}

/** `my-cache` → `MY_CACHE`. */
export const envName = (name: string): string => name.toUpperCase().replaceAll("-", "_");
