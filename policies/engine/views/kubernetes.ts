import { Field, type Json, type Path, Setting, UNKNOWN, UnknownValue } from "../field";
import { quantity } from "../quantity";
import type { Subject } from "../subject";
import type { Amounts, Container, Mount, Pod, Port, Variable } from "../view";

/** What has no pods, however it looks inside. */
const WITHOUT_PODS = new Set(["ConfigMap", "Secret", "CustomResourceDefinition"]);

/** Kinds whose pods are somewhere, even where a preview does not know them yet. */
const WITH_PODS = new Set([
  "Pod",
  "Deployment",
  "StatefulSet",
  "DaemonSet",
  "ReplicaSet",
  "ReplicationController",
  "Job",
  "CronJob",
]);

/** How deep a pod template may hide in a custom resource. */
const DEPTH = 6;

/**
 * The pods that an object brings: of every kind that embeds a pod template, custom ones included (an
 * Argo Rollout, a Knative Service), since a template is known by its shape: `spec.containers`.
 * @throws UnknownValue where a preview does not know the pods yet
 */
export function kubernetesPods(subject: Subject): Pod[] {
  if (WITHOUT_PODS.has(subject.kind)) return [];
  const whole = new Field(subject.props);
  const found = templates(whole, DEPTH);
  if (found.length === 0 && WITH_PODS.has(subject.kind)) throwIfUnknown(whole);
  return found.map((template) => new KubernetesPod(subject, template));
}

function throwIfUnknown(whole: Field): void {
  for (const way of [
    ["spec"],
    ["spec", "template", "spec"],
    ["spec", "jobTemplate", "spec", "template", "spec"],
  ]) {
    const at = whole.get(...way, "containers");
    if (at.raw === UNKNOWN) throw new UnknownValue(at.path);
  }
}

function templates(field: Field, depth: number): Field[] {
  if (Array.isArray(field.get("spec", "containers").raw)) return [field];
  if (depth === 0) return [];
  const { raw } = field;
  if (typeof raw !== "object" || raw === null) return [];
  const inner = Array.isArray(raw) ? field.items() : field.entries().map(([, value]) => value);
  return inner.flatMap((child) =>
    typeof child.raw === "object" && child.raw !== null ? templates(child, depth - 1) : [],
  );
}

class KubernetesPod implements Pod {
  readonly field: Field;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly runs: Pod["runs"];
  readonly bare: boolean;
  readonly replicas?: Setting<number>;
  readonly containers: readonly Container[];
  readonly sysctls: readonly Setting<string>[];

  constructor(
    readonly subject: Subject,
    template: Field,
  ) {
    this.field = template.get("spec");
    this.labels = template.get("metadata", "labels").map;
    this.annotations = template.get("metadata", "annotations").map;
    const { kind } = subject;
    this.bare =
      kind === "Pod" && !new Field(subject.props).get("metadata", "ownerReferences", 0).present;
    this.runs =
      kind === "Job" || kind === "CronJob" ? "job" : kind === "DaemonSet" ? "agent" : "service";
    if (this.runs === "service" && kind !== "Pod") {
      this.replicas = amount(new Field(subject.props).get("spec", "replicas"));
    }
    const list = (key: string): Field[] => this.field.get(key).items();
    this.containers = [
      ...list("containers").map((c) => new KubernetesContainer(this, c, "main")),
      ...list("initContainers").map(
        (c) =>
          new KubernetesContainer(
            this,
            c,
            c.get("restartPolicy").raw === "Always" ? "sidecar" : "init",
          ),
      ),
      ...list("ephemeralContainers").map((c) => new KubernetesContainer(this, c, "ephemeral")),
    ];
    this.sysctls = this.field
      .get("securityContext", "sysctls")
      .items()
      .map((s) => new Setting(s.get("name").path, () => s.get("name").text));
  }

  get hostNetwork(): Setting<boolean> {
    return flag(this.field.get("hostNetwork"));
  }
  get hostPid(): Setting<boolean> {
    return flag(this.field.get("hostPID"));
  }
  get hostIpc(): Setting<boolean> {
    return flag(this.field.get("hostIPC"));
  }
  get grace(): Setting<number> {
    return amount(this.field.get("terminationGracePeriodSeconds"));
  }
}

const flag = (field: Field): Setting<boolean> => new Setting(field.path, () => field.boolean);
const word = (field: Field): Setting<string> => new Setting(field.path, () => field.text);
const amount = (field: Field): Setting<number> => new Setting(field.path, () => field.number);

class KubernetesContainer implements Container {
  readonly name: string;
  readonly environment: readonly Variable[];
  readonly words: readonly Setting<string>[];
  readonly headers: readonly Variable[];
  readonly limits: Amounts;
  readonly requests: Amounts;
  readonly ports: readonly Port[];
  readonly mounts: readonly Mount[];
  private readonly security: Field;

