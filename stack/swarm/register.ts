import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { contentDigest, keyedDigest, type Text } from "../../model/text";
import type {
  VersionName,
  Labels,
  Reference,
  SwarmConfig,
  SwarmContainer,
  SwarmNetwork,
  SwarmObject,
  SwarmSecret,
  SwarmService,
} from "../../platforms/swarm/objects";
import { mayRecur } from "../../platforms/swarm/versions";
import type { PlaceContext } from "../atalaya";

/** Labels of a container that stand in each line of its log file: ours, and the engine's own name of the task. */
const LOG_LABELS = [
  "atalaya.stack",
  "atalaya.system",
  "atalaya.component",
  "com.docker.swarm.task.name",
];

/**
 * A name without a dot is one of ours, and nobody else's. The engine would ask the node's own name servers for it while its
 * bearer is away, also in the node's search domains; where they do not answer, whoever asked learns 20 s later that it is back.
 */
const OWN_NAMES = { nameservers: [], options: ["ndots:1"], searches: ["."] };

/** What registration needs besides the objects themselves. */
export interface SwarmContext extends PlaceContext {
  readonly provider: docker.Provider;
  /** References with digests, for images that the engine knows one of. */
  readonly pinned: ReadonlyMap<string, string>;
  /** Systems of the stack that were registered before, by name. */
  readonly others: ReadonlyMap<string, RegisteredSystem>;
  /** Credentials for images that come from a registry which asks for them. */
  readonly registry?: { server: string; username: string; password: pulumi.Output<string> };
}

/** Objects of one system by their keys. */
export type RegisteredSystem = ReadonlyMap<string, Registered>;

type Registered =
  docker.Network | docker.Volume | docker.Secret | docker.ServiceConfig | docker.Service;

/** Fills the holes of lowered objects and hands them to Pulumi, one resource an object. */
export function registerSwarm(
  objects: readonly SwarmObject[],
  context: SwarmContext,
): RegisteredSystem {
  const registered = new Map<string, Registered>();
  for (const object of inOrder(objects)) {
    registered.set(object.key, new Registration(context, registered).register(object));
  }
  return registered;
}

/** Everything that services refer to, then the services, each after those it waits for. */
function inOrder(objects: readonly SwarmObject[]): SwarmObject[] {
  const services = new Map(
    objects.filter((o) => o.type === "service").map((service) => [service.key, service]),
  );
  const ordered = new Set<SwarmObject>(objects.filter((o) => o.type !== "service"));
  const add = (service: SwarmService): void => {
    if (ordered.has(service)) return;
    for (const key of service.after) add(services.get(key)!);
    ordered.add(service);
  };
  for (const service of services.values()) add(service);
  return [...ordered];
}

class Registration {
  constructor(
    private readonly context: SwarmContext,
    private readonly registered: RegisteredSystem,
  ) {}

  register(object: SwarmObject): Registered {
    const name = `${this.context.system}-${object.key.replace(":", "-")}`;
    const opts: pulumi.CustomResourceOptions = {
      parent: this.context.parent(object.component),
      provider: this.context.provider,
    };
    // Another content is another name, so the old one stays until nobody uses it any more. The
    // provider would delete first whatever has a name of ours.
    const contentNamed = { ...opts, deleteBeforeReplace: false };
    switch (object.type) {
      case "network":
        return this.network(name, object, opts);
      case "volume":
        return new docker.Volume(
          name,
          { name: object.name, labels: labels(object.labels) },
          { ...opts, protect: object.protect },
        );
      case "secret":
        return new docker.Secret(
          name,
          {
            name: this.name(name, object),
            data: this.text(object.data).apply((text) => Buffer.from(text).toString("base64")),
            labels: labels(object.labels),
          },
          contentNamed,
        );
      case "config": {
        const { name: as } = object;
        const content = this.content(object);
        return new docker.ServiceConfig(
          revised(name, { content: object.data }),
          {
            name:
              typeof as === "string"
                ? as
                : content.apply((text) => `${as.base}-${contentDigest(text)}`),
            data: content.apply((text) => Buffer.from(text).toString("base64")),
            labels: labels(object.labels),
          },
          { ...contentNamed, ...earlier(name) },
        );
      }
      case "service":
        return this.service(revised(name, object.name), object, {
          ...opts,
          ...(typeof object.name === "string" ? {} : earlier(name)),
        });
    }
  }

