import type { ServiceArgs } from "../../components/service";
import { System } from "../../components/system";
import { type Backup, NOTHING_RESTORED } from "../../model/backup";
import { ProblemsError } from "../../model/problems";
import { swarm } from "../../platforms/swarm/swarm";
import { IMAGES } from "./systems";

/** A system with nothing in it yet, as Swarm has it. */
export const emptyShop = (name = "shop"): System =>
  new System(name, { images: IMAGES, surroundings: swarm.surroundings });

/** A small service. */
export const serviceArgs = (more: Partial<ServiceArgs> = {}): ServiceArgs => ({
  image: "registry.example/app:v1",
  port: 8000,
  health: { live: "/live", ready: "/ready" },
  resources: { cpu: { reserve: 0.1, limit: 1 }, memory: { reserve: "64 MiB", limit: "128 MiB" } },
  ...more,
});

/** All that is wrong with a system. @returns empty where nothing is */
export function problemsOf(system: System): string {
  try {
    system.describe();
  } catch (error) {
    if (error instanceof ProblemsError) return error.message;
    throw error;
  }
  return "";
}

/** How the database of a shop is backed up, to a volume and to a bucket. */
export const DATABASE_BACKUP: Backup = {
  component: "db",
  workload: "db-backup",
  schedule: "db-backup-run",
  tool: "pgBackRest",
  continuous: true,
  cron: "17 3,7,11,15,19,23 * * *",
  interval: 14_400,
  storage: 2 ** 30,
  restored: NOTHING_RESTORED,
  repositories: [
    { name: "local", place: "volume db-backup-repository", offsite: false },
    { name: "offsite", place: "s3://copies/prod/shop", offsite: true },
  ],
};
