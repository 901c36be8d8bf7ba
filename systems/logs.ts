import { z } from "zod";
import { LogStore } from "../components/observability/logs/store";
import { in_, System } from "../components/system";
import { LOGS, OBSERVER } from "../model/observability";
import type { SystemDefinition } from "./definition";
import { duration, size } from "./fields";

const schema = z.strictObject({
  /** How long what containers print is kept; whole days. */
  keep: duration().default("30 d"),
  /** Others for single systems: personal data goes when its purpose does. */
  bySystem: z.record(z.string(), duration()).default({}),
  /** Size of their volume; the mode's when absent. */
  storage: size().optional(),
  /** Limit of Loki; the mode's when absent. */
  memory: size().optional(),
  /** Loki's official image elsewhere: a mirror, a registry of one's own. */
  image: z.string().min(1).optional(),
});

/** What a mode means here. */
const MODES = {
  lean: { storage: "5 GiB", memory: "256 MiB" },
  full: { storage: "20 GiB", memory: "512 MiB" },
} as const;

/**
 * What every container prints, kept and searchable (PR-04, FV-09). A system of its own: it holds personal data, and
 * nobody shares a namespace with that. It is there only where the stack says so.
 */
export const logs: SystemDefinition<z.infer<typeof schema>> = {
  name: LOGS.system,
  watches: true,
  optional: true,
  schema,
  secrets: {},
  build(config, context) {
    const { watched } = context;
    if (watched === undefined) throw new Error("there is nothing to keep logs of");
    const mode = MODES[watched.mode];
    const system = new System(LOGS.system, context);
    new LogStore(
      {
        keep: config.keep,
        bySystem: config.bySystem,
        // Those that watch come after it, and print as well.
        systems: [
          ...watched.systems.map(({ name }) => name),
          ...[LOGS.system, LOGS.agent.system, OBSERVER.system],
        ],
        storage: config.storage ?? mode.storage,
        ...(config.image === undefined ? {} : { image: config.image }),
        resources: {
          cpu: { reserve: 0.1, limit: 1 },
          memory: { reserve: "128 MiB", limit: config.memory ?? mode.memory },
        },
      },
      in_(system),
    );
    return system;
  },
};
