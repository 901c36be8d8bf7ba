import { stringify } from "yaml";

/** Part of a container's memory that the storage engine's cache gets; connections and sorting have the rest. */
const CACHE_SHARE = 0.4;

/** WiredTiger takes no less. */
const LEAST_CACHE_GIB = 0.25;

/**
 * mongod.conf as our image reads it; where it listens, its data, its replica set and its key are the
 * image's own business.
 * @param args.memoryLimit bytes
 */
export function mongodConf(args: { memoryLimit: number }): string {
  const gib = (args.memoryLimit / 2 ** 30) * CACHE_SHARE;
  return stringify({
    storage: {
      wiredTiger: {
        engineConfig: { cacheSizeGB: Math.max(LEAST_CACHE_GIB, Math.floor(gib * 100) / 100) },
      },
    },
    // Every probe would be two lines.
    systemLog: { quiet: true },
  });
}
