import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { SystemModel } from "../model/system";
import type { Site } from "../platforms/platform";
import { swarm } from "../platforms/swarm/swarm";
import { registerSwarm } from "./register-swarm";
import { SecretValues } from "./secrets";

export interface AtalayaArgs {
  /** The described system: `system.describe()`. */
  readonly system: SystemModel;
  readonly platform: "swarm";
  readonly site: Site;
  /** Values of configured secrets by their path. @default none */
  readonly sensitive?: ReadonlyMap<string, string>;
  /** The engine. @default the one of DOCKER_HOST or the local socket */
  readonly provider?: docker.Provider;
  /** References with digests, by reference. @default none */
  readonly pinned?: ReadonlyMap<string, string>;
  /** Registry that our own images are pulled from, with its credentials. */
  readonly registry?: { server: string; username: string; password: pulumi.Output<string> };
}

/** A component as its author wrote it: the parent of all that it became. */
class ComponentNode extends pulumi.ComponentResource {
  constructor(kind: string, name: string, parent: pulumi.Resource) {
    super(`atalaya:components:${kind}`, name, {}, { parent });
    this.registerOutputs();
  }
}

/**
 * A whole system in a Pulumi program, one child for each of its components.
 * @example new Atalaya("shop", { system: shop.describe(), platform: "swarm", site })
 */
export class Atalaya extends pulumi.ComponentResource {
  /** Where people find the system. */
  declare readonly urls: pulumi.Output<string[]>;
  /** Generated and configured secrets by name; encrypted in the state. */
  declare readonly credentials: pulumi.Output<Record<string, string>>;

  constructor(name: string, args: AtalayaArgs, opts?: pulumi.ComponentResourceOptions) {
    super("atalaya:index:System", name, {}, opts);
    const { system } = args;
    const nodes = new Map(
      system.components.map((component) => [
        component.name,
        new ComponentNode(component.kind, `${name}-${component.name}`, this),
      ]),
    );
    const parent = (component: string): pulumi.Resource => nodes.get(component) ?? this;
    const secrets = new SecretValues(
      name,
      system.secrets,
      args.sensitive ?? new Map(),
      parent,
      this,
    );
    const lowered = swarm.lower(system, args.site);
    for (const notice of lowered.notices) {
      void pulumi.log.warn(`${notice.path}: ${notice.message}`, this);
    }
    registerSwarm(lowered.objects, {
      system: name,
      secrets,
      parent,
      pinned: args.pinned ?? new Map(),
      provider: args.provider ?? new docker.Provider(`${name}-engine`, {}, { parent: this }),
      ...(args.registry === undefined ? {} : { registry: args.registry }),
    });
    this.urls = pulumi.output(system.endpoints.map((endpoint) => endpoint.url));
    this.credentials = secrets.all();
    this.registerOutputs({ urls: this.urls, credentials: this.credentials });
  }
}
