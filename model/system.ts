import type { Showing } from "./dashboard";
import type { HealthCheck } from "./health";
import type { Backup } from "./backup";
import type { Fact } from "./facts";
import type { LogFormat } from "./logs";
import type { Alert, Collection, EndpointProbe, Scrape, Way } from "./observability";
import type { Text } from "./text";

/**
 * The vocabulary: what a system is made of once its components have described themselves, in
 * neutral terms. All of it is plain data that can be written as JSON. Platforms lower it.
 */
export interface SystemModel {
  readonly name: string;
  readonly components: readonly ComponentModel[];
  readonly workloads: readonly Workload[];
  readonly jobs: readonly Job[];
  readonly schedules: readonly Schedule[];
  readonly secrets: readonly Secret[];
  readonly files: readonly ConfigFile[];
  readonly volumes: readonly Volume[];
  /** Those that the platform issues: empty where it does not (see `Surroundings`). */
  readonly certificates: readonly Certificate[];
  readonly links: readonly Link[];
  readonly externals: readonly ExternalHost[];
  readonly endpoints: readonly Endpoint[];
  /** How it is watched: empty where nobody does. */
  readonly scrapes: readonly Scrape[];
  readonly probes: readonly EndpointProbe[];
  readonly alerts: readonly Alert[];
  /** What its components show on dashboards. */
  readonly showings: readonly Showing[];
  /** How one finds out whether it is well; those that metrics answer only where somebody collects them. */
  readonly checks: readonly HealthCheck[];
  /** Who is backed up, and how: empty where nobody is. */
  readonly backups: readonly Backup[];
  /** To and from other systems of the stack. */
  readonly ways: readonly Way[];
  /** How its components' lines are read, each as it says of itself: empty where nobody keeps them. */
  readonly logFormats: readonly (LogFormat & { readonly component: string })[];
  /** What the stack hands to a Prometheus that is not its own; of the system that collects, where it has none. */
  readonly collection?: Collection;
  /** What its containers print is collected: each node's files say whose it is. */
  readonly logged?: true;
}

/** What a platform promises to whatever runs on it; a component may describe itself accordingly. */
export interface Surroundings {
  /**
   * How a gateway learns a client's address: from a PROXY protocol header (version 2) before each
   * connection, sent by the platform's own front, or from the connection itself.
   */
  readonly clientAddress: "proxy-protocol" | "connection";
  /** Names lead to ready instances alone; where not, whoever asks has to find out. */
  readonly readyInstancesOnly: boolean;
  /** It gets certificates that the public trusts, and renews them: a gateway runs no ACME client of its own. */
  readonly issuesCertificates?: true;
  /** Nodes are added and taken away by load, so that fewer of them are no fault. @default false */
  readonly nodesComeAndGo?: boolean;
  /** Where a node's own files say which container is whose, for who observes containers. */
  readonly containers: {
    /** Folder of the node. */
    readonly names: string;
    /** Group that may look into it, where not everybody may. */
    readonly group?: number;
  };
}

/**
 * Stands in a file for the addresses that the platform's front connects from, which are known only when the network
 * between it and its gateway has been made. A range that is nobody's (RFC 5737): where nothing fills it in, nobody is
 * trusted.
 */
export const FRONT_RANGE = "192.0.2.0/24";

/** How the platform's front before a gateway is called, where clients' addresses come by the PROXY protocol. */
export const frontName = (gateway: string): string => `${gateway}-front`;

/** Where people find the system. */
export interface Endpoint {
  readonly component: string;
  /** @example "https://gad.example.org" */
  readonly url: string;
}

export interface ComponentModel {
  readonly name: string;
  /** The class that the author wrote, for example `Postgres`. */
  readonly kind: string;
  /** Kinds that can take each other's place: all that was made for one of them stays. */
  readonly kin?: readonly string[];
}

/** Everything here belongs to one component: its name is the resource tree's. */
interface Owned {
  /** Unique in the system; a DNS label. */
  readonly name: string;
  readonly component: string;
}

/** What runs in a container, whichever way it is started. */
export interface Container {
  readonly image: string;
  /** Replaces the image's entry point. */
  readonly command?: readonly string[];
  /** Arguments of the entry point. */
  readonly args?: readonly string[];
  /** Plain values only: a secret is a path that ends in `_FILE`. */
  readonly environment: Readonly<Record<string, string>>;
  readonly secrets: readonly SecretMount[];
  /** Name of a certificate of the platform's, mounted as `ISSUED` says. */
  readonly certificate?: string;
  readonly files: readonly FileMount[];
  readonly volumes: readonly VolumeMount[];
  /** Writable memory; everything else of the root is read-only. */
  readonly scratch: readonly Scratch[];
  readonly user: User;
  readonly resources: Resources;
  readonly stop: Stop;
}

