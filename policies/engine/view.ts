import type { Field, Placed } from "./field";
import type { Subject } from "./subject";

/**
 * What runs in containers, in the same words for every engine: a rule that holds for all of them is
 * written once. A property that an engine cannot express at all is absent there; one that it could
 * have and has not is a `Placed` without a value, whose path says where it belongs.
 */
export interface Pod {
  readonly subject: Subject;
  /** Of Kubernetes its pod spec, of Docker the resource itself. */
  readonly field: Field;
  /** Its pods' own labels and annotations. */
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** `service`: runs for ever; `job`: ends; `agent`: one on each node. */
  readonly runs: "service" | "job" | "agent";
  /** Nothing looks after it when it ends. */
  readonly bare: boolean;
  readonly replicas?: Placed<number>;
  readonly containers: readonly Container[];

  readonly hostNetwork: Placed<boolean>;
  readonly hostPid?: Placed<boolean>;
  readonly hostIpc?: Placed<boolean>;
  readonly sysctls: readonly Placed<string>[];
  /** Seconds between the polite signal and the end. */
  readonly grace: Placed<number>;
}

export interface Container {
  readonly pod: Pod;
  readonly name: string;
  readonly role: "main" | "init" | "sidecar" | "ephemeral";
  readonly field: Field;

  readonly image: Placed<string>;
  readonly pullPolicy?: Placed<string>;
  readonly environment: readonly Variable[];
  /** Commands, arguments, checks: everything that is run. */
  readonly words: readonly Placed<string>[];
  /** Headers that its checks and hooks send by HTTP. */
  readonly headers?: readonly Variable[];

  readonly limits: Amounts;
  readonly requests: Amounts;

  /** Numeric, or a name that only the image knows. */
  readonly user: Placed<number | string>;
  readonly group?: Placed<number | string>;
  readonly nonRoot?: Placed<boolean>;
  readonly readOnlyRoot: Placed<boolean>;
  readonly privileged?: Placed<boolean>;
  /** Whether a process may get more rights than its parent. */
  readonly escalation?: Placed<boolean>;
  readonly added: Placed<readonly string[]>;
  readonly dropped: Placed<readonly string[]>;
  /** `RuntimeDefault`, `Unconfined`, or a profile of its own. */
  readonly seccomp?: Placed<string>;
  readonly apparmor?: Placed<string>;
  readonly procMount?: Placed<string>;
  readonly selinux?: Field;

  readonly ports: readonly Port[];
  readonly mounts: readonly Mount[];
  readonly probes: Probes;
}

/** In cores and bytes. What an engine has no field for is absent. */
export interface Amounts {
  readonly cpu: Placed<number>;
  readonly memory: Placed<number>;
  readonly disk?: Placed<number>;
}

/** A variable of the environment. */
export interface Variable {
  readonly name: string;
  /** Where its literal value stands, or would. */
  readonly at: Placed<string>;
  /** The engine's secret that its value is taken from. */
  readonly secret?: string;
}

export interface Port {
  readonly field: Field;
  readonly name?: string;
  /** In the container. */
  readonly target: Placed<number>;
  /** On the machine, where it is open to others. */
  readonly published: Placed<number>;
  /** Address that it is published on; absent means every one. */
  readonly address?: string;
}

export interface Mount {
  readonly field: Field;
  readonly from: "host" | "volume" | "memory" | "secret" | "config" | "image" | "other";
  /** On the machine, or the name of a volume. */
  readonly source?: string;
  readonly target?: string;
  readonly readOnly: boolean;
}

export interface Probes {
  readonly live: Field;
  /** Absent where the engine has one check for all. */
  readonly ready?: Field;
  readonly start?: Field;
}
