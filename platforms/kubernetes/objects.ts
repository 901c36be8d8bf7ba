import type { Text } from "../../model/text";

/** A Kubernetes object as it is written in YAML. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    /** Absent for what belongs to the whole cluster. */
    readonly namespace?: string;
    readonly labels?: Labels;
    readonly annotations?: Labels;
  };
  readonly spec?: unknown;
}

export type Labels = Readonly<Record<string, string>>;

/**
 * An object with what its registration needs. Secret values never stand in a manifest, so that one may
 * be shown to anybody; two holes hold their place: a Secret's content, and a digest that rolls pods.
 */
export interface KubernetesObject {
  /** Identity in the system, for example `Deployment:api`. */
  readonly key: string;
  /** The component that it belongs to; absent for what belongs to the system. */
  readonly component?: string;
  readonly manifest: Manifest;
  /** Of a Secret: its content by key. */
  readonly content?: Readonly<Record<string, Text>>;
  /** Of what has pods: the secrets that they read. Another value is another annotation on them. */
  readonly rollsOn?: Text;
  /** Never deleted without a person's word. */
  readonly protect: boolean;
  /** Keys of what has to be well before. */
  readonly after: readonly string[];
  /** Seconds until it has to be well. @default what Pulumi takes */
  readonly timeout?: number;
}

/** Pods carry under this annotation a keyed digest of the secrets that they read. */
export const SECRETS_ANNOTATION = "atalaya.dev/secrets";

/** The one key of a Secret that holds one value. */
export const VALUE = "value";