export interface User {
  /** Numeric, never 0 but where `NodeAccess` says so. */
  readonly uid: number;
  readonly gid: number;
}

export interface Resources {
  /** In cores; `reserve` counts for the scheduler, `limit` is enforced. */
  readonly cpu: { readonly reserve: number; readonly limit: number };
  /** In bytes. */
  readonly memory: { readonly reserve: number; readonly limit: number };
}

export interface Stop {
  /** Sent first. @default "SIGTERM" */
  readonly signal?: string;
  /** Seconds until the process is killed. */
  readonly grace: number;
}

/** A secret as a file under `/run/secrets`, readable by the container's own user alone. */
export interface SecretMount {
  readonly secret: string;
  /** File name under `/run/secrets`. */
  readonly file: string;
}

export interface FileMount {
  readonly file: string;
  /** Absolute path in the container. */
  readonly path: string;
}

export interface VolumeMount {
  readonly volume: string;
  readonly path: string;
}

export interface Scratch {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
}

/** How a workload is asked whether it is well. */
export type Probe =
  | { readonly http: { readonly path: string; readonly port: number } }
  | { readonly command: readonly string[] };

export interface Health {
  /** May it get work? */
  readonly ready: Probe;
  /** Does the process still run as it should? A failure restarts it. */
  readonly live: Probe;
  /** Seconds between two checks. */
  readonly interval: number;
  /** Seconds that one check may take. */
  readonly timeout: number;
  /** Failures in a row that count as one. */
  readonly retries: number;
  /** Seconds from the start during which failures do not count. */
  readonly startPeriod: number;
}

/** A long-running process, in one or more instances. */
export interface Workload extends Owned, Container {
  readonly ports: readonly Port[];
  readonly health: Health;
  readonly scale: Scale;
  /** Two instances must never run at once, as with a Telegram poller. */
  readonly singleton: boolean;
  /** Ports that the world may reach. Only gateways have any. */
  readonly exposures: readonly Exposure[];
  /** Names of the workloads and jobs that have to be well before this one starts or changes. */
  readonly startAfter: readonly string[];
  readonly release: Release;
  /** Rights on the node itself, for observers alone; the workload then runs once on every node. */
  readonly node?: NodeAccess;
  /** What it says of itself for policies (`model/facts.ts`). */
  readonly facts?: Readonly<Partial<Record<Fact, string>>>;
}

/** What an observer needs of a node and nothing else gets: an exemption, with its reason. */
export interface NodeAccess {
  /** Why, for whoever reviews exemptions. */
  readonly reason: string;
  /** The node's own folders, read-only, at paths in the container. */
  readonly reads: readonly { readonly host: string; readonly path: string }[];
  /** What it must not forget, on each node by itself: a folder that it may write to. */
  readonly keeps?: { readonly name: string; readonly path: string };
  /** It runs as root, without any capability: what it reads belongs to root and is nobody else's. @default false */
  readonly root?: true;
}

export interface Port {
  readonly name: string;
  readonly port: number;
}

export interface Scale {
  readonly min: number;
  /** Equal to `min` where nothing scales. */
  readonly max: number;
  /** Percent of the CPU reservation at which an instance is added. */
  readonly cpu?: number;
  /** Percent of the memory limit at which an instance is added. */
  readonly memory?: number;
}

/** A port open to the world, with the client's address kept (see `Surroundings`). */
export interface Exposure {
  /** The port that clients dial. */
  readonly public: number;
  /** The workload's port. */
  readonly port: number;
  /** Ranges of addresses that bring the connections of many clients, as a load balancer's. */
  readonly proxies: readonly string[];
}

/** How a new version replaces an old one. */
export interface Release {
  /** Blue/green and canary come with a later issue and take their place beside it. */
  readonly strategy: "rolling";
  /** What runs, by name: shown in labels and metrics, compared after a release. */
  readonly version: string;
  /** Seconds that a new instance is watched before the next one is replaced. */
  readonly monitor: number;
  /** Seconds until an update that has not converged counts as failed. */
  readonly timeout: number;
}

/** Runs once for each change of what it would do; a failure fails `up`. */
export interface Job extends Owned, Container {
  /** The whole command: an engine wraps it to learn how it ended. */
  readonly command: readonly string[];
  /** What it does, in words, for messages: "migrates the database". */
  readonly purpose: string;
  readonly startAfter: readonly string[];
  /** Seconds. */
  readonly timeout: number;
}

