import { Field, type Json, type JsonObject } from "../../../policies/engine/field";
import { fromPulumi } from "../../../policies/engine/subject";
import { type Environment, lastLines, run } from "../../process";
import { CouldNotRun, type Gathered } from "../gathered";

/** Judges what runs on a Swarm, in the terms of Pulumi's Docker provider. Reads only. */
export async function gatherSwarm(into: Gathered, env: Environment = {}): Promise<void> {
  const networks = await inspected("network", env);
  const names = new Map(
    networks.map((network) => [network.get("Id").text, network.get("Name").text]),
  );
  const add = (type: string, name: string | undefined, props: Args): void => {
    into.add({}, (source) =>
      fromPulumi({
        type,
        name: name ?? "",
        props: cleaned(props),
        // What runs is not Pulumi's to protect or not: nothing is held against it.
        facts: { urn: "", protect: true },
        source,
      }),
    );
  };
  for (const network of networks) {
    const name = network.get("Name").text;
    // Those that every engine has are nobody's decision.
    if (["bridge", "host", "none", "docker_gwbridge"].includes(name ?? "")) continue;
    add("docker:index/network:Network", name, networkArgs(network));
  }
  for (const volume of await inspected("volume", env)) {
    add("docker:index/volume:Volume", volume.get("Name").text, {
      name: volume.get("Name"),
      driver: volume.get("Driver"),
      labels: labels(volume.get("Labels")),
    });
  }
  for (const [kind, type] of [
    ["secret", "docker:index/secret:Secret"],
    ["config", "docker:index/serviceConfig:ServiceConfig"],
  ] as const) {
    for (const object of await inspected(kind, env)) {
      const spec = object.get("Spec");
      add(type, spec.get("Name").text, {
        name: spec.get("Name"),
        labels: labels(spec.get("Labels")),
        // The engine gives out a config's content; a secret's nobody gets.
        data: spec.get("Data"),
      });
    }
  }
  for (const service of await inspected("service", env)) {
    const spec = service.get("Spec");
    add("docker:index/service:Service", spec.get("Name").text, serviceArgs(spec, names));
  }
}

/** How often a list is asked for anew: what has gone since makes the question after it fail. */
const ATTEMPTS = 3;

/** All objects of a kind, in the order of their names. */
async function inspected(
  kind: string,
  env: Environment,
  attempts = ATTEMPTS,
): Promise<readonly Field[]> {
  const listed = await ask([kind, "ls", "--quiet"], env);
  const ids = [...new Set(listed.split(/\s+/).filter((id) => id !== ""))];
  if (ids.length === 0) return [];
  let said: string;
  try {
    said = await ask([kind, "inspect", ...ids], env);
  } catch (error) {
    if (attempts <= 1 || !(error instanceof CouldNotRun)) throw error;
    return inspected(kind, env, attempts - 1);
  }
  const objects = JSON.parse(said) as Json[];
  const name = (of: Field): string => of.get("Name").text ?? of.get("Spec", "Name").text ?? "";
  return objects.map((object) => new Field(object)).sort((a, b) => (name(a) < name(b) ? -1 : 1));
}

async function ask(args: readonly string[], env: Environment): Promise<string> {
  const said = await run("docker", args, { env });
  if (said.code === 0) return said.stdout;
  throw new CouldNotRun(
    `The Swarm cannot be read: \`docker ${args.slice(0, 2).join(" ")}\` failed.`,
    said.code === 127
      ? "There is no docker command here."
      : `${lastLines(said.stderr.trim(), 3)}\nThe engine has to be a manager of the Swarm: DOCKER_HOST, or -s for a stack's own.`,
  );
}

/** Arguments in the provider's words; fields that the engine left out are left out. */
interface Args {
  readonly [key: string]: Value;
}
type Value = Field | Json | undefined | Args | readonly Value[];

const networkArgs = (of: Field): Args => ({
  name: of.get("Name"),
  driver: of.get("Driver"),
  internal: of.get("Internal"),
  attachable: of.get("Attachable"),
  ingress: of.get("Ingress"),
  options: of.get("Options"),
  labels: labels(of.get("Labels")),
});

