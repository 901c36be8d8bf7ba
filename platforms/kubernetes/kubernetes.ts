import { isIP } from "node:net";
import type { DaemonSet, Deployment, StatefulSet } from "kubernetes-types/apps/v1";
import type { CronJob, Job as KubeJob } from "kubernetes-types/batch/v1";
import type { PodTemplateSpec, Service as KubeService } from "kubernetes-types/core/v1";
import type { NetworkPolicyPeer } from "kubernetes-types/networking/v1";
import { type Problem, throwIfAny } from "../../model/problems";
import {
  type Container,
  type Job,
  isWatched,
  keepsData,
  mayOverlap,
  type Runnable,
  runnables,
  scales,
  type Schedule,
  secretContent,
  secretsRead,
  type SystemModel,
  type Workload,
} from "../../model/system";
import { OBSERVER, type Way } from "../../model/observability";
import { factLabels } from "../../model/facts";
import { contentDigest, jsonText, type Text } from "../../model/text";
import { MAX_NAME, type NameLength, nameProblems } from "../names";
import { unsupported } from "../notices";
import type { Capabilities, Lowered, Platform, Site } from "../platform";
import { CERT_MANAGER, type CertManager, certificateSpec } from "./certificates";
import {
  INSTANCES_OF,
  type PrometheusOperator,
  prometheusRules,
  serviceMonitors,
} from "./monitors";
import { CLOSED, inNamespace, openings, type Rules } from "./network";
import { type KubernetesObject, type Labels, type Manifest, VALUE } from "./objects";
import { configMapName, type PodContext, type PodOptions, podSpec, volumeLabel } from "./pods";
import { size } from "./quantities";
import { limitRange, quota } from "./quota";
import { horizontal, vertical } from "./scaling";

const CAPABILITIES: Capabilities = {
  autoscaling: true,
  portIsolation: true,
  egressByHost: false,
  volumeSize: true,
  disruptionBudget: true,
  separateProbes: true,
};

/** Seconds for routers to hear that a pod is leaving, before it is told to. */
const DRAIN = 5;

/** Seconds that a node may take to pull an image before a new pod counts as failed. */
const PULL = 120;

/** Seconds beyond an engine's own time limit until `up` stops waiting. */
const PATIENCE = 30;

/**
 * Seconds that a run of a schedule may take: while one hangs, no other begins. The longest are full backups and drills of
 * large stores. A restore from one repository may take six hours, and these see to two, one after the other. Twelve are
 * over, too, before a day without a backup is critical.
 */
const RUN = 12 * 3_600;

/** Seconds that an issuer may take: a record in DNS is seen everywhere only after minutes. */
const ISSUANCE = 600;

/** Name of the value that is the registry's password: not one of the system's secrets. */
export const REGISTRY_PASSWORD = "registry-password";

const PULL_SECRET = "registry";

/** What the ceiling counts is refused until the cluster has raised it, or has begun to count. */
const COUNTED: readonly string[] = ["ResourceQuota:ceiling"];

export interface KubernetesSite extends Site {
  /** Registry that asks for credentials; the cluster gets them as a pull secret. */
  readonly registry?: { readonly server: string; readonly username: string };
  /** Class of volumes. @default the cluster's own default class */
  readonly storageClass?: string;
  /** Class whose volumes several nodes can mount at once. @default none: users of one volume share a node */
  readonly sharedStorageClass?: string;
  readonly entrance: {
    readonly type: "load-balancer" | "node-port";
    /** As the cloud's load balancer wants them. */
    readonly annotations?: Labels;
  };
  /** The cluster has the VerticalPodAutoscaler's CRD and controllers. */
  readonly verticalAutoscaler: boolean;
  /** The cluster's, to which what is collected is handed. @default none */
  readonly prometheusOperator?: PrometheusOperator;
  /** The cluster's, which issues gateways' certificates. @default none: each gateway asks for its own */
  readonly certManager?: CertManager;
}

