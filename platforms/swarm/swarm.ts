import { throwIfAny } from "../../model/problems";
import {
  type Container,
  FRONT_RANGE,
  frontName,
  type Job,
  mayOverlap,
  runnables,
  type Schedule,
  isObserved,
  isWatched,
  secretContent,
  secretsRead,
  type SystemModel,
  type Workload,
} from "../../model/system";
import type { Way } from "../../model/observability";
import { factLabels } from "../../model/facts";
import { contentDigest } from "../../model/text";
import { DIGEST_LENGTH, nameBase, type NameLength, nameProblems } from "../names";
import { unsupported } from "../notices";
import type { Capabilities, Lowered, Platform, Site } from "../platform";
import { goDuration } from "./durations";
import { frontConfig } from "./front";
import { healthCheck, jobTest, quote } from "./health";
import type {
  VersionName,
  Reference,
  SwarmConfig,
  SwarmContainer,
  SwarmObject,
  SwarmService,
} from "./objects";

const CAPABILITIES: Capabilities = {
  autoscaling: false,
  portIsolation: false,
  egressByHost: false,
  volumeSize: false,
  disruptionBudget: false,
  separateProbes: false,
};

/** A job's mark that its work is done, in memory that every container may write to. */
const DONE = "/dev/shm/.atalaya-done";

/**
 * When the provider first asks whether a new container stands. It asks again 5 s after that and then
 * every 10 s, so a first look just too early costs 5 s of everybody's `up`.
 */
const FIRST_LOOK = "4s";

/** Where supercronic says that it still keeps time: its own route, on its own default port. */
const CLOCK = { port: 9746, path: "/health" };

export interface SwarmSite extends Site {
  /** Images that the platform itself runs. */
  readonly images: { readonly front: string };
  /**
   * Node that keeps the volumes, by host name, where an engine has more than one.
   * @default any, which is right for one node only
   */
  readonly dataNode?: string;
  /** Networks are made so that the engine encrypts what goes from node to node (IPsec). @default false */
  readonly encrypted?: boolean;
}

/** Docker Swarm mode: a laptop, one server, a few. */
export const swarm: Platform<SwarmObject, SwarmSite> = {
  name: "swarm",
  capabilities: CAPABILITIES,
  surroundings: {
    clientAddress: "proxy-protocol",
    readyInstancesOnly: false,
    // Group 0 may walk through it and read settings and logs; labels, environment and secrets stay closed.
    containers: { names: "/var/lib/docker/containers", group: 0 },
  },
  instances: (_stack, system, workload) => qualified(system, workload),
  containers: (stack, system, workload) => `${stack}-${system}-${workload}`,
  logFiles: (stack) => ({ format: "docker", folder: "/var/lib/docker/containers", stack }),
  lower(model: SystemModel, site: SwarmSite): Lowered<SwarmObject> {
    const objects = new Lowering(model, site).objects();
    throwIfAny(`system ${model.name} on swarm`, nameProblems(objects.map(nameLength)));
    return { objects, notices: unsupported(model, "swarm", CAPABILITIES) };
  },
};

/** Between a gateway and its front, and nobody else's: whoever connects from it is the front. */
const frontNetwork = (gateway: string): string => `${gateway}-front`;

/**
 * Where whoever watches meets the front as a client does. Not the network above: the gateway believes what anybody says
 * there of a client's address.
 */
const entranceNetwork = (gateway: string): string => `${gateway}-entrance`;

/** Which network a way from elsewhere leads into. */
const entered = ({ component, front }: Way["to"]): string =>
  front ? entranceNetwork(component) : component;

/** A second name, for consumers of other systems: in a network of theirs the short one may be taken. */
const qualified = (system: string, workload: string): string => `${workload}.${system}`;

class Lowering {
  private readonly networks: Networks;

  constructor(
    private readonly model: SystemModel,
    private readonly site: SwarmSite,
  ) {
    this.networks = new Networks(model);
  }

  objects(): SwarmObject[] {
    const { model } = this;
    return [
      ...this.networks.all().map(({ name, component, internal }) => ({
        type: "network" as const,
        key: `network:${name}`,
        component,
        name: this.name(name),
        internal,
        ...(this.site.encrypted ? { encrypted: true } : {}),
        labels: this.labels(component),
      })),
      ...model.volumes.map(({ name, component, protect }) => this.volume(name, component, protect)),
      // On other nodes the engine makes one of the same name.
      ...model.workloads.flatMap(({ component, node }) =>
        node?.keeps === undefined ? [] : [this.volume(node.keeps.name, component, false)],
      ),
      ...secretsRead(model).map((secret) => ({
        type: "secret" as const,
        key: `secret:${secret.name}`,
        component: secret.component,
        name: { base: nameBase(this.name(secret.name)), content: secretContent(secret) },
        data: secretContent(secret),
        labels: this.labels(secret.component),
      })),
      ...model.files.map(({ name, component, content, frontOf }) => {
        const config = this.config(name, component, content);
        if (frontOf === undefined) return config;
        const subnet = { of: `network:${frontNetwork(frontOf)}`, instead: FRONT_RANGE };
        return { ...config, name: { base: nameBase(this.name(name)) }, subnet };
      }),
      ...model.jobs.map((job) => this.job(job)),
      ...model.workloads.flatMap((workload) => this.workload(workload)),
      ...model.schedules.flatMap((schedule) => this.schedule(schedule)),
    ];
  }

