import type { z } from "zod";
import type { System, SystemArgs } from "../components/system";
import type { LogFiles } from "../model/observability";
import type { Problem } from "../model/problems";
import type { SecretSource, SystemModel } from "../model/system";

/** Sizes, replicas, retention and how strict a stack is follow from it. */
export type Profile = "dev" | "staging" | "prod";

/** A sensitive value of a system, set with `pulumi config set --secret`. */
export interface SecretDefinition<Config = unknown> {
  /** What it is, for messages. */
  readonly about: string;
  /** Characters. @default 1 */
  readonly minLength?: number;
  /**
   * It has to be an address, `https://…`; at a host that the configuration names, where it names one:
   * `host` or `host:port`. @default any text
   */
  readonly address?: { at?(config: Config): string | undefined };
  /** `dev` makes one up when none is set; `never` leaves what needs it off. @default "dev" */
  readonly generate?: "dev" | "never";
}

/** What a system may know of the stack that it is built for. */
export interface BuildContext extends SystemArgs {
  readonly profile: Profile;
  readonly images: SystemArgs["images"] & { readonly "reference-service": string };
  /** A sensitive value of the system; absent when it is neither set nor made up. */
  readonly secret: (name: string) => SecretSource | undefined;
  /** For those that watch. */
  readonly watched?: Watched;
}

/** What is watched, and how much of it. */
export interface Watched {
  readonly mode: "lean" | "full";
  /** Everything of the stack that was described before. */
  readonly systems: readonly SystemModel[];
  /** A name whose addresses are all instances of a workload, as the platform gives it. */
  readonly address: (system: string, workload: string) => string;
  /** How its containers are called on their node. */
  readonly containers: (system: string, workload: string) => string;
  /** Where nodes keep what containers print. */
  readonly logFiles: LogFiles;
}

/** One of the systems that a stack can select: its typed configuration, and how to build it. */
export interface SystemDefinition<Config = unknown> {
  readonly name: string;
  /** It watches the others: part of every stack that is monitored, and selected by nobody. @default false */
  readonly watches?: boolean;
  /** Of those that watch: part of a stack only where it is configured, if only with the word `on`. @default false */
  readonly optional?: boolean;
  /** Of the stack's configuration object of the same name, without `secrets`. */
  readonly schema: z.ZodType<Config>;
  readonly secrets: Readonly<Record<string, SecretDefinition<Config>>>;
  /**
   * What a profile forbids, at paths below the system's name.
   * @param handedOver as {@link BuildContext} has it
   */
  check?(config: Config, profile: Profile, handedOver?: boolean): readonly Problem[];
  /** What is allowed, and better otherwise; said at every preview. Paths as those of `check`. */
  advise?(config: Config, profile: Profile, handedOver?: boolean): readonly Problem[];
  build(config: Config, context: BuildContext): System;
}
