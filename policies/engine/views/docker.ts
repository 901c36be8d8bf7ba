import { Field, type Path, Setting } from "../field";
import { dockerBytes } from "../quantity";
import type { Subject } from "../subject";
import type { Amounts, Container, Mount, Pod, Port, Variable } from "../view";
import { scalar } from "./kubernetes";

const list = (field: Field): Field[] => (Array.isArray(field.raw) ? field.items() : []);
const text = (field: Field): string | undefined =>
  typeof field.raw === "string" ? field.raw : undefined;
const on = <T>(field: Field, read: (field: Field) => T | undefined): Setting<T> =>
  new Setting(field.path, () => read(field));
const flag = (field: Field): Setting<boolean> => on(field, (f) => f.boolean);
const names = (field: Field): Setting<readonly string[]> =>
  on(field, (f) => (f.value === undefined ? undefined : f.texts));

/** The container that a Docker resource or a compose service brings, if it is one that runs. */
export function dockerPods(subject: Subject): Pod[] {
  const field = new Field(subject.props);
  switch (subject.type) {
    case "docker:index/service:Service":
      return [swarmService(subject, field)];
    case "docker:index/container:Container":
      return [dockerContainer(subject, field)];
    case "compose:service":
      return [composeService(subject, field)];
    default:
      return [];
  }
}

/** What every one of the three has, with the container made once its pod is there. */
function pod(
  rest: Omit<Pod, "containers" | "annotations" | "bare">,
  make: (pod: Pod) => Container,
): Pod {
  const containers: Container[] = [];
  const made: Pod = { ...rest, annotations: {}, bare: false, containers };
  containers.push(make(made));
  return made;
}

function swarmService(subject: Subject, field: Field): Pod {
  const spec = field.get("taskSpec", "containerSpec");
  const replicas = field.get("mode", "replicated", "replicas");
  const host = list(field.get("taskSpec", "networksAdvanceds")).find(
    (n) => n.get("name").raw === "host",
  );
  const global = field.get("mode", "global").raw === true;
  const condition = field.get("taskSpec", "restartPolicy", "condition").raw;
  return pod(
    {
      subject,
      field,
      labels: labelsOf(field.get("labels")),
      runs: global ? "agent" : condition === "none" ? "job" : "service",
      ...(global ? {} : { replicas: on(replicas, (f) => f.number) }),
      hostNetwork: new Setting((host ?? field.get("taskSpec", "networksAdvanceds")).path, () =>
        host === undefined ? undefined : true,
      ),
      sysctls: sysctls(spec.get("sysctl")),
      grace: on(spec.get("stopGracePeriod"), (f) => seconds(f.value)),
    },
    (of) => {
      const resources = field.get("taskSpec", "resources");
      return {
        pod: of,
        name: subject.name,
        role: "main",
        field: spec,
        image: on(spec.get("image"), (f) => f.text),
        environment: variables(spec.get("env")),
        words: [
          ...list(spec.get("commands")),
          ...list(spec.get("args")),
          ...list(spec.get("healthcheck", "tests")),
        ].map((f) => on(f, (w) => w.text)),
        limits: swarmAmounts(resources.get("limits")),
        requests: swarmAmounts(resources.get("reservation")),
        ...userOf(spec.get("user")),
        readOnlyRoot: flag(spec.get("readOnly")),
        added: names(spec.get("capAdds")),
        dropped: names(spec.get("capDrops")),
        ports: list(field.get("endpointSpec", "ports")).map((port) => ({
          field: port,
          target: on(port.get("targetPort"), (f) => f.number),
          published: on(port.get("publishedPort"), (f) => f.number),
        })),
        mounts: list(spec.get("mounts")).map(mount),
        probes: { live: spec.get("healthcheck") },
      };
    },
  );
}

/** Memory of `docker.Container` is in MiB, of a service in bytes. */
const MIB = 2 ** 20;

