import * as pulumi from "@pulumi/pulumi";
import type { Problem } from "../model/problems";
import type { ComponentModel, SystemModel } from "../model/system";
import { SecretValues } from "./secrets";

/** What a place needs to know of a system besides its description. */
export interface PlaceContext {
  readonly system: string;
  readonly secrets: SecretValues;
  /** The resource of the whole system. */
  readonly owner: pulumi.Resource;
  /** The resource of a component, under which its objects stand; the system's own without one. */
  parent(component?: string): pulumi.Resource;
  /** What has to be there before anything of the system runs. */
  readonly after: pulumi.Resource[];
}

/** A platform with the engine that it leads to: `onSwarm(…)`, `onKubernetes(…)`. */
export interface Target {
  /** Values that the platform itself needs, by name. */
  readonly values?: ReadonlyMap<string, pulumi.Output<string>>;
  /** Lowers a system and hands its objects to Pulumi. Returns what this platform cannot honour. */
  place(system: SystemModel, context: PlaceContext): readonly Problem[];
}

export interface AtalayaArgs {
  /** The described system: `system.describe()`. */
  readonly system: SystemModel;
  /** @example onSwarm({ site }) */
  readonly platform: Target;
  /** Values of configured secrets by their path. @default none */
  readonly sensitive?: ReadonlyMap<string, string>;
  /**
   * Nothing of the system runs before these are there; when all goes, it goes first.
   * @default none
   */
  readonly after?: readonly Atalaya[];
}

/** A component as its author wrote it: the parent of all that it became. */
class ComponentNode extends pulumi.ComponentResource {
  constructor({ kind, kin = [] }: ComponentModel, name: string, parent: pulumi.Resource) {
    const type = (of: string): string => `atalaya:components:${of}`;
    // One kind takes over what was made for another: its children keep their identity with it.
    const aliases = kin.filter((other) => other !== kind).map((other) => ({ type: type(other) }));
    super(type(kind), name, {}, { parent, aliases });
    this.registerOutputs();
  }
}

/**
 * A whole system in a Pulumi program, one child for each of its components.
 * @example new Atalaya("shop", { system: shop.describe(), platform: onSwarm({ site }) })
 */
export class Atalaya extends pulumi.ComponentResource {
  /** Where people find the system. */
  declare readonly urls: pulumi.Output<string[]>;
  /** Generated and configured secrets by name; encrypted in the state. */
  declare readonly credentials: pulumi.Output<Record<string, string>>;

  constructor(name: string, args: AtalayaArgs, opts?: pulumi.ComponentResourceOptions) {
    super("atalaya:index:System", name, {}, opts);
    const { system, platform } = args;
    const nodes = new Map(
      system.components.map((component) => [
        component.name,
        new ComponentNode(component, `${name}-${component.name}`, this),
      ]),
    );
    const parent = (component?: string): pulumi.Resource =>
      (component === undefined ? undefined : nodes.get(component)) ?? this;
    const secrets = new SecretValues(
      name,
      system.secrets,
      args.sensitive ?? new Map(),
      parent,
      this,
      platform.values,
    );
    const notices = platform.place(system, {
      ...{ system: name, secrets, owner: this, parent },
      after: [...(args.after ?? [])],
    });
    for (const notice of notices) {
      void pulumi.log.warn(`${notice.path}: ${notice.message}`, this);
    }
    this.urls = pulumi.output(system.endpoints.map((endpoint) => endpoint.url));
    this.credentials = secrets.all();
    this.registerOutputs({ urls: this.urls, credentials: this.credentials });
  }
}
