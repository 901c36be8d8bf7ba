import { basename } from "node:path";
import type {
  Container as KubeContainer,
  PodSpec,
  Probe as KubeProbe,
  Volume,
  VolumeProjection,
} from "kubernetes-types/core/v1";
import {
  type Container,
  type Health,
  ISSUED,
  type NodeAccess,
  type Probe,
  type SystemModel,
} from "../../model/system";
import { contentDigest } from "../../model/text";
import { type Manifest, SECRETS_ANNOTATION, VALUE } from "./objects";
import { cpu, size } from "./quantities";

/** Where pods find what they mount, and what all pods of a stack share. */
export interface PodContext {
  readonly model: SystemModel;
  readonly namespace: string;
  /** Name of the Secret with the registry's credentials, where there is one. */
  readonly pullSecret?: string;
  /** Whether all users of a volume have to be on the node that has it. */
  onOneNode(volume: string): boolean;
}

export interface PodOptions {
  readonly name: string;
  readonly restartPolicy: "Always" | "Never";
  readonly priorityClass: string;
  readonly ports?: KubeContainer["ports"];
  readonly health?: Health;
  /** Seconds for everybody to hear that the pod is leaving, before it is told to. @default 0 */
  readonly drain?: number;
  /** Other pods of the same kind: they are spread over nodes and zones. */
  readonly spread?: boolean;
  /** An observer's exemption: it has folders of its node, and runs on whichever node there is. */
  readonly node?: NodeAccess;
}

/** So many times what takes an instance out of traffic ends it. */
const LIVE_PATIENCE = 3;

/** Logs and nothing else are written to a node's disk. */
const DISK = { reserve: 32 * 2 ** 20, limit: 2 ** 30 };

/** Name of a ConfigMap: its content is part of it, so that an old pod that starts again finds its own. */
export function configMapName(model: SystemModel, file: string): string {
  const content = model.files.find((f) => f.name === file)?.content ?? "";
  return `${file}-${contentDigest(content)}`;
}

/** Label of the pods that share a volume: they have to be on one node (see `affinity`). */
export const volumeLabel = (volume: string): string => `atalaya.dev/volume-${volume}`;

/** A pod that Pod Security's `restricted` admits: nothing of it can be switched off from outside. */
export function podSpec(of: Container, options: PodOptions, context: PodContext): PodSpec {
  const drain = options.drain ?? 0;
  return {
    serviceAccountName: options.name,
    automountServiceAccountToken: false,
    // Variables such as DB_PORT=tcp://… would take the place of our own.
    enableServiceLinks: false,
    restartPolicy: options.restartPolicy,
    priorityClassName: options.priorityClass,
    terminationGracePeriodSeconds: of.stop.grace + drain,
    // The pause container then collects processes whose parents are gone.
    shareProcessNamespace: true,
    securityContext: {
      runAsNonRoot: !options.node?.root,
      runAsUser: of.user.uid,
      runAsGroup: of.user.gid,
      fsGroup: of.user.gid,
      // A database refuses a directory whose mode was changed under it.
      fsGroupChangePolicy: "OnRootMismatch",
      seccompProfile: { type: "RuntimeDefault" },
    },
    ...(context.pullSecret === undefined
      ? {}
      : { imagePullSecrets: [{ name: context.pullSecret }] }),
    ...affinity(of, options, context),
    ...(options.node === undefined ? {} : { tolerations: [{ operator: "Exists" }] }),
    containers: [container(of, options, drain)],
    volumes: [
      ...volumes(of, context.model),
      ...(options.node?.reads ?? []).map(({ host }, i) => ({
        name: `node-${i}`,
        hostPath: { path: host, type: "Directory" },
      })),
      ...(options.node?.keeps === undefined
        ? []
        : [
            {
              name: "node-keeps",
              hostPath: {
                path: `/var/lib/atalaya/${context.namespace}/${options.node.keeps.name}`,
                type: "DirectoryOrCreate",
              },
            },
          ]),
    ],
  };
}

function container(of: Container, options: PodOptions, drain: number): KubeContainer {
  const { resources } = of;
  const { health } = options;
  const environment = Object.entries(of.environment);
  return {
    name: options.name,
    image: of.image,
    imagePullPolicy: "IfNotPresent",
    ...(of.command === undefined ? {} : { command: of.command.map(literal) }),
    ...(of.args === undefined ? {} : { args: of.args.map(literal) }),
    ...(environment.length === 0
      ? {}
      : { env: environment.map(([name, value]) => ({ name, value: literal(value) })) }),
    ...(options.ports === undefined || options.ports.length === 0 ? {} : { ports: options.ports }),
    resources: {
      requests: {
        cpu: cpu(resources.cpu.reserve),
        memory: size(resources.memory.reserve),
        "ephemeral-storage": size(DISK.reserve),
      },
      limits: {
        cpu: cpu(resources.cpu.limit),
        memory: size(resources.memory.limit),
        "ephemeral-storage": size(DISK.limit),
      },
    },
    securityContext: {
      allowPrivilegeEscalation: false,
      privileged: false,
      readOnlyRootFilesystem: true,
      runAsNonRoot: !options.node?.root,
      capabilities: { drop: ["ALL"] },
    },
    ...(health === undefined ? {} : probes(health)),
    ...(drain === 0 ? {} : { lifecycle: { preStop: { sleep: { seconds: drain } } } }),
    // A failure tells its reason from its own last words.
    terminationMessagePolicy: "FallbackToLogsOnError",
    volumeMounts: [
      ...(secretSources(of).length === 0
        ? []
        : [{ name: "secrets", mountPath: "/run/secrets", readOnly: true }]),
      ...of.files.map(({ file, path }) => ({
        name: `file-${file}`,
        mountPath: path,
        subPath: basename(path),
        readOnly: true,
      })),
      ...of.volumes.map(({ volume, path }) => ({ name: `data-${volume}`, mountPath: path })),
      ...of.scratch.map(({ path }, i) => ({ name: `scratch-${i}`, mountPath: path })),
      ...(options.node?.reads ?? []).map(({ path }, i) => ({
        name: `node-${i}`,
        mountPath: path,
        readOnly: true,
      })),
      ...(options.node?.keeps === undefined
        ? []
        : [{ name: "node-keeps", mountPath: options.node.keeps.path }]),
    ],
  };
}