  private name(of: string): string {
    return `${this.site.stack}-${this.model.name}-${of}`;
  }

  private labels(component: string): Record<string, string> {
    return {
      "atalaya.stack": this.site.stack,
      "atalaya.system": this.model.name,
      "atalaya.component": component,
    };
  }

  private volume(name: string, component: string, protect: boolean): SwarmObject {
    return {
      type: "volume",
      key: `volume:${name}`,
      component,
      name: this.name(name),
      labels: this.labels(component),
      protect,
    };
  }

  /** Configs never change: another content is another name. */
  private config(name: string, component: string, content: string): SwarmConfig {
    return {
      type: "config",
      key: `config:${name}`,
      component,
      name: `${nameBase(this.name(name))}-${contentDigest(content)}`,
      data: content,
      labels: this.labels(component),
    };
  }

  private workload(workload: Workload): SwarmObject[] {
    const exposed = workload.exposures.length > 0;
    const service: SwarmService = {
      ...this.service(workload, {
        name: this.name(workload.name),
        container: {
          ...this.container(workload),
          // Which container is whose, for who observes them without asking the engine.
          ...(isObserved(this.model) ? { tag: this.name(workload.name) } : {}),
          health: healthCheck(workload.health),
          ...(workload.node === undefined
            ? {}
            : {
                nodeFolders: workload.node.reads.map(({ host, path }) => ({
                  source: host,
                  target: path,
                })),
              }),
          ...(workload.node?.keeps === undefined
            ? {}
            : {
                volumes: [
                  {
                    source: {
                      ref: `volume:${workload.node.keeps.name}`,
                      attribute: "name" as const,
                    },
                    target: workload.node.keeps.path,
                  },
                ],
              }),
        },
        restart: { condition: "any", delay: "1s" },
        converge: {
          // As FIRST_LOOK: just after the first check, when a container that starts well stands.
          delay: goDuration(workload.health.interval + 2),
          timeout: goDuration(workload.release.timeout),
        },
        after: workload.startAfter.map((name) => this.serviceKey(name)),
      }),
      ...(workload.facts === undefined
        ? {}
        : { labels: { ...this.labels(workload.component), ...factLabels(workload.facts) } }),
      version: workload.release.version,
      replicas: workload.node === undefined ? workload.scale.min : "one a node",
      update: {
        order: mayOverlap(workload, this.model.volumes) ? "start-first" : "stop-first",
        monitor: goDuration(workload.release.monitor),
      },
    };
    return exposed ? [service, ...this.front(workload)] : [service];
  }

  /** The one way in: two tasks cannot hold one host port, so a thin front holds it for the gateway. */
  private front(workload: Workload): SwarmObject[] {
    const name = frontName(workload.name);
    const config = this.config(`${name}-config`, workload.component, frontConfig(workload));
    const front: Workload = {
      name,
      component: workload.component,
      image: this.site.images.front,
      environment: {},
      secrets: [],
      files: [{ file: `${name}-config`, path: "/etc/haproxy/haproxy.cfg" }],
      volumes: [],
      scratch: [{ path: "/tmp", size: 2 ** 20 }],
      user: { uid: 10_090, gid: 10_090 },
      resources: {
        // It forwards what the gateway decrypts, reads and checks.
        cpu: { reserve: workload.resources.cpu.reserve / 2, limit: 1 },
        memory: { reserve: 2 ** 25, limit: 2 ** 28 },
      },
      // USR1: finishes what is open and takes nothing new.
      stop: { signal: "SIGUSR1", grace: 15 },
      ports: [],
      health: {
        ready: { command: ["atalaya-front", "health"] },
        live: { command: ["atalaya-front", "health"] },
        interval: 5,
        timeout: 2,
        retries: 3,
        startPeriod: 10,
      },
      scale: { min: 1, max: 1 },
      singleton: true,
      exposures: [],
      startAfter: [workload.name],
      release: { strategy: "rolling", version: "1", monitor: 5, timeout: 120 },
    };
    const [service] = this.workload(front) as [SwarmService];
    return [
      config,
      {
        ...service,
        ports: workload.exposures.map((e) => ({ published: e.public, target: e.port })),
        // Names lead to one address: the way in must not move to another node.
        placement: this.dataNode(),
      },
    ];
  }

