import type { Workload } from "../../model/system";
import { StoreCopy } from "../backup/copy";
import type { Description } from "../system";
import type { BackedUpPostgres } from "./backup";
import { postgresConf } from "./conf";

/** A database that was made from a backup; made by `Postgres`. */
export class PostgresCopy extends StoreCopy<BackedUpPostgres> {
  protected override describeServer(to: Description, server: Workload): void {
    const { backup, database, name } = this;
    const of = backup.databaseSide();
    const conf = `${name}-conf`;
    to.files.push({
      name: conf,
      component: name,
      content: postgresConf({
        memoryLimit: server.resources.memory.limit,
        maxConnections: database.maxConnections,
        keepWal: true,
      }),
    });
    const beside: Workload = {
      ...server,
      environment: Object.fromEntries(
        Object.entries(server.environment).filter(([key]) => !(key in of.environment)),
      ),
      secrets: server.secrets.filter(({ secret }) => of.secrets.every((o) => o.secret !== secret)),
      files: server.files
        .filter(({ file }) => of.files.every((o) => o.file !== file))
        .map(({ path }) => ({ file: conf, path })),
      ports: server.ports.filter(({ port }) => of.ports.every((o) => o.port !== port)),
    };
    super.describeServer(to, beside);
    // For rows that go back. The other way round the database itself would have to be restarted.
    to.path(
      name,
      database.name,
      beside.ports.map(({ port }) => port),
      { label: "rows that go back" },
    );
  }
}
