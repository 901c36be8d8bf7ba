import type { RepositoryArgs, S3Repository } from "../../model/backup";
import type { Text } from "../../model/text";
import { authorityPath, bucketPath } from "../backup/backup";

/** pgBackRest's own port for TLS. */
export const BACKUP_PORT = 8432;

/** Where a repository on a volume is mounted. */
export const REPOSITORY_PATH = "/var/lib/pgbackrest";

/** pgBackRest's own default. */
export const PGBACKREST_CONF = "/etc/pgbackrest/pgbackrest.conf";

/** Written by the image's program at each start, from the key that both ends share. */
const TLS = "/tmp/atalaya-backup";

/** Seconds; what longer and shorter ones do is in docs/measurements.md, "A slow line to a bucket". */
const WAL_TIMEOUT = 10;

/** How many timeouts pgBackRest takes until it gives a repository up: two files, twice, over connections made twice. */
const TRIES = 8;

/** Seconds that a backup waits for its WAL: pgBackRest's own default. */
const ARCHIVE_TIMEOUT = 60;

/** Options by section; the values are what a person, a component or the stack's configuration gave. */
export type Options = Readonly<Record<string, Readonly<Record<string, string | number>>>>;

/**
 * A file of options as pgBackRest reads it: one `key=value` a line, without any quoting.
 * @throws RangeError when a value could be read as something else
 */
export function optionsFile(options: Options): string {
  return Object.entries(options)
    .map(
      ([section, values]) =>
        `[${value(section, "section")}]\n${Object.entries(values)
          .map(([key, given]) => `${key}=${value(given, key)}\n`)
          .join("")}`,
    )
    .join("\n");
}

/** A line break would begin another option, and blanks at the ends are dropped. */
function value(given: string | number, key: string): string {
  const text = String(given);
  if (isOptionValue(text)) return text;
  throw new RangeError(
    `${key}: expected printable ASCII characters on one line, without a blank at either end`,
  );
}

/** Whether pgBackRest reads a text back as it is. */
export const isOptionValue = (text: string): boolean =>
  /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(text);

/** How one end of a connection proves who it is, below a prefix of options. */
const tls = (prefix: string, host: string): Record<string, string> => ({
  [prefix]: host,
  [`${prefix}-type`]: "tls",
  [`${prefix}-ca-file`]: `${TLS}/ca.crt`,
  [`${prefix}-cert-file`]: `${TLS}/own.crt`,
  [`${prefix}-key-file`]: `${TLS}/own.key`,
});

/** Lets one client in, for one stanza. */
const server = (client: string, stanza: string): Record<string, string> => ({
  "tls-server-address": "*",
  "tls-server-port": String(BACKUP_PORT),
  "tls-server-auth": `${client}=${stanza}`,
  "tls-server-ca-file": `${TLS}/ca.crt`,
  "tls-server-cert-file": `${TLS}/own.crt`,
  "tls-server-key-file": `${TLS}/own.key`,
});

/** What both ends have in common. Nothing is written to a disk but repositories. */
const COMMON = {
  "log-level-file": "off",
  "lock-path": "/tmp/pgbackrest",
  // Chosen where the data is: compression happens before anything crosses the network.
  "compress-type": "zst",
} as const;

export interface StanzaArgs {
  /** Name of the database component: the stanza, and the host on which it is. */
  readonly database: string;
  /** Host of the repositories. */
  readonly repository: string;
  readonly dataPath: string;
  readonly repositories: readonly RepositoryArgs[];
}

/** Options on the database's side. It knows where the repositories' host is, and no key of any. */
export function databaseOptions(of: StanzaArgs): Options {
  return {
    global: {
      ...COMMON,
      "log-level-console": "warn",
      // One repository that is away must not keep changes from the others: in the background they go on. What is
      // noted here is one small file for each segment of WAL that waits.
      "archive-async": "y",
      "spool-path": "/tmp/pgbackrest",
      ...Object.fromEntries(
        of.repositories.flatMap((_, i) => Object.entries(tls(`repo${i + 1}-host`, of.repository))),
      ),
      ...server(of.repository, of.database),
    },
    [of.database]: {
      "pg1-path": of.dataPath,
      "pg1-socket-path": "/var/run/postgresql",
    },
  };
}

/**
 * Options on the repositories' side, without the keys.
 * @param of.stack part of the path in a bucket
 * @param of.days how far back a database can be taken
 * @param of.walTimeout seconds without any progress with WAL
 */
export function repositoryOptions(
  of: StanzaArgs & { stack: string; system: string; days: number; walTimeout?: number },
): Options {
  const each = of.repositories.map((repository, i) => {
    const options: Record<string, string | number> = {
      ...(repository.kind === "s3"
        ? { ...s3(repository), path: bucketPath(of) }
        : { type: "posix", path: REPOSITORY_PATH }),
      // Thousands of small files become few objects.
      bundle: "y",
      "cipher-type": "aes-256-cbc",
      // Of backups older than so many days the newest full one stays: every moment since then can be reached.
      "retention-full-type": "time",
      "retention-full": of.days,
    };
    return Object.entries(options).map(([key, given]) => [`repo${i + 1}-${key}`, given] as const);
  });
  return {
    global: {
      ...COMMON,
      "log-level-console": "info",
      "process-max": 2,
      // Does not wait for the next checkpoint, which may be minutes away.
      "start-fast": "y",
      ...Object.fromEntries(each.flat()),
      ...server(of.database, of.database),
    },
    ...(of.repositories.length === 1 ? {} : patience(of.walTimeout)),
    [of.database]: { ...tls("pg1-host", of.database), "pg1-path": of.dataPath },
  };
}

/**
 * How long is waited for a repository that is away, where there are others: they get no WAL before it is given up.
 * A backup goes to one repository alone, and its large files keep pgBackRest's own minute.
 */
const patience = (walTimeout = WAL_TIMEOUT): Options => ({
  "global:archive-push": { "io-timeout": walTimeout },
  // A backup is complete with its WAL, which may come in the round of tries after the one under way.
  "global:backup": { "archive-timeout": ARCHIVE_TIMEOUT + Math.ceil(2 * TRIES * walTimeout) },
});

function s3(of: S3Repository): Record<string, string | number> {
  return {
    type: "s3",
    "s3-endpoint": of.endpoint,
    "s3-bucket": of.bucket,
    "s3-region": of.region,
    "s3-uri-style": of.pathStyle ? "path" : "host",
    "storage-port": of.port ?? 443,
    ...(of.authority === undefined ? {} : { "storage-ca-file": authorityPath(of) }),
  };
}

/**
 * The keys, as a file of options beside the others: encryption, and the bucket's.
 * @param keys names of secrets
 */
export function repositoryKeys(
  repositories: readonly RepositoryArgs[],
  keys: {
    readonly cipher: string;
    s3(repository: S3Repository): { accessKey: string; secretKey: string };
  },
): Text {
  return [
    "[global]\n",
    ...repositories.flatMap((repository, i) => {
      const prefix = `repo${i + 1}`;
      const own = [`${prefix}-cipher-pass=`, { secret: keys.cipher }, "\n"];
      if (repository.kind === "local") return own;
      const { accessKey, secretKey } = keys.s3(repository);
      return [
        ...own,
        `${prefix}-s3-key=`,
        { secret: accessKey },
        "\n",
        `${prefix}-s3-key-secret=`,
        { secret: secretKey },
        "\n",
      ];
    }),
  ];
}