/** Kubernetes: staging, production, many nodes. */
export const kubernetes: Platform<KubernetesObject, KubernetesSite> = {
  name: "kubernetes",
  capabilities: CAPABILITIES,
  surroundings: {
    clientAddress: "connection",
    readyInstancesOnly: true,
    // Names of files say enough: no token, no way to the API or to the kubelet.
    containers: { names: "/var/log/containers" },
    nodesComeAndGo: true,
  },
  instances: (stack, system, workload) =>
    `${instancesOf(workload)}.${namespaceOf(stack, system)}.svc`,
  containers: (stack, system, workload) => `${namespaceOf(stack, system)}/${workload}`,
  logFiles: (stack) => ({
    format: "cri",
    folder: "/var/log/pods",
    namespace: (system) => namespaceOf(stack, system),
  }),
  lower(model: SystemModel, site: KubernetesSite): Lowered<KubernetesObject> {
    const lowering = new Lowering(model, site);
    const objects = lowering.objects();
    throwIfAny(`system ${model.name} on kubernetes`, nameProblems(objects.map(nameLength)));
    // An address is limited to itself, a name is not.
    const externals = model.externals.filter(({ host }) => isIP(host) === 0);
    return {
      objects,
      notices: [
        ...unsupported({ ...model, externals }, "kubernetes", CAPABILITIES),
        ...lowering.notices(),
      ],
    };
  },
};

/** The namespace of a system. */
export const namespaceOf = (stack: string, system: string): string => `${stack}-${system}`;

/** The headless Service beside a workload's own: its addresses are the pods', ready or not. */
const instancesOf = (workload: string): string => `${workload}-instances`;

/** Of an object: what is its own, beside its kind and its name. */
interface ObjectArgs extends Partial<Omit<KubernetesObject, "key" | "manifest">> {
  /** Its manifest below `metadata`. */
  readonly body?: object;
  readonly annotations?: Labels;
  /** Beside those that every object has. */
  readonly labels?: Labels;
  /** @default the system's own */
  readonly namespace?: string;
  /** Name in its key. @default the object's own */
  readonly as?: string;
}

class Lowering {
  private readonly namespace: string;
  private readonly pods: PodContext;
  /** By the runnable's name. */
  private readonly openings: ReadonlyMap<string, Rules>;

  constructor(
    private readonly model: SystemModel,
    private readonly site: KubernetesSite,
  ) {
    this.namespace = namespaceOf(site.stack, model.name);
    this.openings = new Map(
      runnables(model).flatMap(({ name }) => {
        const spec = openings(
          model,
          name,
          (system) => namespaceOf(site.stack, system),
          (from) => this.itsPrometheus(from),
        );
        return spec === undefined ? [] : [[name, spec] as const];
      }),
    );
    this.pods = {
      model,
      namespace: this.namespace,
      ...(site.registry === undefined ? {} : { pullSecret: PULL_SECRET }),
      onOneNode: (volume) => this.onOneNode(volume),
    };
  }

  objects(): KubernetesObject[] {
    const { model } = this;
    return [
      ...this.surroundings(),
      ...model.volumes.map(({ name, component, size: bytes, access, protect }) =>
        this.object("v1", "PersistentVolumeClaim", name, {
          component,
          body: {
            spec: {
              accessModes: [this.onOneNode(name) ? "ReadWriteOnce" : "ReadWriteMany"],
              ...this.storageClass(access),
              resources: { requests: { storage: size(bytes) } },
            },
          },
          protect,
          after: COUNTED,
        }),
      ),
      ...secretsRead(model).map((secret) =>
        this.object("v1", "Secret", secret.name, {
          component: secret.component,
          body: { type: "Opaque" },
          content: { [VALUE]: secretContent(secret) },
        }),
      ),
      ...this.certificates(),
      ...model.files.map(({ name, component, content }) =>
        this.object("v1", "ConfigMap", configMapName(model, name), {
          component,
          body: { immutable: true, data: { [name]: content } },
          as: name,
        }),
      ),
      ...runnables(model).map(({ name, component }) =>
        this.object("v1", "ServiceAccount", name, {
          component,
          body: { automountServiceAccountToken: false },
        }),
      ),
      ...runnables(model).flatMap(({ name, component }) => {
        const spec = this.openings.get(name);
        return spec === undefined ? [] : [this.policy(name, spec, component)];
      }),
      ...model.jobs.map((job) => this.job(job)),
      ...model.workloads.flatMap((workload) => this.workload(workload)),
      ...model.schedules.map((schedule) => this.schedule(schedule)),
      ...this.handedOver(),
    ];
  }