/** Runs again and again by the clock. The image has `supercronic` where the engine has no scheduler. */
export interface Schedule extends Owned, Container {
  readonly command: readonly string[];
  readonly purpose: string;
  /** Five fields, in UTC. */
  readonly cron: string;
  readonly startAfter: readonly string[];
}

/** Whatever runs in a container. */
export type Runnable = Workload | Job | Schedule;

/** Everything in a system that runs in a container. */
export const runnables = (
  model: Pick<SystemModel, "workloads" | "jobs" | "schedules">,
): readonly Runnable[] => [...model.workloads, ...model.jobs, ...model.schedules];

/** Something that only its consumers may read. */
export interface Secret extends Owned {
  readonly source: SecretSource;
}

export type SecretSource =
  | {
      readonly kind: "generated";
      /** Characters (letters and digits). */
      readonly length: number;
      /** It is inside protected data, so it outlives the stack with it. */
      readonly protect: boolean;
      /** A person may configure another value in its place, and take that back. @default false */
      readonly replaceable?: boolean;
    }
  | {
      readonly kind: "configured";
      /** Path of the value in the stack's configuration. */
      readonly key: string;
    }
  | {
      /** Put together from other secrets. */
      readonly kind: "derived";
      readonly content: Text;
    };

/** The platform gets it and renews it; whoever mounts it finds the next one in its place, without a restart. */
export interface Certificate extends Owned {
  readonly hosts: readonly string[];
}

/** Files under `/run/secrets` of a certificate that the platform issued, in PEM. */
export const ISSUED = { certificate: "tls.crt", key: "tls.key" } as const;

/** A file whose content is no secret. */
export interface ConfigFile extends Owned {
  readonly content: string;
  /** The content has `FRONT_RANGE`, in place of the addresses of the front before this workload. @default none */
  readonly frontOf?: string;
}

export interface Volume extends Owned {
  /** Bytes asked for; not every platform can enforce it. */
  readonly size: number;
  /** `exclusive`: one instance at a time may have it; `shared`: its users lock among themselves. */
  readonly access: "exclusive" | "shared";
  /** Data outlives the stack unless its owner says that it can be made again. */
  readonly protect: boolean;
}

/** The unit of least privilege: who may reach whom, on which ports, and as whom. */
export interface Link {
  /** A workload, job or schedule. */
  readonly consumer: string;
  /** A component that provides, or an external host. */
  readonly provider: string;
  /** Ports of the provider that the consumer needs. */
  readonly ports: readonly number[];
  /** The consumer's identity at the provider, where there is one: a role, an ACL user. */
  readonly as?: string;
  /** For diagrams and runbooks, for example `read, write`. */
  readonly label?: string;
}

/** A host outside that a link may lead to. */
export interface ExternalHost {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

/**
 * What may overlap, overlaps; what may not, stops first (`design.md`, decision 1). A workload with
 * an exclusive volume or marked `singleton` is replaced stop-first.
 */
export function mayOverlap(workload: Workload, volumes: readonly Volume[]): boolean {
  return !workload.singleton && !keepsData(workload, volumes);
}

/** Whether a workload has a volume for itself. */
export function keepsData(workload: Workload, volumes: readonly Volume[]): boolean {
  return workload.volumes.some(
    (mount) => volumes.find((v) => v.name === mount.volume)?.access !== "shared",
  );
}

/** Whether the number of a workload's instances follows what they use, measured by what each reserves. */
export const scales = ({ scale }: Pick<Workload, "scale">): boolean => scale.max > scale.min;

/** Whether somebody reads metrics of a system, or asks it something. */
export const isObserved = ({ scrapes, probes }: SystemModel): boolean =>
  scrapes.length + probes.length > 0;

/** Whether somebody looks for a workload's instances, to read their metrics or to ask them something. */
export const isWatched = ({ scrapes, probes }: SystemModel, workload: string): boolean =>
  [...scrapes, ...probes].some((watched) => watched.workload === workload);

/** Secrets that some container reads. What only stands in the text of others is nowhere by itself. */
export function secretsRead(model: SystemModel): readonly Secret[] {
  const read = new Set(runnables(model).flatMap((of) => of.secrets.map(({ secret }) => secret)));
  return model.secrets.filter(({ name }) => read.has(name));
}

/** The text of a secret: its own value, or what is put together from others. */
export const secretContent = (secret: Secret): Text =>
  secret.source.kind === "derived" ? secret.source.content : [{ secret: secret.name }];
