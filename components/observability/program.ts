import type { Probe, VolumeMount, Workload } from "../../model/system";
import { rolling } from "../release";
import { type ResourceArgs, resources } from "../service";
import type { Component, Description } from "../system";

/** A program of the monitoring image, as its component describes it. */
export interface Program {
  /** What the image's entry point starts: its first argument. */
  readonly name: string;
  readonly args?: readonly string[];
  readonly port: number;
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
}

const USER = { uid: 10_070, gid: 10_070 };

/** One instance of it, hardened as every workload: no root, no writable root, limits. */
export function runs(to: Description, of: Component, program: Program): Workload {
  const { name, port, live = "/" } = program;
  const probe = (path: string): Probe => ({ http: { path, port } });
  return {
    name: of.name,
    component: of.name,
    image: of.system.args.images.monitoring,
    args: [name, ...(program.args ?? [])],
    environment: program.environment ?? {},
    secrets: program.secrets ?? [],
    files: program.files ?? [],
    volumes: program.volumes ?? [],
    scratch: program.scratch ?? [{ path: "/tmp", size: 2 ** 20 }],
    user: USER,
    resources: resources(to, of, program.resources),
    stop: { grace: 20 },
    ports: [{ name: "metrics", port }],
    health: {
      ready: probe(program.ready ?? live),
      live: probe(live),
      interval: 10,
      timeout: 3,
      retries: 3,
      startPeriod: 60,
    },
    scale: { min: 1, max: 1 },
    singleton: false,
    exposures: [],
    startAfter: program.startAfter ?? [],
    release: rolling({ version: "1", monitor: "5 s" }),
    ...(program.node === undefined ? {} : { node: program.node }),
  };
}