  /** No pod starts without its Secret: `up` waits for the Certificate itself, and says so. */
  private certificates(): KubernetesObject[] {
    const { certManager } = this.site;
    if (certManager === undefined) return [];
    return this.model.certificates.map((certificate) =>
      this.object(`${CERT_MANAGER}/v1`, "Certificate", certificate.name, {
        component: certificate.component,
        body: { spec: certificateSpec(certificate, certManager) },
        annotations: { "pulumi.com/waitFor": "condition=Ready" },
        timeout: ISSUANCE,
      }),
    );
  }

  /** Each beside what it is of: an operator may be told to look at single namespaces. */
  private handedOver(): KubernetesObject[] {
    const { collection } = this.model;
    const { stack, prometheusOperator: operator } = this.site;
    if (collection === undefined || operator === undefined) return [];
    const object = (kind: string, system: string, name: string, spec: object): KubernetesObject =>
      this.object("monitoring.coreos.com/v1", kind, name, {
        component: "collection",
        namespace: namespaceOf(stack, system),
        labels: operator.labels,
        as: `${system}.${name}`,
        body: { spec },
      });
    return [
      ...serviceMonitors(collection).map(({ system, workload, spec }) =>
        object("ServiceMonitor", system, workload, spec),
      ),
      ...prometheusRules(collection).map(({ system, spec }) =>
        object("PrometheusRule", system, system, spec),
      ),
    ];
  }

  /** Whom the operator runs in the place of the stack's own Prometheus. */
  private itsPrometheus(from: Way["from"]): NetworkPolicyPeer | undefined {
    const { prometheusOperator: operator } = this.site;
    const ours = from.system !== OBSERVER.system || from.workload !== OBSERVER.metrics;
    if (ours || operator === undefined) return undefined;
    return { ...inNamespace(operator.namespace), podSelector: { matchLabels: operator.pods } };
  }

  notices(): Problem[] {
    const together = this.model.volumes.filter(
      (v) => v.access === "shared" && this.onOneNode(v.name),
    );
    return together.map((volume) => ({
      path: `${this.model.name}.${volume.component}`,
      message: `its instances share the volume ${volume.name} and so one node`,
      fix: "name a class that several nodes can mount: pulumi config set --path kubernetes.sharedStorageClass <class>",
    }));
  }

  /** What a namespace has before anything runs in it. */
  private surroundings(): KubernetesObject[] {
    const { model, site } = this;
    // Folders of the node are an exemption: nothing below `privileged` has them.
    const level = model.workloads.some((w) => w.node !== undefined) ? "privileged" : "restricted";
    const security = Object.fromEntries(
      ["enforce", "audit", "warn"].map((mode) => [`pod-security.kubernetes.io/${mode}`, level]),
    );
    return [
      {
        key: `Namespace:${this.namespace}`,
        manifest: manifest("v1", "Namespace", {
          name: this.namespace,
          labels: { ...this.labels(), ...security },
        }),
        protect: false,
        after: [],
      },
      this.object("v1", "ResourceQuota", "ceiling", {
        body: { spec: quota(model, this.site.verticalAutoscaler) },
      }),
      this.object("v1", "LimitRange", "containers", { body: { spec: limitRange(model) } }),
      this.policy("closed", CLOSED),
      ...(["data", "serving"] as const).map((kind) => ({
        key: `PriorityClass:${kind}`,
        manifest: manifest(
          "scheduling.k8s.io/v1",
          "PriorityClass",
          {
            name: this.priorityClass(kind),
            labels: this.labels(),
          },
          {
            value: kind === "data" ? 100_000 : 50_000,
            description: `${kind} of ${this.namespace}: goes after what has no class, data last`,
          },
        ),
        protect: false,
        after: [],
      })),
      ...(site.registry === undefined
        ? []
        : [
            this.object("v1", "Secret", PULL_SECRET, {
              body: { type: "kubernetes.io/dockerconfigjson" },
              content: {
                ".dockerconfigjson": jsonText({
                  auths: {
                    [site.registry.server]: {
                      username: site.registry.username,
                      password: { secret: REGISTRY_PASSWORD },
                    },
                  },
                }),
              },
            }),
          ]),
    ];
  }

