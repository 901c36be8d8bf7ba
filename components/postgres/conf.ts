function archiveCommand({ stanza, keepWal }: { stanza?: string; keepWal?: boolean }): string {
  // PostgreSQL keeps everything until there is a command.
  if (keepWal) return "''";
  return stanza === undefined
    ? "'/usr/local/bin/atalaya-postgres archive %p'"
    : // pgBackRest's own check looks for its name here.
      `'pgbackrest --stanza=${stanza} archive-push %p'`;
}

/**
 * postgresql.conf as our image reads it. Sizes follow the memory limit, by the rules of thumb of
 * the PostgreSQL manual: a quarter for shared buffers, three quarters as the planner's idea of
 * cached data.
 * @param args.memoryLimit bytes
 * @param args.stanza what pgBackRest calls the database @default none: it is not backed up
 * @param args.keepWal it serves nobody yet: what it writes is kept for when it does @default false
 */
export function postgresConf(args: {
  memoryLimit: number;
  maxConnections: number;
  stanza?: string;
  keepWal?: boolean;
}): string {
  const mib = Math.floor(args.memoryLimit / 2 ** 20);
  const settings: Record<string, string | number> = {
    listen_addresses: "'*'",
    port: 5432,
    unix_socket_directories: "'/var/run/postgresql'",
    max_connections: args.maxConnections,
    password_encryption: "'scram-sha-256'",
    shared_buffers: `${Math.max(32, Math.floor(mib / 4))}MB`,
    effective_cache_size: `${Math.max(64, Math.floor((mib * 3) / 4))}MB`,
    work_mem: `${Math.max(1, Math.floor(mib / 4 / args.maxConnections))}MB`,
    maintenance_work_mem: `${Math.max(16, Math.floor(mib / 16))}MB`,
    // The container's /dev/shm is 64 MiB: parallel queries would fail on it.
    dynamic_shared_memory_type: "mmap",
    wal_level: "replica",
    max_wal_senders: 5,
    // On from the first day: switching it on later needs a restart.
    archive_mode: "on",
    archive_command: archiveCommand(args),
    archive_timeout: args.keepWal ? 0 : "30s",
    wal_compression: "on",
    checkpoint_completion_target: 0.9,
    log_destination: "'stderr'",
    logging_collector: "off",
    log_min_duration_statement: "500ms",
    log_checkpoints: "off",
    log_lock_waits: "on",
    log_line_prefix: "'%m [%p] %q%u@%d '",
    // Statements can hold what a user typed; errors are enough to find one.
    log_statement: "'none'",
    log_parameter_max_length: 0,
    log_parameter_max_length_on_error: 0,
    idle_in_transaction_session_timeout: "60s",
    timezone: "'UTC'",
    log_timezone: "'UTC'",
  };
  return `${Object.entries(settings)
    .map(([key, value]) => `${key} = ${value}`)
    .join("\n")}\n`;
}