  private network(
    name: string,
    { name: as, internal, encrypted, labels: own }: SwarmNetwork,
    opts: pulumi.CustomResourceOptions,
  ): docker.Network {
    const network = new docker.Network(
      name,
      {
        ...{ name: as, driver: "overlay", internal, labels: labels(own) },
        // Only tasks of this engine's services may join.
        attachable: false,
        ...(encrypted ? { options: { encrypted: "" } } : {}),
      },
      // The engine adds options of its own, and another one would replace the network under its services.
      { ...opts, ignoreChanges: ["options"] },
    );
    if (encrypted) {
      network.options.apply((options) => {
        if (options !== undefined && "encrypted" in options) return;
        const message = `${as} was made before: its traffic stays plain until it is made anew (atalaya down, then up)`;
        void pulumi.log.warn(message, network);
      });
    }
    return network;
  }

  private content({ data, subnet }: SwarmConfig): pulumi.Output<string> {
    if (subnet === undefined) return pulumi.output(data);
    const network = this.registered.get(subnet.of) as docker.Network;
    return pulumi.all([network.name, network.ipamConfigs]).apply(([name, ranges]) => {
      const { subnet: range } = ranges.find(isVersion4) ?? {};
      if (range !== undefined) return data.replaceAll(subnet.instead, range);
      throw new pulumi.RunError(
        `the engine has not said which addresses the network ${name} has: npx atalaya pulumi refresh, then up`,
      );
    });
  }

  private service(
    name: string,
    service: SwarmService,
    opts: pulumi.CustomResourceOptions,
  ): docker.Service {
    const change = {
      parallelism: 1,
      delay: "0s",
      order: service.update.order,
      monitor: service.update.monitor,
      maxFailureRatio: "0.0",
    };
    const { registry } = this.context;
    const fromRegistry = registry && service.container.image.startsWith(`${registry.server}/`);
    return new docker.Service(
      name,
      {
        name: this.name(name, service),
        labels: labels(
          service.version === undefined
            ? service.labels
            : { ...service.labels, "atalaya.version": service.version },
        ),
        // The provider waits for a number of instances only, not for one on each node.
        ...(service.replicas === "one a node"
          ? { mode: { global: true } }
          : {
              mode: { replicated: { replicas: service.replicas } },
              convergeConfig: service.converge,
            }),
        taskSpec: {
          containerSpec: this.container(service.container, service.labels),
          networksAdvanceds: service.networks.map(({ network, aliases }) => ({
            id: this.reference(network),
            aliases: [...aliases],
          })),
          resources: service.resources,
          restartPolicy: {
            condition: service.restart.condition,
            delay: service.restart.delay,
            // Without it every preview shows a change.
            window: "0s",
          },
          ...(service.placement.length > 0
            ? { placement: { constraints: [...service.placement] } }
            : {}),
          logDriver: {
            name: "json-file",
            options: {
              "max-size": "10m",
              "max-file": "3",
              ...(service.container.tag === undefined ? {} : { tag: service.container.tag }),
              ...(service.logged ? { labels: LOG_LABELS.join(",") } : {}),
            },
          },
        },
        endpointSpec: {
          mode: "dnsrr",
          ...(service.ports.length > 0
            ? {
                ports: service.ports.map((p) => ({
                  publishedPort: p.published,
                  targetPort: p.target,
                  publishMode: "host",
                  protocol: "tcp",
                })),
              }
            : {}),
        },
        updateConfig: { ...change, failureAction: "rollback" },
        rollbackConfig: { ...change, failureAction: "pause" },
        ...(fromRegistry
          ? {
              auth: {
                serverAddress: registry.server,
                username: registry.username,
                password: registry.password,
              },
            }
          : {}),
      },
      {
        ...opts,
        dependsOn: [
          ...service.after.map((key) => this.registered.get(key)!),
          ...this.context.after,
        ],
        // Earlier versions labelled containers with what runs: as they were, they are left.
        ignoreChanges: ["taskSpec.containerSpec.labels"],
        // A name that stays cannot exist twice; a job's name follows from its work.
        deleteBeforeReplace: typeof service.name === "string",
      },
    );
  }