  private policy(name: string, spec: Rules, component?: string): KubernetesObject {
    const owner = component === undefined ? {} : { component };
    return this.object("networking.k8s.io/v1", "NetworkPolicy", name, { ...owner, body: { spec } });
  }

  private workload(workload: Workload): KubernetesObject[] {
    const { name, component, scale, release } = workload;
    const { model } = this;
    const kind = this.kindOf(workload);
    const stateful = kind === "StatefulSet";
    const overlap = mayOverlap(workload, model.volumes);
    const template = this.template(
      workload,
      workload.release.version,
      {
        name,
        restartPolicy: "Always",
        priorityClass: this.priorityClass(stateful ? "data" : "serving"),
        ports: workload.ports.map((p) => ({
          name: p.name,
          containerPort: p.port,
          protocol: "TCP",
        })),
        health: workload.health,
        drain: overlap && workload.ports.length > 0 ? DRAIN : 0,
        spread: scale.max > 1,
        ...(workload.node === undefined ? {} : { node: workload.node }),
      },
      overlap,
    );
    const common = {
      selector: { matchLabels: selector(name) },
      template,
      revisionHistoryLimit: 3,
      // Left to the autoscaler where there is one, and to the nodes where there is one on each.
      ...(scales(workload) || kind === "DaemonSet" ? {} : { replicas: scale.min }),
      minReadySeconds: release.monitor,
    };
    const specs = {
      StatefulSet: (): StatefulSet["spec"] => ({
        ...common,
        serviceName: name,
        // In order, a broken version would stand in the way of the one that mends it.
        podManagementPolicy: "Parallel",
        updateStrategy: { type: "RollingUpdate" },
      }),
      DaemonSet: (): DaemonSet["spec"] => ({
        ...common,
        updateStrategy: { type: "RollingUpdate" },
      }),
      Deployment: (): Deployment["spec"] => ({
        ...common,
        progressDeadlineSeconds: Math.min(
          release.timeout,
          workload.health.startPeriod + release.monitor + PULL,
        ),
        strategy: overlap
          ? { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } }
          : { type: "Recreate" },
      }),
    };
    const spec = specs[kind]();
    const waits = { timeout: release.timeout + PATIENCE };
    const running = this.object("apps/v1", kind, name, {
      component,
      body: { spec },
      // Of the object rather than of its pods: what is said of them restarts none.
      ...(workload.facts === undefined ? {} : { annotations: factLabels(workload.facts) }),
      ...this.needs(workload),
      ...waits,
    });
    const after = [running.key];
    return [
      running,
      ...(workload.ports.length > 0 ? [this.service(workload, waits.timeout)] : []),
      ...(isWatched(model, name) ? [this.headless(workload)] : []),
      ...(scales(workload)
        ? [
            this.object("autoscaling/v2", "HorizontalPodAutoscaler", name, {
              component,
              body: { spec: horizontal(workload) },
              after,
            }),
          ]
        : []),
      ...(scale.min > 1
        ? [
            this.object("policy/v1", "PodDisruptionBudget", name, {
              component,
              body: {
                spec: {
                  maxUnavailable: 1,
                  selector: { matchLabels: selector(name) },
                  // Who is not well already may go, so that a node can be drained.
                  unhealthyPodEvictionPolicy: "AlwaysAllow",
                },
              },
            }),
          ]
        : []),
      ...(this.site.verticalAutoscaler
        ? [
            this.object("autoscaling.k8s.io/v1", "VerticalPodAutoscaler", name, {
              component,
              body: { spec: vertical(workload, kind) },
              after,
            }),
          ]
        : []),
    ];
  }

  /** For those who ask each instance. */
  private headless({ name, component, ports }: Workload): KubernetesObject {
    const spec: KubeService["spec"] = {
      selector: selector(name),
      clusterIP: "None",
      // Who is not ready is watched most of all.
      publishNotReadyAddresses: true,
      ports: ports.map((p) => ({
        name: p.name,
        port: p.port,
        targetPort: p.port,
        protocol: "TCP",
      })),
    };
    return this.object("v1", "Service", instancesOf(name), {
      component,
      ...(this.site.prometheusOperator === undefined ? {} : { labels: { [INSTANCES_OF]: name } }),
      body: { spec },
    });
  }

  /** Under the workload's own name, for its consumers; to the world where it is an entrance. */
  private service(workload: Workload, timeout: number): KubernetesObject {
    const { name, component, exposures, ports } = workload;
    const { entrance } = this.site;
    const open = exposures.length > 0;
    const spec: KubeService["spec"] = {
      selector: selector(name),
      ...(open
        ? {
            type: entrance.type === "load-balancer" ? "LoadBalancer" : "NodePort",
            // Keeps the client's address: rate limits and logs need it.
            externalTrafficPolicy: "Local",
            // One client stays with one instance, so that its rate limit is counted in one place.
            sessionAffinity: "ClientIP",
            ports: exposures.map((e) => ({
              name: ports.find((p) => p.port === e.port)?.name ?? `port-${e.public}`,
              port: e.public,
              targetPort: e.port,
              protocol: "TCP",
            })),
          }
        : {
            type: "ClusterIP",
            ports: ports.map((p) => ({
              name: p.name,
              port: p.port,
              targetPort: p.port,
              protocol: "TCP",
            })),
          }),
    };
    return this.object("v1", "Service", name, {
      component,
      body: { spec },
      ...(open && entrance.annotations !== undefined ? { annotations: entrance.annotations } : {}),
      ...(open ? { after: COUNTED } : {}),
      timeout,
    });
  }

  /**
   * A Job's name carries the digest of its work, so that a change makes another one; a secret's new
   * value replaces it by the annotation.
   */
  private job(job: Job): KubernetesObject {
    const template = this.template(
      job,
      undefined,
      {
        name: job.name,
        restartPolicy: "Never",
        priorityClass: this.priorityClass("serving"),
      },
      false,
    );
    const derived = job.secrets.map((mount) => this.contentOf(mount.secret));
    const work = contentDigest(JSON.stringify([template, derived]));
    const spec: KubeJob["spec"] = {
      template,
      // A failure fails `up`, and the next `up` tries again.
      backoffLimit: 0,
      activeDeadlineSeconds: job.timeout,
    };
    return this.object("batch/v1", "Job", `${job.name}-${work}`, {
      component: job.component,
      body: { spec },
      // For Pulumi: one that failed is made anew.
      annotations: { "pulumi.com/replaceUnready": "true", "atalaya.dev/purpose": job.purpose },
      as: job.name,
      ...this.needs(job),
      timeout: job.timeout + PATIENCE,
    });
  }

  private schedule(schedule: Schedule): KubernetesObject {
    const spec: CronJob["spec"] = {
      schedule: schedule.cron,
      timeZone: "Etc/UTC",
      concurrencyPolicy: "Forbid",
      startingDeadlineSeconds: 300,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 3,
      jobTemplate: {
        spec: {
          backoffLimit: 0,
          activeDeadlineSeconds: RUN,
          template: this.template(
            schedule,
            undefined,
            {
              name: schedule.name,
              restartPolicy: "Never",
              priorityClass: this.priorityClass("serving"),
            },
            false,
          ),
        },
      },
    };
    const { name, component } = schedule;
    return this.object("batch/v1", "CronJob", name, {
      component,
      body: { spec },
      ...this.needs(schedule),
    });
  }

  private template(
    of: Container & { component: string },
    version: string | undefined,
    options: PodOptions,
    mayMove: boolean,
  ): PodTemplateSpec {
    return {
      metadata: {
        labels: {
          ...this.labels(of.component),
          ...selector(options.name),
          ...(version === undefined ? {} : { "app.kubernetes.io/version": labelValue(version) }),
          ...Object.fromEntries(
            of.volumes
              .filter(({ volume }) => this.onOneNode(volume))
              .map(({ volume }) => [volumeLabel(volume), "true"]),
          ),
        },
        annotations: {
          // Scratch in memory alone would keep a node from being scaled away.
          "cluster-autoscaler.kubernetes.io/safe-to-evict": String(mayMove),
        },
      },
      spec: podSpec(of, options, this.pods),
    };
  }

  /** What has to be there before, and what rolls the pods. */
  private needs(of: Runnable): Pick<KubernetesObject, "after" | "rollsOn"> {
    const texts = of.secrets.map((mount) => this.contentOf(mount.secret));
    return {
      after: [
        // A pod whose mounts are not there yet is looked at again after minutes.
        ...[...new Set(of.secrets.map((m) => m.secret))].map((name) => `Secret:${name}`),
        ...(of.certificate === undefined ? [] : [`Certificate:${of.certificate}`]),
        ...of.files.map((m) => `ConfigMap:${m.file}`),
        ...of.volumes.map((m) => `PersistentVolumeClaim:${m.volume}`),
        ...(this.site.registry === undefined ? [] : [`Secret:${PULL_SECRET}`]),
        `ServiceAccount:${of.name}`,
        // Closed before anything runs; open when it does.
        "NetworkPolicy:closed",
        ...(this.openings.has(of.name) ? [`NetworkPolicy:${of.name}`] : []),
        ...COUNTED,
        "LimitRange:containers",
        "PriorityClass:data",
        "PriorityClass:serving",
        ...of.startAfter.flatMap((name) => this.keysOf(name)),
      ],
      ...(texts.length === 0
        ? {}
        : {
            rollsOn: texts.flatMap((text) => [...(typeof text === "string" ? [text] : text), "\0"]),
          }),
    };
  }

  /** A workload is well when it runs and its name leads to it; a job when it is done. */
  private keysOf(name: string): string[] {
    const workload = this.model.workloads.find((w) => w.name === name);
    if (workload === undefined) return [`Job:${name}`];
    return [
      `${this.kindOf(workload)}:${name}`,
      ...(workload.ports.length > 0 ? [`Service:${name}`] : []),
    ];
  }

  private kindOf(workload: Workload): "StatefulSet" | "Deployment" | "DaemonSet" {
    if (workload.node !== undefined) return "DaemonSet";
    return keepsData(workload, this.model.volumes) ? "StatefulSet" : "Deployment";
  }

  private contentOf(name: string): Text {
    const secret = this.model.secrets.find((s) => s.name === name);
    return secret === undefined ? "" : secretContent(secret);
  }

  private onOneNode(volume: string): boolean {
    const shared = this.model.volumes.find((v) => v.name === volume)?.access === "shared";
    return !shared || this.site.sharedStorageClass === undefined;
  }

  private storageClass(access: "exclusive" | "shared"): { storageClassName?: string } {
    const { storageClass, sharedStorageClass } = this.site;
    const name = access === "shared" ? (sharedStorageClass ?? storageClass) : storageClass;
    return name === undefined ? {} : { storageClassName: name };
  }

  private priorityClass(kind: "data" | "serving"): string {
    return `${this.namespace}-${kind}`;
  }

  private labels(component?: string): Labels {
    return {
      "app.kubernetes.io/managed-by": "atalaya",
      "app.kubernetes.io/part-of": this.model.name,
      "app.kubernetes.io/instance": this.site.stack,
      ...(component === undefined ? {} : { "app.kubernetes.io/component": component }),
    };
  }

  /** An object of the namespace. */
  private object(apiVersion: string, kind: string, name: string, of: ObjectArgs): KubernetesObject {
    const { as = name, body, annotations, labels, namespace = this.namespace, ...rest } = of;
    const metadata = {
      name,
      namespace,
      labels: { ...this.labels(of.component), ...labels },
      ...(annotations === undefined ? {} : { annotations }),
    };
    return {
      key: `${kind}:${as}`,
      manifest: manifest(apiVersion, kind, metadata, body),
      protect: false,
      ...rest,
      after: [`Namespace:${this.namespace}`, ...(of.after ?? [])],
    };
  }
}

const manifest = (
  apiVersion: string,
  kind: string,
  metadata: Manifest["metadata"],
  body: object = {},
): Manifest => ({ apiVersion, kind, metadata, ...body });

const selector = (name: string): Record<string, string> => ({ "app.kubernetes.io/name": name });

/** Only what a label may have; the whole version stands in the container's own environment. */
const labelValue = (text: string): string =>
  text
    .replace(/[^A-Za-z0-9._-]/g, "-")
    .slice(0, MAX_NAME)
    .replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, "");

const nameLength = ({ key, manifest: { metadata } }: KubernetesObject): NameLength => ({
  key,
  length: metadata.name.length,
});