function dockerContainer(subject: Subject, field: Field): Pod {
  const options = field.get("securityOpts");
  const mode = (key: string): Setting<boolean> =>
    on(field.get(key), (f) => (f.text === undefined ? undefined : f.text === "host"));
  return pod(
    {
      subject,
      field,
      labels: labelsOf(field.get("labels")),
      runs: field.get("mustRun").raw === false ? "job" : "service",
      hostNetwork: mode("networkMode"),
      hostPid: mode("pidMode"),
      hostIpc: mode("ipcMode"),
      sysctls: sysctls(field.get("sysctls")),
      grace: on(field.get("stopTimeout"), (f) => f.number),
    },
    (of) => ({
      pod: of,
      name: subject.name,
      role: "main",
      field,
      image: on(field.get("image"), (f) => f.text),
      environment: list(field.get("envs")).map(assignment),
      words: [
        ...list(field.get("entrypoints")),
        ...list(field.get("command")),
        ...list(field.get("healthcheck", "tests")),
      ].map((f) => on(f, (w) => w.text)),
      limits: {
        cpu: on(field.get("cpus"), (f) => f.number),
        memory: on(field.get("memory"), (f) => times(f.number, MIB)),
      },
      requests: {
        // Shares are relative to whatever else runs: nothing is reserved by them.
        cpu: on(field.get("cpus"), (f) => f.number),
        memory: on(field.get("memoryReservation"), (f) => times(f.number, MIB)),
      },
      ...userOf(field.get("user")),
      readOnlyRoot: flag(field.get("readOnly")),
      privileged: flag(field.get("privileged")),
      ...securityOf(options, "securityOpts"),
      added: names(field.get("capabilities", "adds")),
      dropped: names(field.get("capabilities", "drops")),
      ports: list(field.get("ports")).map((port) => ({
        field: port,
        target: on(port.get("internal"), (f) => f.number),
        // Without one, the engine chooses a port: open all the same.
        published: on(port.get("external"), (f) => f.number ?? 0),
        ...(text(port.get("ip")) === undefined ? {} : { address: text(port.get("ip"))! }),
      })),
      mounts: [
        ...list(field.get("mounts")).map(mount),
        ...list(field.get("volumes")).map((volume): Mount => {
          const host = text(volume.get("hostPath"));
          const source = host ?? text(volume.get("volumeName"));
          const target = text(volume.get("containerPath"));
          return {
            field: volume,
            from: host === undefined ? "volume" : "host",
            ...(source === undefined ? {} : { source }),
            ...(target === undefined ? {} : { target }),
            readOnly: volume.get("readOnly").raw === true,
          };
        }),
      ],
      probes: { live: field.get("healthcheck") },
    }),
  );
}

function composeService(subject: Subject, field: Field): Pod {
  const deploy = field.get("deploy");
  const mode = (key: string): Setting<boolean> =>
    on(field.get(key), (f) => (f.text === undefined ? undefined : f.text === "host"));
  const replicas = deploy.get("replicas").present ? deploy.get("replicas") : field.get("scale");
  const limits = deploy.get("resources", "limits");
  const reservations = deploy.get("resources", "reservations");
  const either = (one: Field, other: Field): Field => (!one.present && other.present ? other : one);
  // A list of words, or the whole line.
  const words = (...keys: Path): Setting<string>[] => {
    const at = field.get(...keys);
    return (typeof at.raw === "string" ? [at] : list(at)).map((f) => on(f, (w) => w.text));
  };
  return pod(
    {
      subject,
      field,
      labels: labelsOf(field.get("labels")),
      runs:
        deploy.get("mode").raw === "global"
          ? "agent"
          : field.get("restart").raw === "no"
            ? "job"
            : "service",
      replicas: on(replicas, (f) => f.number),
      hostNetwork: mode("network_mode"),
      hostPid: mode("pid"),
      hostIpc: mode("ipc"),
      sysctls: sysctls(field.get("sysctls")),
      grace: on(field.get("stop_grace_period"), (f) => seconds(f.value)),
    },
    (of) => ({
      pod: of,
      name: subject.name,
      role: "main",
      field,
      image: on(field.get("image"), (f) => f.text),
      pullPolicy: on(field.get("pull_policy"), (f) => f.text),
      environment: Array.isArray(field.get("environment").raw)
        ? list(field.get("environment")).map(assignment)
        : variables(field.get("environment")),
      words: [...words("entrypoint"), ...words("command"), ...words("healthcheck", "test")],
      limits: {
        cpu: on(either(limits.get("cpus"), field.get("cpus")), (f) => f.number),
        memory: on(either(limits.get("memory"), field.get("mem_limit")), (f) =>
          dockerBytes(f.value),
        ),
      },
      requests: {
        cpu: on(reservations.get("cpus"), (f) => f.number),
        memory: on(either(reservations.get("memory"), field.get("mem_reservation")), (f) =>
          dockerBytes(f.value),
        ),
      },
      ...userOf(field.get("user")),
      readOnlyRoot: flag(field.get("read_only")),
      privileged: flag(field.get("privileged")),
      ...securityOf(field.get("security_opt"), "security_opt"),
      added: names(field.get("cap_add")),
      dropped: names(field.get("cap_drop")),
      ports: list(field.get("ports")).map(composePort),
      mounts: [
        ...list(field.get("volumes")).map(composeMount),
        ...(typeof field.get("tmpfs").raw === "string"
          ? [field.get("tmpfs")]
          : list(field.get("tmpfs"))
        ).map((f): Mount => ({ field: f, from: "memory", readOnly: false })),
      ],
      probes: { live: field.get("healthcheck") },
    }),
  );
}

function composePort(port: Field): Port {
  const { raw } = port;
  if (typeof raw === "object") {
    const address = text(port.get("host_ip"));
    return {
      field: port,
      target: on(port.get("target"), (f) => f.number),
      published: on(port.get("published"), (f) => f.number ?? 0),
      ...(address === undefined ? {} : { address }),
    };
  }
  // [[address:]published:]target[/protocol], a range by its first.
  const parts = (scalar(raw) ?? "").replace(/\/\w+$/, "").split(":");
  const first = (part: string | undefined): number => Number((part ?? "").split("-")[0] || "0");
  const address =
    parts.length > 2
      ? parts
          .slice(0, -2)
          .join(":")
          .replace(/^\[|\]$/g, "")
      : undefined;
  return {
    field: port,
    target: new Setting(port.path, () => first(parts.at(-1))),
    published: new Setting(port.path, () => (parts.length > 1 ? first(parts.at(-2)) : 0)),
    ...(address === undefined ? {} : { address }),
  };
}