  private container(
    container: SwarmContainer,
    own: Labels,
  ): docker.types.input.ServiceTaskSpecContainerSpec {
    return {
      // A plain tag would be read back with the digest that the engine found for it.
      image: this.context.pinned.get(container.image) ?? container.image,
      ...(container.command === undefined ? {} : { commands: [...container.command] }),
      ...(container.args === undefined ? {} : { args: [...container.args] }),
      env: { ...container.environment },
      labels: labels(own),
      user: container.user,
      readOnly: true,
      init: true,
      capDrops: ["ALL"],
      dnsConfig: OWN_NAMES,
      mounts: [
        ...container.volumes.map((v) => ({
          type: "volume",
          source: this.reference(v.source),
          target: v.target,
        })),
        ...(container.nodeFolders ?? []).map((folder) => ({
          type: "bind",
          ...folder,
          readOnly: true,
        })),
        ...container.tmpfs.map((t) => ({
          type: "tmpfs",
          target: t.target,
          // Owned by root in the engine; the sticky bit would not be read back.
          tmpfsOptions: { mode: 0o777, sizeBytes: t.sizeBytes },
        })),
      ],
      secrets: container.secrets.map((s) => ({
        secretId: this.reference(s.id),
        secretName: this.reference(s.name),
        fileName: s.file,
        fileUid: s.uid,
        fileGid: s.gid,
        fileMode: 0o400,
      })),
      configs: container.configs.map((c) => ({
        configId: this.reference(c.id),
        configName: this.reference(c.name),
        fileName: c.path,
        fileMode: 0o444,
      })),
      ...(container.health === undefined
        ? {}
        : {
            healthcheck: {
              tests: [...container.health.test],
              interval: container.health.interval,
              timeout: container.health.timeout,
              retries: container.health.retries,
              startPeriod: container.health.startPeriod,
            },
          }),
      ...(container.stopSignal === undefined ? {} : { stopSignal: container.stopSignal }),
      stopGracePeriod: container.stopGrace,
    };
  }

  private reference({ ref, attribute, system }: Reference): pulumi.Output<string> {
    const there = system === undefined ? this.registered : this.context.others.get(system);
    const target = there?.get(ref);
    if (target === undefined) {
      throw new Error(`${ref} of ${system ?? this.context.system} is not registered yet`);
    }
    return attribute === "id" ? target.id : target.name;
  }

  /**
   * A name that no two versions share, since an update that failed leaves the old object to be deleted: a value that
   * is set back then must not ask for its name. The keyed digest tells nothing about the value, so that anyone may
   * read it in the state.
   */
  private name(resource: string, object: SwarmSecret | SwarmService): pulumi.Input<string> {
    const { name, component } = object;
    if (typeof name === "string") return name;
    const digest = pulumi.unsecret(
      pulumi
        .all([this.context.secrets.namingKey, this.text(name.content)])
        .apply(([key, text]) => keyedDigest(key, text)),
    );
    const lasts = (secret: string): boolean => this.context.secrets.lasts(secret);
    if (!mayRecur(object.type, name.content, lasts)) {
      return pulumi.interpolate`${name.base}-${digest}`;
    }
    const version = new random.RandomId(
      `${resource}-version`,
      { byteLength: 5, keepers: { content: digest } },
      { parent: this.context.parent(component) },
    );
    return pulumi.interpolate`${name.base}-${version.hex}`;
  }

  private text(text: Text): pulumi.Output<string> {
    return this.context.secrets.fill(text);
  }
}

/**
 * What is called by its content is another resource with another content, never a replacement: an update that
 * failed leaves both, and going back finds the one that is there. A replaced one would be in the way.
 */
const revised = (name: string, as: string | Pick<VersionName, "content">): string =>
  typeof as === "string" ? name : `${name}-${contentDigest(plain(as.content))}`;

/** Secrets are not known yet, and no part of a resource's identity. */
const plain = (text: Text): string =>
  typeof text === "string" ? text : text.filter((part) => typeof part === "string").join("");

const isVersion4 = ({ subnet }: { subnet?: string }): boolean => /^[\d.]+\/\d+$/.test(subnet ?? "");

/** Earlier versions of this program named it without its content. */
const earlier = (name: string): pulumi.CustomResourceOptions => ({ aliases: [{ name }] });

const labels = (of: Labels): { label: string; value: string }[] =>
  Object.entries(of)
    .map(([label, value]) => ({ label, value }))
    .sort((a, b) => a.label.localeCompare(b.label));