/** `docker service inspect` as the arguments of `docker.Service`. */
function serviceArgs(
  spec: Field,
  networks: ReadonlyMap<string | undefined, string | undefined>,
): Args {
  const task = spec.get("TaskTemplate");
  const joined = task.get("Networks").present ? task.get("Networks") : spec.get("Networks");
  return {
    name: spec.get("Name"),
    labels: labels(spec.get("Labels")),
    mode: spec.get("Mode", "Replicated").present
      ? { replicated: { replicas: spec.get("Mode", "Replicated", "Replicas") } }
      : { global: true },
    taskSpec: {
      containerSpec: containerArgs(task.get("ContainerSpec")),
      resources: {
        limits: amounts(task.get("Resources", "Limits")),
        reservation: amounts(task.get("Resources", "Reservations")),
      },
      restartPolicy: part(task.get("RestartPolicy"), (of) => ({
        condition: of.get("Condition"),
        delay: time(of.get("Delay")),
        maxAttempts: of.get("MaxAttempts"),
        window: time(of.get("Window")),
      })),
      placement: part(task.get("Placement"), (of) => ({ constraints: of.get("Constraints") })),
      logDriver: part(task.get("LogDriver"), (of) => ({
        name: of.get("Name"),
        options: of.get("Options"),
      })),
      networksAdvanceds: joined.items().map((of) => ({
        id: of.get("Target"),
        name: networks.get(of.get("Target").text) ?? of.get("Target"),
        aliases: of.get("Aliases"),
      })),
    },
    updateConfig: change(spec.get("UpdateConfig")),
    rollbackConfig: change(spec.get("RollbackConfig")),
    endpointSpec: {
      mode: spec.get("EndpointSpec", "Mode"),
      ports: spec
        .get("EndpointSpec", "Ports")
        .items()
        .map((of) => ({
          targetPort: of.get("TargetPort"),
          publishedPort: of.get("PublishedPort"),
          protocol: of.get("Protocol"),
          publishMode: of.get("PublishMode"),
        })),
    },
  };
}

const containerArgs = (of: Field): Args => ({
  image: of.get("Image"),
  labels: labels(of.get("Labels")),
  commands: of.get("Command"),
  args: of.get("Args"),
  env: Object.fromEntries(
    of.get("Env").texts.map((entry) => {
      const at = entry.indexOf("=");
      return at < 0 ? [entry, ""] : [entry.slice(0, at), entry.slice(at + 1)];
    }),
  ),
  dir: of.get("Dir"),
  user: of.get("User"),
  groups: of.get("Groups"),
  readOnly: of.get("ReadOnly"),
  init: of.get("Init"),
  hostname: of.get("Hostname"),
  stopSignal: of.get("StopSignal"),
  stopGracePeriod: time(of.get("StopGracePeriod")),
  capAdds: of.get("CapabilityAdd"),
  capDrops: of.get("CapabilityDrop"),
  sysctl: of.get("Sysctls"),
  mounts: of
    .get("Mounts")
    .items()
    .map((mount) => ({
      type: mount.get("Type"),
      source: mount.get("Source"),
      target: mount.get("Target"),
      readOnly: mount.get("ReadOnly"),
      tmpfsOptions: part(mount.get("TmpfsOptions"), (options) => ({
        sizeBytes: options.get("SizeBytes"),
        mode: options.get("Mode"),
      })),
    })),
  healthcheck: part(of.get("Healthcheck"), (check) => ({
    tests: check.get("Test"),
    interval: time(check.get("Interval")),
    timeout: time(check.get("Timeout")),
    startPeriod: time(check.get("StartPeriod")),
    retries: check.get("Retries"),
  })),
  secrets: of
    .get("Secrets")
    .items()
    .map((each) => ({
      secretId: each.get("SecretID"),
      secretName: each.get("SecretName"),
      ...fileArgs(each),
    })),
  configs: of
    .get("Configs")
    .items()
    .map((each) => ({
      configId: each.get("ConfigID"),
      configName: each.get("ConfigName"),
      ...fileArgs(each),
    })),
});

const fileArgs = (of: Field): Args => ({
  fileName: of.get("File", "Name"),
  fileUid: of.get("File", "UID"),
  fileGid: of.get("File", "GID"),
  fileMode: of.get("File", "Mode"),
});

const part = (of: Field, make: (of: Field) => Args): Args | undefined =>
  of.present ? make(of) : undefined;

const amounts = (at: Field): Args | undefined =>
  part(at, (of) => ({ memoryBytes: of.get("MemoryBytes"), nanoCpus: of.get("NanoCPUs") }));

const change = (at: Field): Args | undefined =>
  part(at, (of) => ({
    parallelism: of.get("Parallelism"),
    delay: time(of.get("Delay")),
    failureAction: of.get("FailureAction"),
    monitor: time(of.get("Monitor")),
    order: of.get("Order"),
  }));

const labels = (of: Field): Args[] =>
  Object.entries(of.map).map(([label, value]) => ({ label, value }));

/** The engine counts nanoseconds; the provider writes them as Go does. */
const time = (of: Field): string | undefined =>
  of.number === undefined ? undefined : `${of.number / 1e9}s`;

/** Without what the engine left out. */
function cleaned(value: Args): JsonObject {
  return JSON.parse(
    JSON.stringify(value, (_key, of: unknown) => (of instanceof Field ? of.raw : of) ?? undefined),
  ) as JsonObject;
}