function composeMount(volume: Field): Mount {
  if (typeof volume.raw !== "string") return mount(volume);
  const [source = "", target, flags = ""] = volume.raw.split(":");
  if (target === undefined)
    return { field: volume, from: "volume", target: source, readOnly: false };
  return {
    field: volume,
    from: /^[./~]/.test(source) ? "host" : "volume",
    source,
    target,
    readOnly: flags.split(",").includes("ro"),
  };
}

/** As the engine's API and compose's long form write a mount. */
function mount(field: Field): Mount {
  const kinds = { bind: "host", volume: "volume", tmpfs: "memory", image: "image" } as const;
  const type = text(field.get("type"));
  const source = text(field.get("source"));
  const target = text(field.get("target"));
  return {
    field,
    from: type !== undefined && type in kinds ? kinds[type as keyof typeof kinds] : "other",
    ...(source === undefined ? {} : { source }),
    ...(target === undefined ? {} : { target }),
    readOnly: (field.get("readOnly").raw ?? field.get("read_only").raw) === true,
  };
}

/** `user`, or `user:group`, by number or by name. */
function userOf(field: Field): Pick<Container, "user" | "group" | "nonRoot"> {
  const part = (i: number) => (): number | string | undefined => {
    const value = scalar(field.value)?.split(":")[i];
    return value === undefined || value === ""
      ? undefined
      : /^\d+$/.test(value)
        ? Number(value)
        : value;
  };
  return { user: new Setting(field.path, part(0)), group: new Setting(field.path, part(1)) };
}

/** What `--security-opt` says. */
function securityOf(
  options: Field,
  key: string,
): Pick<Container, "escalation" | "seccomp" | "apparmor"> {
  const path: Path = [...options.path.slice(0, -1), key];
  const of = (name: string): string | undefined =>
    options.texts.map((o) => o.replace(":", "=").split("=")).find(([n]) => n === name)?.[1];
  return {
    escalation: new Setting(path, () => {
      const set = options.texts.find((o) => o.startsWith("no-new-privileges"));
      return set === undefined ? undefined : /[:=]false$/.test(set);
    }),
    // Without a word the engine's own profile holds.
    seccomp: new Setting(path, () => profile(of("seccomp"))),
    apparmor: new Setting(path, () => profile(of("apparmor"))),
  };
}

const profile = (value: string | undefined): string =>
  value === undefined ? "RuntimeDefault" : value === "unconfined" ? "Unconfined" : "Localhost";

function swarmAmounts(field: Field): Amounts {
  return {
    cpu: on(field.get("nanoCpus"), (f) => times(f.number, 1e-9)),
    memory: on(field.get("memoryBytes"), (f) => f.number),
  };
}

/** By name, from a map or from a list of `name=value`. */
const sysctls = (field: Field): Setting<string>[] =>
  Array.isArray(field.raw)
    ? list(field).map((f) => on(f, (s) => s.text?.split("=")[0]))
    : Object.keys(field.map).map((name) => new Setting([...field.path, name], () => name));

const times = (value: number | undefined, factor: number): number | undefined =>
  // 0 means none to the engine.
  value === undefined || value === 0 ? undefined : value * factor;

const variables = (field: Field): Variable[] =>
  field.raw === undefined || typeof field.raw !== "object"
    ? []
    : field.entries().map(([name, at]) => ({ name, at: on(at, (f) => scalar(f.value)) }));

/** `NAME=value` in a list. */
function assignment(field: Field): Variable {
  const whole = text(field) ?? "";
  const cut = whole.indexOf("=");
  return {
    name: cut < 0 ? whole : whole.slice(0, cut),
    at: on(field, (f) => (f.text === undefined || cut < 0 ? undefined : f.text.slice(cut + 1))),
  };
}

/** A list of `{ label, value }`, a list of `name=value`, or a map. */
export function labelsOf(field: Field): Record<string, string> {
  const found: Record<string, string> = {};
  for (const item of list(field)) {
    const name = text(item.get("label"));
    if (name !== undefined) found[name] = text(item.get("value")) ?? "";
    else if (typeof item.raw === "string") {
      const [key = "", ...rest] = item.raw.split("=");
      found[key] = rest.join("=");
    }
  }
  return field.raw !== undefined && !Array.isArray(field.raw) && typeof field.raw === "object"
    ? { ...field.map }
    : found;
}

/** A duration as Go and compose write it, in seconds. @example seconds("1m30s") // 90 */
function seconds(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  if (typeof value !== "string" || !/^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/.test(value))
    return undefined;
  const units: Record<string, number> = { ms: 0.001, s: 1, m: 60, h: 3600 };
  return [...value.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)].reduce(
    (sum, [, digits, unit]) => sum + Number(digits) * units[unit!]!,
    0,
  );
}
