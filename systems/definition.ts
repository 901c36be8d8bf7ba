import type { z } from "zod";
import type { System, SystemArgs } from "../components/system";
import type { Problem } from "../model/problems";
import type { SecretSource } from "../model/system";

/** Sizes, replicas, retention and how strict a stack is follow from it. */
export type Profile = "dev" | "staging" | "prod";

/** A sensitive value of a system, set with `pulumi config set --secret`. */
export interface SecretDefinition {
  /** What it is, for messages. */
  readonly about: string;
  /** Characters. @default 1 */
  readonly minLength?: number;
  /** `dev` makes one up when none is set; `never` leaves what needs it off. @default "dev" */
  readonly generate?: "dev" | "never";
}

/** What a system may know of the stack that it is built for. */
export interface BuildContext extends SystemArgs {
  readonly profile: Profile;
  readonly images: SystemArgs["images"] & { readonly "reference-service": string };
  /** A sensitive value of the system; absent when it is neither set nor made up. */
  readonly secret: (name: string) => SecretSource | undefined;
}

/** One of the systems that a stack can select: its typed configuration, and how to build it. */
export interface SystemDefinition<Config = unknown> {
  readonly name: string;
  /** Of the stack's configuration object of the same name, without `secrets`. */
  readonly schema: z.ZodType<Config>;
  readonly secrets: Readonly<Record<string, SecretDefinition>>;
  /** What a profile forbids, at paths below the system's name. */
  check?(config: Config, profile: Profile): readonly Problem[];
  build(config: Config, context: BuildContext): System;
}
