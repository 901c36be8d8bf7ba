import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client, DatabaseError, escapeIdentifier } from "pg";
import type { Config, DatabaseConfig, ResourceKind } from "./config";
import { databaseClientConfig } from "./dependencies";
import type { Logger } from "./log";
import { backoffMs } from "./timing";

/** One file of `migrations/`. Those named `*.always.sql` run every time and are idempotent. */
export interface Migration {
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
  readonly always: boolean;
}

/** Those of orders stand apart; all other kinds of resources share the rest. */
const migrationsOf = (kind: ResourceKind): string =>
  join(__dirname, "..", "migrations", kind === "orders" ? "orders" : "");
/** Any number that no other program locks in these databases. */
const ADVISORY_LOCK = 7_205_759_403;
/** A migration that waits for a table's lock makes everybody behind it wait: not for long. */
const LOCK_TIMEOUT = "10s";

/** For tests of a failing release. */
const FAILING: Migration = toMigration(
  "9999_fails_on_request.sql",
  "SELECT * FROM public.table_that_no_migration_makes",
);

function toMigration(name: string, sql: string): Migration {
  const checksum = createHash("sha256").update(sql).digest("hex");
  return { name, sql, checksum, always: name.endsWith(".always.sql") };
}

/** The folder's migrations in the order of their names. */
export async function readMigrations(kind: ResourceKind = "items"): Promise<Migration[]> {
  const folder = migrationsOf(kind);
  const names = (await readdir(folder)).filter((name) => name.endsWith(".sql")).sort();
  return Promise.all(
    names.map(async (name) => toMigration(name, await readFile(join(folder, name), "utf8"))),
  );
}

/**
 * What has to run.
 * @param applied checksum by name of what has run
 * @throws Error when a file was changed after it ran: a database cannot take it back
 */
export function pendingMigrations(
  all: readonly Migration[],
  applied: ReadonlyMap<string, string>,
): Migration[] {
  return all.filter(({ name, checksum, always }) => {
    const ran = applied.get(name);
    if (always || ran === undefined) return true;
    if (ran !== checksum) {
      throw new Error(`${name} was changed after it ran; write a new migration instead`);
    }
    return false;
  });
}

/** One line that says what the database said, and where. */
export function describeSqlError(error: unknown): string {
  if (!(error instanceof DatabaseError))
    return error instanceof Error ? error.message : String(error);
  const { severity = "ERROR", code, message, position } = error;
  return `${severity} ${code}: ${message}${position ? ` at character ${position}` : ""}`;
}

/** Connects, trying again for a while: the database may be starting, or its roles be on the way. */
async function connect(database: DatabaseConfig, waitMs: number, log: Logger): Promise<Client> {
  const giveUpAt = Date.now() + waitMs;
  for (let attempt = 0; ; attempt++) {
    const client = new Client(databaseClientConfig(database, "migrate"));
    client.on("error", (err) => log.warn({ err }, "database connection lost"));
    try {
      await client.connect();
      return client;
    } catch (error) {
      await client.end().catch(() => undefined);
      const pauseMs = backoffMs(attempt);
      if (Date.now() + pauseMs > giveUpAt) throw error;
      log.info({ reason: describeSqlError(error), pauseMs }, "waiting for the database");
      await sleep(pauseMs);
    }
  }
}

async function inTransaction(client: Client, work: () => Promise<void>): Promise<void> {
  await client.query("BEGIN");
  try {
    await work();
    await client.query("COMMIT");
  } catch (error) {
    // The first error is the one to tell, also when the connection is gone with it.
    await client.query("ROLLBACK").catch(() => undefined);
    throw error;
  }
}

/**
 * Runs what has not run yet, each file in its transaction, one migrator at a time.
 * @returns the names of what ran
 * @throws Error whose message names the file and what the database said
 */
export async function migrate(
  config: Config & { readonly database: DatabaseConfig },
  log: Logger,
): Promise<string[]> {
  const { database } = config;
  const client = await connect(database, config.migrateWaitSeconds * 1000, log);
  try {
    if (database.ownerRole) await client.query(`SET ROLE ${escapeIdentifier(database.ownerRole)}`);
    await client.query("SELECT pg_advisory_lock($1)", [ADVISORY_LOCK]);
    await client.query(`SET lock_timeout = '${LOCK_TIMEOUT}'`);
    await client.query(`CREATE TABLE IF NOT EXISTS public.schema_migrations (
      name text PRIMARY KEY,
      checksum text NOT NULL,
      applied_at timestamptz NOT NULL DEFAULT now()
    )`);
    const { rows } = await client.query<{ name: string; checksum: string }>(
      "SELECT name, checksum FROM public.schema_migrations",
    );
    const applied = new Map(rows.map(({ name, checksum }) => [name, checksum]));
    const pending = pendingMigrations(await readMigrations(config.resourceKind), applied);
    if (config.failMigration) pending.push(FAILING);
    for (const migration of pending) await apply(client, migration, log);
    return pending.map(({ name }) => name);
  } finally {
    // Ends the session, and with it the advisory lock.
    await client.end().catch(() => undefined);
  }
}

async function apply(client: Client, migration: Migration, log: Logger): Promise<void> {
  const { name, sql, checksum } = migration;
  try {
    await inTransaction(client, async () => {
      await client.query(sql);
      await client.query(
        `INSERT INTO public.schema_migrations (name, checksum) VALUES ($1, $2)
         ON CONFLICT (name) DO UPDATE SET checksum = excluded.checksum, applied_at = now()`,
        [name, checksum],
      );
    });
  } catch (error) {
    throw new Error(`migration ${name} failed: ${describeSqlError(error)}`, { cause: error });
  }
  log.info({ migration: name }, "migration applied");
}