  /**
   * A job is a service that stays up after success: it runs, leaves a mark, sleeps; its check looks
   * for the mark. Its name carries the digest of all that its work depends on, so that a change replaces
   * it; a failure fails `up` and is tried again by the next one.
   */
  private job(job: Job): SwarmService {
    const script = `set -e; "$@"; : > ${DONE}; exec sleep infinity`;
    const service: SwarmService = {
      ...this.service(job, {
        name: this.name(job.name),
        container: {
          ...this.container(job),
          command: ["/bin/sh", "-c", script, "job", ...job.command],
          health: {
            test: ["CMD-SHELL", jobTest(DONE)],
            interval: "1s",
            timeout: "40s",
            retries: 3,
            startPeriod: goDuration(job.timeout),
          },
        },
        restart: { condition: "none", delay: "1s" },
        converge: { delay: FIRST_LOOK, timeout: goDuration(job.timeout) },
        after: job.startAfter.map((name) => this.serviceKey(name)),
      }),
      labels: { ...this.labels(job.component), "atalaya.job": job.purpose },
      // It sleeps most of its life: what it reserved would be lost to the others.
      resources: {
        limits: {
          memoryBytes: job.resources.memory.limit,
          nanoCpus: nano(job.resources.cpu.limit),
        },
        reservation: { memoryBytes: 2 ** 24, nanoCpus: nano(0.01) },
      },
    };
    return { ...service, name: this.jobName(job, service) };
  }

  /** Whatever of it changed would have the engine run it again in place, where nobody looks at how it ends. */
  private jobName(
    job: Job,
    { container, networks, resources, placement }: SwarmService,
  ): VersionName {
    const secrets = job.secrets.flatMap((mount) => {
      const secret = this.model.secrets.find((s) => s.name === mount.secret);
      const content = secret === undefined ? [] : secretContent(secret);
      return typeof content === "string" ? [content] : content;
    });
    const files = this.model.files.filter((f) => job.files.some((m) => m.file === f.name));
    const work = { container, files, networks, resources, placement };
    return {
      base: nameBase(this.name(job.name)),
      content: [contentDigest(JSON.stringify(work)), ...secrets],
    };
  }

  private schedule(schedule: Schedule): SwarmObject[] {
    const crontab = `${schedule.cron} ${schedule.command.map(quote).join(" ")}\n`;
    const name = `${schedule.name}-crontab`;
    const container = this.container(schedule);
    return [
      this.config(name, schedule.component, crontab),
      this.service(schedule, {
        name: this.name(schedule.name),
        container: {
          ...container,
          command: [
            "supercronic",
            "-passthrough-logs",
            "-prometheus-listen-address",
            `127.0.0.1:${CLOCK.port}`,
            "/etc/atalaya/crontab",
          ],
          environment: { ...container.environment, TZ: "UTC" },
          configs: [
            ...container.configs,
            { ...this.references(`config:${name}`), path: "/etc/atalaya/crontab" },
          ],
          health: healthCheck({
            ...{ ready: { http: CLOCK }, live: { http: CLOCK } },
            ...{ interval: 5, timeout: 3, retries: 3, startPeriod: 10 },
          }),
        },
        restart: { condition: "any", delay: "5s" },
        converge: { delay: "7s", timeout: "2m" },
        after: schedule.startAfter.map((n) => this.serviceKey(n)),
      }),
    ];
  }

  private dataNode(): string[] {
    const { dataNode } = this.site;
    return dataNode === undefined ? [] : [`node.hostname==${dataNode}`];
  }

  private serviceKey(name: string): string {
    return `service:${name}`;
  }

  private references(key: string): { id: Reference; name: Reference } {
    return { id: { ref: key, attribute: "id" }, name: { ref: key, attribute: "name" } };
  }

  private container(of: Container): SwarmContainer {
    return {
      image: of.image,
      ...(of.command === undefined ? {} : { command: of.command }),
      ...(of.args === undefined ? {} : { args: of.args }),
      environment: of.environment,
      user: `${of.user.uid}:${of.user.gid}`,
      secrets: of.secrets.map((mount) => ({
        ...this.references(`secret:${mount.secret}`),
        file: mount.file,
        uid: String(of.user.uid),
        gid: String(of.user.gid),
      })),
      configs: of.files.map((mount) => ({
        ...this.references(`config:${mount.file}`),
        path: mount.path,
      })),
      volumes: of.volumes.map((mount) => ({
        source: { ref: `volume:${mount.volume}`, attribute: "name" },
        target: mount.path,
      })),
      tmpfs: of.scratch.map((s) => ({ target: s.path, sizeBytes: s.size })),
      ...(of.stop.signal === undefined ? {} : { stopSignal: of.stop.signal }),
      stopGrace: goDuration(of.stop.grace),
    };
  }

