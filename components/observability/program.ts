import type { Probe, VolumeMount, Workload } from "../../model/system";
import { rolling } from "../release";
import { imageTag, type ResourceArgs, resources } from "../service";
import type { Component, Description } from "../system";

/** What runs: a program of the monitoring image, or an official image as it is. */
type Origin =
  | {
      /** What the monitoring image's entry point starts: its first argument. */
      readonly name: string;
      /** @default the image's own */
      readonly user?: Workload["user"];
    }
  | { readonly image: string; readonly user: Workload["user"] };

/** A program that observes, or keeps and shows what is observed, as its component describes it. */
export type Program = Origin & {
  readonly args?: readonly string[];
  readonly port: number;
  /** What its port is called. @default "metrics" */
  readonly portName?: string;
  /** Route that answers 2xx while it works. @default "/" */
  readonly live?: string;
  readonly ready?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly secrets?: Workload["secrets"];
  readonly files?: Workload["files"];
  readonly volumes?: readonly VolumeMount[];
  readonly scratch?: Workload["scratch"];
  readonly resources: ResourceArgs;
  readonly startAfter?: readonly string[];
  readonly node?: Workload["node"];
  readonly facts?: Workload["facts"];
  /** Seconds that a start may take. @default 60 */
  readonly startPeriod?: number;
  /** Seconds that an end may take. @default 20 */
  readonly grace?: number;
};

const USER = { uid: 10_070, gid: 10_070 };

/** One instance of it, hardened as every workload: no root, no writable root, limits. */
export function runs(to: Description, of: Component, program: Program): Workload {
  const { port, live = "/", args = [] } = program;
  const probe = (path: string): Probe => ({ http: { path, port } });
  return {
    name: of.name,
    component: of.name,
    ...("image" in program
      ? { image: program.image, ...(args.length === 0 ? {} : { args }) }
      : { image: of.system.args.images.monitoring, args: [program.name, ...args] }),
    environment: program.environment ?? {},
    secrets: program.secrets ?? [],
    files: program.files ?? [],
    volumes: program.volumes ?? [],
    scratch: program.scratch ?? [{ path: "/tmp", size: 2 ** 20 }],
    user: program.user ?? USER,
    resources: resources(to, of, program.resources),
    stop: { grace: program.grace ?? 20 },
    ports: [{ name: program.portName ?? "metrics", port }],
    health: {
      ready: probe(program.ready ?? live),
      live: probe(live),
      interval: 10,
      timeout: 3,
      retries: 3,
      startPeriod: program.startPeriod ?? 60,
    },
    scale: { min: 1, max: 1 },
    singleton: false,
    exposures: [],
    startAfter: program.startAfter ?? [],
    release: rolling({
      version: "image" in program ? imageTag(program.image) : "1",
      monitor: "5 s",
    }),
    ...(program.node === undefined ? {} : { node: program.node }),
    ...(program.facts === undefined ? {} : { facts: program.facts }),
  };
}
