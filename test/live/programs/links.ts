import { z } from "zod";
import { Postgres } from "../../../components/postgres/postgres";
import { Redis } from "../../../components/redis/redis";
import { rolling } from "../../../components/release";
import { Service } from "../../../components/service";
import { in_, System } from "../../../components/system";
import { deploy } from "../../../stack";
import type { SystemDefinition } from "../../../systems/definition";

const schema = z.strictObject({
  /** What the second consumer may do in the database; without it there is no such consumer. */
  reports: z.array(z.enum(["read", "write"])).optional(),
  /** Text that changes the first consumer's and its migration's description. */
  version: z.string().default("one"),
  failMigration: z.boolean().default(false),
});

/** A small system whose links change from one `up` to the next. */
const links: SystemDefinition<z.infer<typeof schema>> = {
  name: "links",
  schema,
  secrets: {},
  build({ reports, version, failMigration }, context) {
    const system = new System("links", context);
    const image = context.images["reference-service"];
    const health = { live: "/health/live", ready: "/health/ready" };
    const resources = {
      cpu: { reserve: 0.05, limit: 1 },
      memory: { reserve: "64 MiB", limit: "192 MiB" },
    } as const;
    const db = new Postgres("db", { version: 15, storage: "1 GiB" }, in_(system));
    const cache = new Redis("cache", { version: 7, memory: "32 MiB" }, in_(system));
    const ledger = new Service(
      "ledger",
      {
        image,
        port: 8000,
        health,
        environment: { NOTE: version, TEST_HOOKS: "true" },
        links: [db.as("ledger", { grants: ["read", "write"] }), cache.as("ledger")],
        migrate: {
          command: ["node", "/app/dist/main.js", "migrate"],
          environment: { NOTE: version, ...(failMigration ? { FAIL_MIGRATION: "true" } : {}) },
          links: [db.as("ledger-migrate", { grants: ["owner"] })],
          timeout: "30 s",
        },
        resources,
        release: rolling({ timeout: "2 min" }),
      },
      in_(system),
    );
    new Service(
      "clock",
      {
        image,
        port: 8000,
        health,
        environment: { ROLE: "bot" },
        links: [ledger.as("clock")],
        schedules: {
          tick: {
            cron: "* * * * *",
            command: [
              ...["curl", "-fsS", "-m", "20", "-H", "content-type: application/json"],
              ...["-d", '{"name":"it\'s a tick"}', "http://ledger:8000/api/v1/items"],
            ],
            links: [ledger.as("tick")],
          },
        },
        resources,
      },
      in_(system),
    );
    if (reports !== undefined) {
      new Service(
        "reports",
        {
          image,
          port: 8000,
          health,
          links: [
            db.as("reports", { grants: reports }),
            cache.as("reports", { keys: ["reports:*"] }),
          ],
          resources,
        },
        in_(system),
      );
    }
    return system;
  },
};

export = deploy([links]);