  constructor(
    readonly pod: KubernetesPod,
    readonly field: Field,
    readonly role: Container["role"],
  ) {
    this.name = typeof field.get("name").raw === "string" ? (field.get("name").raw as string) : "";
    this.security = field.get("securityContext");
    this.environment = list(field.get("env")).map(variable);
    const actions = [
      ...["livenessProbe", "readinessProbe", "startupProbe"].map((probe) => field.get(probe)),
      ...["postStart", "preStop"].map((hook) => field.get("lifecycle", hook)),
    ];
    this.words = [
      ...list(field.get("command")),
      ...list(field.get("args")),
      ...actions.flatMap((action) => list(action.get("exec", "command"))),
    ].map(word);
    this.headers = actions
      .flatMap((action) => list(action.get("httpGet", "httpHeaders")))
      .map(variable);
    this.limits = amounts(field.get("resources", "limits"));
    this.requests = amounts(field.get("resources", "requests"));
    this.ports = list(field.get("ports")).map((port) => ({
      field: port,
      ...(typeof port.get("name").raw === "string" ? { name: port.get("name").raw as string } : {}),
      target: amount(port.get("containerPort")),
      published: amount(port.get("hostPort")),
      ...(typeof port.get("hostIP").raw === "string"
        ? { address: port.get("hostIP").raw as string }
        : {}),
    }));
    this.mounts = list(field.get("volumeMounts")).map((mount) => this.mount(mount));
  }

  get image(): Setting<string> {
    return word(this.field.get("image"));
  }
  get pullPolicy(): Setting<string> {
    return word(this.field.get("imagePullPolicy"));
  }
  get user(): Setting<number | string> {
    return this.ofBoth("runAsUser", (f) => f.number);
  }
  get group(): Setting<number | string> {
    return this.ofBoth("runAsGroup", (f) => f.number);
  }
  get nonRoot(): Setting<boolean> {
    return this.ofBoth("runAsNonRoot", (f) => f.boolean);
  }
  get readOnlyRoot(): Setting<boolean> {
    return flag(this.security.get("readOnlyRootFilesystem"));
  }
  get privileged(): Setting<boolean> {
    return flag(this.security.get("privileged"));
  }
  get escalation(): Setting<boolean> {
    return flag(this.security.get("allowPrivilegeEscalation"));
  }
  get added(): Setting<readonly string[]> {
    return names(this.security.get("capabilities", "add"));
  }
  get dropped(): Setting<readonly string[]> {
    return names(this.security.get("capabilities", "drop"));
  }
  get seccomp(): Setting<string> {
    return this.ofBoth(["seccompProfile", "type"], (f) => f.text);
  }
  get apparmor(): Setting<string> {
    const legacy =
      this.pod.annotations[`container.apparmor.security.beta.kubernetes.io/${this.name}`];
    const own = this.ofBoth(["appArmorProfile", "type"], (f) => f.text);
    return new Setting(
      own.path,
      () =>
        own.value ??
        (legacy === "unconfined"
          ? "Unconfined"
          : legacy?.replace("runtime/default", "RuntimeDefault")),
    );
  }
  get procMount(): Setting<string> {
    return word(this.security.get("procMount"));
  }
  get selinux(): Field {
    const own = this.security.get("seLinuxOptions");
    return own.present ? own : this.pod.field.get("securityContext", "seLinuxOptions");
  }
  get probes(): Container["probes"] {
    return {
      live: this.field.get("livenessProbe"),
      ready: this.field.get("readinessProbe"),
      start: this.field.get("startupProbe"),
    };
  }

  /** A container's own setting counts before its pod's. */
  private ofBoth<T>(key: string | Path, read: (field: Field) => T | undefined): Setting<T> {
    const keys = typeof key === "string" ? [key] : key;
    const own = this.security.get(...keys);
    const inherited = this.pod.field.get("securityContext", ...keys);
    const field = !own.present && inherited.present ? inherited : own;
    return new Setting(field.path, () => read(field));
  }

  private mount(mount: Field): Mount {
    const volume = list(this.pod.field.get("volumes")).find(
      (v) => v.get("name").raw === mount.get("name").raw && mount.get("name").present,
    );
    const target = mount.get("mountPath").raw;
    const kind = (Object.keys(SOURCES) as (keyof typeof SOURCES)[]).find(
      (key) => volume?.get(key).present,
    );
    const source =
      volume === undefined
        ? undefined
        : [
            volume.get("hostPath", "path").raw,
            volume.get("persistentVolumeClaim", "claimName").raw,
          ].find((name): name is string => typeof name === "string");
    return {
      field: mount,
      from: kind === undefined ? "other" : SOURCES[kind],
      ...(source === undefined ? {} : { source }),
      ...(typeof target === "string" ? { target } : {}),
      readOnly: mount.get("readOnly").raw === true,
    };
  }
}

const SOURCES = {
  hostPath: "host",
  persistentVolumeClaim: "volume",
  ephemeral: "volume",
  emptyDir: "memory",
  secret: "secret",
  configMap: "config",
  image: "image",
} as const;

/** A list's fields, none where it is not known yet: its items are looked at when somebody can. */
const list = (field: Field): Field[] => (Array.isArray(field.raw) ? field.items() : []);

const names = (field: Field): Setting<readonly string[]> =>
  new Setting(field.path, () => (field.value === undefined ? undefined : field.texts));

function amounts(field: Field): Amounts {
  const one = (key: string): Setting<number> => {
    const at = field.get(key);
    return new Setting(at.path, () => quantity(at.value));
  };
  return { cpu: one("cpu"), memory: one("memory"), disk: one("ephemeral-storage") };
}

function variable(field: Field): Variable {
  const secret = field.get("valueFrom", "secretKeyRef", "name").raw;
  const name = field.get("name").raw;
  const value = field.get("value");
  return {
    name: typeof name === "string" ? name : "",
    at: new Setting(value.path, () => scalar(value.value)),
    ...(typeof secret === "string" ? { secret } : {}),
  };
}

/** YAML may have written a number or a truth where a text belongs. */
export const scalar = (value: Json | undefined): string | undefined =>
  typeof value === "string"
    ? value
    : typeof value === "number" || typeof value === "boolean"
      ? String(value)
      : undefined;
