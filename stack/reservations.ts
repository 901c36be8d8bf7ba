import { type Resources, scales, type SystemModel } from "../model/system";
import type { SiteConfig } from "./config";

/** By so much what a laptop's containers reserve of its CPU is divided. */
const DIVISOR = 5;

/** Cores: nothing less can be reserved on Swarm, nor counted on Kubernetes. */
const LEAST = 0.001;

/**
 * What a profile reserves for a system. Outside `dev` that is what its components ask for: a guarantee, when machines are full.
 * Nothing has to be guaranteed on a laptop, whose containers wait most of the time; there a reservation only decides whether a
 * stack finds a place. So that all systems do, watched and in the middle of an update, `dev` reserves a part of it, and the
 * same part of everybody, since Kubernetes shares a busy CPU out by that. Limits stay, and so does memory: CPU that is
 * short makes slow, memory that is short kills.
 */
export function reserve(model: SystemModel, profile: SiteConfig["profile"]): SystemModel {
  if (profile !== "dev") return model;
  return {
    ...model,
    // What scales does so by what it reserves: by less of it, a laptop would be full of instances.
    workloads: model.workloads.map((workload) => (scales(workload) ? workload : less(workload))),
    jobs: model.jobs.map(less),
    schedules: model.schedules.map(less),
  };
}

function less<T extends { readonly resources: Resources }>(of: T): T {
  const { cpu } = of.resources;
  const reserved = Math.max(LEAST, cpu.reserve / DIVISOR);
  return { ...of, resources: { ...of.resources, cpu: { ...cpu, reserve: reserved } } };
}
