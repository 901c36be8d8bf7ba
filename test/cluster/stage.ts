import { delimiter } from "node:path";
import type { Live } from "../live/cases/context";
import { type Cluster, startCluster } from "../support/cluster";
import { Kubernetes } from "../support/kubernetes";
import { type ConfigPatch, Workspace } from "../support/workspace";

/** A cluster with a stack of one system on it, for one test file. */
export class Stage {
  private cluster?: Cluster;
  private engine?: Kubernetes;

  constructor(
    private readonly live: Live,
    private readonly system: string,
    /** The Pulumi program, relative to the checkout. @default the checkout's own */
    private readonly main?: string,
  ) {}

  /**
   * Starts the cluster and makes the stack; nothing is deployed yet.
   * @param config may depend on what pods know this machine by: here stands what is outside the cluster
   */
  async begin(config: ConfigPatch | ((outside: string) => ConfigPatch)): Promise<Kubernetes> {
    const cluster = await startCluster();
    this.cluster = cluster;
    // The commands under test ask the cluster through kubectl.
    process.env["PATH"] = [...cluster.bin, process.env["PATH"]].join(delimiter);
    this.live.address = cluster.address;
    this.live.ports = { http: 80, https: 443 };
    const { stack, engine } = await this.another(
      typeof config === "function" ? config(cluster.outside) : config,
    );
    this.live.stack = stack;
    this.live.engine = engine;
    this.engine = engine;
    return engine;
  }

  /** Another system of the same stack: of those who watch. */
  of(name: string): Kubernetes {
    const { kubectl, kubeconfig } = this.cluster!;
    return new Kubernetes(kubectl, kubeconfig, this.live.stack.stack, name);
  }

  /** Brings images of this machine's Docker engine to the cluster's nodes. */
  load(...images: string[]): Promise<void> {
    return this.cluster!.load(...images);
  }

  /** Installs the VerticalPodAutoscaler and runs it. @returns ends it and removes it */
  startVerticalAutoscaler(): Promise<() => Promise<void>> {
    return this.cluster!.startVerticalAutoscaler();
  }

  /** One more stack of the system on the same cluster. */
  async another(config: ConfigPatch = {}): Promise<{ stack: Workspace; engine: Kubernetes }> {
    const { kubectl, kubeconfig } = this.cluster!;
    const stack = await Workspace.create({
      ...(this.main === undefined ? {} : { main: this.main }),
      config: {
        platform: "kubernetes",
        kubernetes: { kubeconfig },
        systems: [this.system],
        ...config,
      },
    });
    return { stack, engine: new Kubernetes(kubectl, kubeconfig, stack.stack, this.system) };
  }

  async end(): Promise<void> {
    await this.live.stack?.remove();
    await this.engine?.sweep();
    await this.cluster?.stop();
  }
}