/** Kubernetes would put a variable's value in the place of `$(NAME)`. */
const literal = (text: string): string => text.replaceAll("$(", () => "$$(");

/** What stands under `/run/secrets`. */
function secretSources({ secrets, certificate }: Container): VolumeProjection[] {
  const issued = Object.values(ISSUED).map((file) => ({ key: file, path: file }));
  return [
    ...secrets.map(({ secret, file }) => ({
      secret: { name: secret, items: [{ key: VALUE, path: file }] },
    })),
    ...(certificate === undefined ? [] : [{ secret: { name: certificate, items: issued } }]),
  ];
}

function volumes(of: Container, model: SystemModel): Volume[] {
  const sources = secretSources(of);
  return [
    ...(sources.length === 0
      ? []
      : [
          {
            name: "secrets",
            // Readable by the group that the pod's files belong to: its own.
            projected: { defaultMode: 0o440, sources },
          },
        ]),
    ...of.files.map(({ file, path }) => ({
      name: `file-${file}`,
      configMap: {
        name: configMapName(model, file),
        defaultMode: 0o444,
        items: [{ key: file, path: basename(path) }],
      },
    })),
    ...of.volumes.map(({ volume }) => ({
      name: `data-${volume}`,
      persistentVolumeClaim: { claimName: volume },
    })),
    ...of.scratch.map(({ size: limit }, i) => ({
      name: `scratch-${i}`,
      emptyDir: { medium: "Memory", sizeLimit: size(limit) },
    })),
  ];
}

/**
 * Liveness alone decides a restart, so that a cache that goes away does not kill every API. It has more
 * patience than readiness: where one route serves both, an instance leaves traffic long before it is killed.
 */
function probes(
  health: Health,
): Pick<KubeContainer, "startupProbe" | "readinessProbe" | "livenessProbe"> {
  const period = Math.max(1, Math.ceil(health.interval));
  const timeoutSeconds = Math.max(1, Math.ceil(health.timeout));
  const probe = (of: Probe, failureThreshold: number): KubeProbe => ({
    ...action(of),
    periodSeconds: period,
    timeoutSeconds,
    failureThreshold,
  });
  return {
    startupProbe: probe(health.live, Math.max(1, Math.ceil(health.startPeriod / period))),
    readinessProbe: probe(health.ready, health.retries),
    livenessProbe: probe(health.live, health.retries * LIVE_PATIENCE),
  };
}

const action = (probe: Probe): KubeProbe =>
  "http" in probe
    ? { httpGet: { path: probe.http.path, port: probe.http.port } }
    : { exec: { command: [...probe.command] } };

/**
 * Instances go to different nodes and zones where they can. Pods that share a volume which one node
 * has go to that node: the label's own rule lets the first of them go anywhere.
 */
function affinity(
  of: Container,
  options: PodOptions,
  context: PodContext,
): Pick<PodSpec, "affinity" | "topologySpreadConstraints"> {
  const selector = { matchLabels: { "app.kubernetes.io/name": options.name } };
  // By the first one alone: the scheduler compares with pods that fit all terms, and none may have all volumes.
  const together = of.volumes
    .filter(({ volume }) => context.onOneNode(volume))
    .slice(0, 1)
    .map(({ volume }) => ({
      labelSelector: { matchLabels: { [volumeLabel(volume)]: "true" } },
      topologyKey: "kubernetes.io/hostname",
    }));
  if (together.length > 0) {
    return {
      affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: together } },
    };
  }
  if (!options.spread) return {};
  return {
    affinity: {
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          {
            weight: 100,
            podAffinityTerm: { labelSelector: selector, topologyKey: "kubernetes.io/hostname" },
          },
        ],
      },
    },
    topologySpreadConstraints: ["topology.kubernetes.io/zone", "kubernetes.io/hostname"].map(
      (topologyKey) => ({
        maxSkew: 1,
        topologyKey,
        whenUnsatisfiable: "ScheduleAnyway",
        labelSelector: selector,
        // Old and new pods of an update are counted apart.
        matchLabelKeys: ["pod-template-hash"],
      }),
    ),
  };
}

/**
 * The same object, whose pods carry a digest of the secrets that they read.
 * @param digest a text, or whatever stands for one that nobody knows yet: the rest of the object stays known
 */
export function withSecretsDigest<T = string>(manifest: Manifest, digest: T): Manifest {
  const copy = structuredClone(manifest) as Manifest & { spec: PodOwner };
  const owner = copy.spec.jobTemplate?.spec ?? copy.spec;
  owner.template!.metadata.annotations = {
    ...owner.template!.metadata.annotations,
    [SECRETS_ANNOTATION]: digest,
  };
  return copy;
}

interface PodOwner {
  readonly template?: { readonly metadata: { annotations?: Record<string, unknown> } };
  readonly jobTemplate?: { readonly spec: PodOwner };
}