  private service(
    of: Container & { name: string; component: string },
    rest: Pick<SwarmService, "name" | "container" | "restart" | "converge" | "after">,
  ): SwarmService {
    return {
      type: "service",
      key: this.serviceKey(of.name),
      component: of.component,
      labels: this.labels(of.component),
      replicas: 1,
      networks: [
        ...this.networks.of(of.name).map((network) => ({
          network: { ref: `network:${network}`, attribute: "id" as const },
          // In one network alone: an instance must not be found twice.
          aliases:
            [of.component, entranceNetwork(of.component)].includes(network) &&
            isWatched(this.model, of.name)
              ? [of.name, qualified(this.model.name, of.name)]
              : [of.name],
        })),
        ...this.networks.elsewhere(of.name).map(({ system, network }) => ({
          network: { ref: `network:${network}`, attribute: "id" as const, system },
          aliases: [qualified(this.model.name, of.name)],
        })),
      ],
      resources: {
        limits: {
          memoryBytes: of.resources.memory.limit,
          nanoCpus: nano(of.resources.cpu.limit),
        },
        reservation: {
          memoryBytes: of.resources.memory.reserve,
          nanoCpus: nano(of.resources.cpu.reserve),
        },
      },
      // A local volume is on one node: whoever mounts it has to run there.
      placement: of.volumes.length > 0 ? this.dataNode() : [],
      ports: [],
      update: { order: "stop-first", monitor: "5s" },
      ...(this.model.logged ? { logged: true } : {}),
      ...rest,
    };
  }
}

const nano = (cores: number): number => Math.round(cores * 1e9);

interface NetworkPlan {
  readonly name: string;
  readonly component: string;
  readonly internal: boolean;
}

/**
 * Who shares a network with whom: one internal network for each component that provides, which its
 * consumers join and nobody else; one of its own with a way out for each consumer of something
 * outside; one between a gateway and its front, which alone has the host's ports; and one before the front, for whoever
 * watches whether it lets people in.
 */
class Networks {
  private readonly plans = new Map<string, NetworkPlan>();
  private readonly members = new Map<string, Set<string>>();

  constructor(private readonly model: SystemModel) {
    const external = new Set(model.externals.map((e) => e.name));
    const componentOf = new Map(runnables(model).map((r) => [r.name, r.component]));
    for (const { consumer, provider } of model.links) {
      if (external.has(provider)) {
        const component = componentOf.get(consumer) ?? consumer;
        this.join(`${consumer}-egress`, component, false, [consumer]);
      } else {
        const providing = model.workloads.filter((w) => w.component === provider);
        this.join(provider, provider, true, [consumer, ...providing.map((w) => w.name)]);
      }
    }
    for (const { to } of model.ways.filter((way) => way.to.system === model.name)) {
      const providing = model.workloads.filter((w) => w.component === to.component);
      const names = to.front
        ? providing.filter((w) => w.exposures.length > 0).map((w) => frontName(w.name))
        : providing.map((w) => w.name);
      this.join(entered(to), to.component, true, names);
    }
    for (const { name, component, exposures } of model.workloads) {
      if (exposures.length === 0) continue;
      this.join(frontNetwork(name), component, true, [name, frontName(name)]);
      this.join(`${name}-public`, component, false, [frontName(name)]);
    }
    for (const { name, component } of runnables(model)) {
      // Without any network a task would get the engine's own bridge, which leads outside.
      if (this.of(name).length === 0) this.join(`${name}-alone`, component, true, [name]);
    }
  }

  all(): NetworkPlan[] {
    return [...this.plans.values()];
  }

  /** In alphabetical order, so that the order of links changes nothing. */
  of(runnable: string): string[] {
    return [...this.members]
      .filter(([, members]) => members.has(runnable))
      .map(([network]) => network)
      .sort();
  }

  /** Networks of other systems, in alphabetical order. */
  elsewhere(workload: string): { system: string; network: string }[] {
    return this.model.ways
      .filter(({ from }) => from.system === this.model.name && from.workload === workload)
      .map(({ to }) => ({ system: to.system, network: entered(to) }))
      .sort((a, b) => (`${a.system}/${a.network}` < `${b.system}/${b.network}` ? -1 : 1));
  }

  private join(name: string, component: string, internal: boolean, who: readonly string[]): void {
    this.plans.set(name, { name, component, internal });
    const members = this.members.get(name) ?? new Set<string>();
    who.forEach((member) => members.add(member));
    this.members.set(name, members);
  }
}

/** A digest and what parts it from the name are added when the object is registered. */
const nameLength = ({ key, name }: SwarmObject): NameLength => ({
  key,
  length: typeof name === "string" ? name.length : name.base.length + DIGEST_LENGTH,
});
