import type { Text } from "../../model/text";

/**
 * Swarm's objects as plain data. Holes stand where a value is known only when it is registered: a secret's text, a
 * network's addresses, a name that follows from one of these, and another object's id or name.
 */
export type SwarmObject = SwarmNetwork | SwarmVolume | SwarmSecret | SwarmConfig | SwarmService;

interface Common {
  /** Identity in the system, for example `service:api`. */
  readonly key: string;
  /** The component that it belongs to. */
  readonly component: string;
}

/** The id or name of another object. */
export interface Reference {
  readonly ref: string;
  readonly attribute: "id" | "name";
  /** System that the object belongs to, where it is another one of the stack. */
  readonly system?: string;
}

/** A name that ends in the id of a version: another one for each new value of a text with secrets. */
export interface VersionName {
  readonly base: string;
  readonly content: Text;
}

/** A name that ends in a digest of a content that is no secret. */
export interface ContentName {
  readonly base: string;
}

export type Labels = Readonly<Record<string, string>>;

export interface SwarmNetwork extends Common {
  readonly type: "network";
  readonly name: string;
  /** No way out of it. */
  readonly internal: boolean;
  /** Traffic between nodes is encrypted. One that was made otherwise stays as it is. @default false */
  readonly encrypted?: boolean;
  readonly labels: Labels;
}

export interface SwarmVolume extends Common {
  readonly type: "volume";
  readonly name: string;
  readonly labels: Labels;
  readonly protect: boolean;
}

export interface SwarmSecret extends Common {
  readonly type: "secret";
  readonly name: VersionName;
  readonly data: Text;
  readonly labels: Labels;
}

export interface SwarmConfig extends Common {
  readonly type: "config";
  /** Ends in a digest of what is in it, which is added when that is known. */
  readonly name: string | ContentName;
  readonly data: string;
  /** A text in `data` that stands for the addresses of a network: the engine chooses them. */
  readonly subnet?: { readonly of: string; readonly instead: string };
  readonly labels: Labels;
}

export interface SwarmService extends Common {
  readonly type: "service";
  readonly name: string | VersionName;
  readonly labels: Labels;
  readonly container: SwarmContainer;
  readonly replicas: number | "one a node";
  readonly networks: readonly {
    readonly network: Reference;
    readonly aliases: readonly string[];
  }[];
  readonly resources: {
    readonly limits: { readonly memoryBytes: number; readonly nanoCpus: number };
    readonly reservation: { readonly memoryBytes: number; readonly nanoCpus: number };
  };
  /**
   * What runs, by name: a label of the service. Its containers have none: the provider would make the
   * whole service anew for another label of theirs.
   */
  readonly version?: string;
  readonly restart: { readonly condition: "any" | "none"; readonly delay: string };
  readonly placement: readonly string[];
  /** Host-mode ports: they keep the client's address; the routing mesh does not. */
  readonly ports: readonly { readonly published: number; readonly target: number }[];
  readonly update: {
    readonly order: "start-first" | "stop-first";
    readonly monitor: string;
  };
  /** Time until the service has to be well, as Go writes it. */
  readonly converge: { readonly delay: string; readonly timeout: string };
  /** Its log files say whose they are. @default only rotated */
  readonly logged?: true;
  /** Keys of what has to be registered before. */
  readonly after: readonly string[];
}

export interface SwarmContainer {
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Which container is whose, in the engine's file that others than root may read too: the tag of what it logs. */
  readonly tag?: string;
  /** `uid:gid` */
  readonly user: string;
  readonly secrets: readonly {
    readonly id: Reference;
    readonly name: Reference;
    readonly file: string;
    readonly uid: string;
    readonly gid: string;
  }[];
  readonly configs: readonly {
    readonly id: Reference;
    readonly name: Reference;
    readonly path: string;
  }[];
  readonly volumes: readonly { readonly source: Reference; readonly target: string }[];
  /** The node's own folders, read-only: an observer's exemption. */
  readonly nodeFolders?: readonly { readonly source: string; readonly target: string }[];
  readonly tmpfs: readonly { readonly target: string; readonly sizeBytes: number }[];
  readonly health?: {
    readonly test: readonly string[];
    readonly interval: string;
    readonly timeout: string;
    readonly retries: number;
    readonly startPeriod: string;
  };
  readonly stopSignal?: string;
  readonly stopGrace: string;
}
