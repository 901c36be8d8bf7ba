import { isAbsolute } from "node:path";
import { z } from "zod";
import type {
  Backup,
  BackupHours,
  BackupsArgs,
  DrillEvery,
  RepositoryArgs,
  Restored,
  RestoredCopy,
} from "../model/backup";
import { isHostName } from "../model/names";
import type { Problem } from "../model/problems";
import type { SecretSource } from "../model/system";
import {
  type Duration,
  isDuration,
  isSize,
  missingDay,
  noSuchDay,
  seconds,
  type Size,
} from "../model/units";

const EVERY = ["1 h", "2 h", "3 h", "4 h", "6 h", "8 h", "12 h", "24 h"] as const;

/** What pgBackRest and every other reader of `key=value` lines reads back as it was written. */
const WORD = /^[\x21-\x7e]+$/;

const word = (): z.ZodType<string> =>
  z.string().regex(WORD, "is no name: expected printable ASCII characters without blanks");

const bucket = z.strictObject({
  /** Host name of the service. */
  endpoint: z
    .string()
    .refine(isHostName, "is no host name: a scheme and a path do not belong to it"),
  port: z.int().min(1).max(65_535).default(443),
  bucket: word(),
  region: word(),
  /** The bucket stands in the path instead of the host name. */
  pathStyle: z.boolean().default(false),
  /** Certificates of the authority that vouches for the endpoint (PEM); absent: the public ones. */
  authority: z
    .string()
    .regex(/^-----BEGIN CERTIFICATE-----\n/, "is no certificate in PEM")
    .optional(),
});

/** A moment with its zone, of a day that there is. */
export const isMoment = (text: string): boolean =>
  /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)$/.test(text) &&
  missingDay(text) === undefined &&
  !Number.isNaN(Date.parse(text));

/**
 * The moment that Pulumi made of one without quotes: YAML takes it for a timestamp, and Pulumi hands that over as Go
 * prints it. It may be meant otherwise: a time without a zone has become one of UTC, a day its midnight.
 * @example unquoted("2026-11-23 10:15:00 +0200 +0200") // "2026-11-23T10:15:00+02:00"
 */
export function unquoted(text: string): string | undefined {
  const [, day, time, hours, minutes] =
    /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d{1,6})?)\d* ([+-]\d\d)(\d\d) \S+$/.exec(text) ?? [];
  if (day === undefined) return undefined;
  const zone = `${hours}:${minutes}`;
  return `${day}T${time}${zone === "+00:00" ? "Z" : zone}`;
}

const wrongMoment = (given: unknown): string => {
  const text = typeof given === "string" ? given : "";
  const why = noSuchDay(text);
  if (why !== "") return `is no moment${why}`;
  const moment = unquoted(text);
  return moment === undefined
    ? 'is neither latest nor a moment with its zone: "2026-11-23T10:15:00Z"'
    : `is no text: without quotes YAML takes it for a timestamp. Write it in quotes, with its zone: "${moment}"`;
};

/** As `pg_create_restore_point` takes it, of characters that mean nothing to anybody. */
export const isRestorePoint = (text: string): boolean => /^[A-Za-z0-9][\w.-]{0,62}$/.test(text);

/** Of pgBackRest's backups, or of restic's. */
export const isBackupLabel = (text: string): boolean =>
  /^(\d{8}-\d{6}F(_\d{8}-\d{6}[DI])?|[0-9a-f]{8})$/.test(text);

/** One restored copy, as the command writes it and a review reads it. */
const restoredCopy = z
  .strictObject({
    /** `latest`, or a moment. */
    to: z
      .string()
      .refine((text) => text === "latest" || isMoment(text), {
        error: ({ input }) => wrongMoment(input),
      })
      .optional(),
    /** A restore point instead. */
    toName: z.string().refine(isRestorePoint, "is no name of a restore point").optional(),
    from: z.string(),
    set: z.string().refine(isBackupLabel, "is no label: `atalaya backup list` has them").optional(),
    timeline: z.int().min(1).optional(),
    /** The database ran on it once. */
    served: z.boolean().default(false),
  })
  .refine(({ to, toName }) => (to === undefined) !== (toName === undefined), {
    message: "needs either to or toName",
  });

const restored = z.strictObject({
  /** Number of the copy that the database runs on; 0 is its first volume. */
  serves: z.int().min(0).default(0),
  /** Number of the copy that has a server of its own. */
  beside: z.int().min(1).optional(),
  copies: z.record(z.string().regex(/^[1-9]\d{0,2}$/, "is no number"), restoredCopy).default({}),
});

/** The stack's `backups`, without the keys of buckets. */
export const backupsSchema = z
  .strictObject({
    /** A volume beside each database: not off-site. */
    local: z
      .strictObject({
        storage: z
          .string()
          .refine((text): text is Size => isSize(text), 'is no size: expected for example "50 GiB"')
          .default("20 GiB"),
      })
      .optional(),
    /** Buckets by a name of their own. */
    s3: z
      .record(
        z
          .string()
          .regex(/^(?!local$)[a-z](?:[a-z0-9-]{0,14}[a-z0-9])?$/, "is no name for a repository"),
        bucket,
      )
      .default({}),
    /** The profile's when absent. */
    every: z.enum(EVERY).optional(),
    /** Hour (UTC) at which a day's first backup is made. */
    from: z.int().min(0).max(23).default(3),
    /** How far back a database can be taken; the profile's when absent. */
    keep: z
      .string()
      .refine((text): text is Duration => isDuration(text), 'is no time: expected "14 d"')
      .refine((text) => wholeDays(text), "is not a number of days")
      .optional(),
    /** How long WAL waits for a bucket that makes no progress, where there is another place; the component's when absent. */
    walTimeout: z
      .string()
      .refine((text): text is Duration => isDuration(text), 'is no time: expected "5 s"')
      .refine(
        (text) => !isDuration(text) || between(1, seconds(text), 600),
        "is not between 1 s and 10 min",
      )
      .optional(),
    /** How often a restore is tried; the profile's when absent. */
    drill: z.enum(["daily", "weekly", "monthly", "off"]).optional(),
    /**
     * Folder that `atalaya up` copies the stack's own state and configuration to after each change: of whoever runs it, so
     * it is of no meaning to the stack.
     */
    state: z
      .string()
      .refine(isAbsolute, 'is no absolute path: expected for example "/mnt/elsewhere/atalaya"')
      .optional(),
    /** What was restored, by system and database: `atalaya backup restore` writes it. */
    restored: z.record(z.string(), z.record(z.string(), restored)).default({}),
  })
  .optional();

const between = (from: number, value: number, to: number): boolean => from <= value && value <= to;

function wholeDays(text: string): boolean {
  const days = isDuration(text) ? seconds(text) / 86_400 : 0;
  return Number.isInteger(days) && days >= 1;
}

/** What a profile means here. */
const PROFILES = {
  dev: { every: "6 h", keep: "7 d", drill: "weekly" },
  staging: { every: "4 h", keep: "14 d", drill: "daily" },
  prod: { every: "1 h", keep: "35 d", drill: "monthly" },
} as const;

const KEYS = ["accessKey", "secretKey"] as const;

/** Keys of buckets, by the name of their repository: taken out of a stack's `backups` before it is checked. */
export type BucketKeys = Readonly<
  Record<string, Readonly<Partial<Record<(typeof KEYS)[number], unknown>>>>
>;

/** Parts what is secret from what is not. */
export function bucketKeys(given: unknown): { rest: unknown; keys: BucketKeys } {
  const whole = given as { s3?: Record<string, Record<string, unknown>> } | null | undefined;
  if (typeof whole?.s3 !== "object" || whole.s3 === null) return { rest: given, keys: {} };
  const entries = Object.entries(whole.s3).filter(
    ([, of]) => typeof of === "object" && of !== null,
  );
  const pick = (of: Record<string, unknown>, wanted: boolean): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(of).filter(([key]) => (KEYS as readonly string[]).includes(key) === wanted),
    );
  return {
    rest: {
      ...whole,
      s3: { ...whole.s3, ...Object.fromEntries(entries.map(([n, of]) => [n, pick(of, false)])) },
    },
    keys: Object.fromEntries(entries.map(([name, of]) => [name, pick(of, true)])),
  };
}

/**
 * What components need to know of a stack's backups.
 * @param secret source of a configured value, once it is checked; reports what is wrong with it
 */
export function loadBackups(
  config: z.infer<typeof backupsSchema>,
  profile: keyof typeof PROFILES,
  keys: BucketKeys,
  secret: (path: readonly string[], value: unknown) => SecretSource,
  problems: Problem[],
): Omit<BackupsArgs, "stack"> | undefined {
  if (config === undefined) return undefined;
  const { every, keep } = PROFILES[profile];
  const drill: DrillEvery | "off" = config.drill ?? PROFILES[profile].drill;
  const names = Object.keys(config.s3).sort();
  const repositories: RepositoryArgs[] = [
    ...(config.local === undefined
      ? []
      : [{ kind: "local" as const, name: "local", storage: config.local.storage }]),
    ...names.map((name): RepositoryArgs => {
      const { authority, ...of } = config.s3[name]!;
      const key = (which: (typeof KEYS)[number]): SecretSource =>
        secret(["s3", name, which], keys[name]?.[which]);
      return {
        kind: "s3",
        name,
        ...of,
        ...(authority === undefined ? {} : { authority }),
        accessKey: key("accessKey"),
        secretKey: key("secretKey"),
      };
    }),
  ];
  problems.push(...places(repositories, profile));
  const copies = mapped(config.restored, (of, system) =>
    mapped(of, (database, component): Restored => {
      const at = `backups.restored.${system}.${component}`;
      problems.push(...restoredProblems(database, at, repositories));
      const { beside } = database;
      return {
        copies: Object.entries(database.copies).map(([n, copy]) => copyOf(Number(n), copy)),
        serves: database.serves,
        ...(beside === undefined ? {} : { beside }),
      };
    }),
  );
  return {
    repositories,
    every: Number.parseInt(config.every ?? every, 10) as BackupHours,
    from: config.from,
    keep: config.keep ?? keep,
    ...(config.walTimeout === undefined ? {} : { walTimeout: config.walTimeout }),
    ...(drill === "off" ? {} : { drill }),
    ...(Object.keys(copies).length === 0 ? {} : { restored: copies }),
  };
}

const mapped = <From, To>(
  of: Readonly<Record<string, From>>,
  to: (value: From, key: string) => To,
): Record<string, To> =>
  Object.fromEntries(Object.entries(of).map(([key, value]) => [key, to(value, key)]));

const copyOf = (
  number: number,
  { to, toName, from, set, timeline, served }: z.infer<typeof restoredCopy>,
): RestoredCopy => ({
  number,
  target:
    toName === undefined
      ? to === undefined || to === "latest"
        ? "latest"
        : { time: to }
      : { name: toName },
  from,
  ...(set === undefined ? {} : { set }),
  ...(timeline === undefined ? {} : { timeline }),
  served,
});

/** Numbers and names that lead nowhere. */
function restoredProblems(
  { serves, beside, copies }: z.infer<typeof restored>,
  at: string,
  repositories: readonly RepositoryArgs[],
): Problem[] {
  const problems: Problem[] = [];
  const numbers = Object.keys(copies).map(Number);
  const there = numbers.length === 0 ? "there is none" : `there are ${numbers.join(", ")}`;
  if (serves !== 0 && !numbers.includes(serves)) {
    const fix = `${there}; 0 is the first volume`;
    problems.push({ path: `${at}.serves`, message: `there is no copy ${serves}`, fix });
  }
  if (beside !== undefined && !numbers.includes(beside)) {
    problems.push({ path: `${at}.beside`, message: `there is no copy ${beside}`, fix: there });
  }
  if (beside !== undefined && beside === serves) {
    const fix = "take beside out, run `up`, then set serves: two servers cannot share a volume";
    problems.push({ path: `${at}.beside`, message: `copy ${beside} serves`, fix });
  }
  const names = repositories.map(({ name }) => name);
  for (const [number, { from, served }] of Object.entries(copies)) {
    // What the database ran on was made long ago: its repository may have gone since.
    if (served || names.includes(from)) continue;
    const path = `${at}.copies.${number}.from`;
    const message = `there is no repository ${JSON.stringify(from)}`;
    problems.push({ path, message, fix: `there are ${names.join(", ")}` });
  }
  return problems;
}

/** Restored copies of databases that the stack does not have. */
export function unknownRestored(
  restored: BackupsArgs["restored"],
  systems: readonly { readonly name: string; readonly backups: readonly Backup[] }[],
): Problem[] {
  return Object.entries(restored ?? {}).flatMap(([system, of]) => {
    const there = systems.find(({ name }) => name === system)?.backups ?? [];
    return Object.keys(of)
      .filter((component) => there.every((backup) => backup.component !== component))
      .map((component) => ({
        path: `backups.restored.${system}.${component}`,
        message: "the stack has no such database",
        fix: `there are ${systems.flatMap((s) => s.backups.map((b) => `${s.name}.${b.component}`)).join(", ") || "none"}`,
      }));
  });
}

/** A laptop may do with a volume; whoever serves people needs copies elsewhere (FV-06, GG-14). */
function places(repositories: readonly RepositoryArgs[], profile: string): Problem[] {
  const buckets = repositories.filter(({ kind }) => kind === "s3").length;
  const add = (name: string): string =>
    `pulumi config set --path backups.s3.${name}.endpoint <host>, likewise bucket and region`;
  if (repositories.length === 0) {
    const fix = `${add("offsite")}; on a laptop: pulumi config set --path backups.local.storage "20 GiB"`;
    return [{ path: "backups", message: "names no place for copies", fix }];
  }
  if (profile !== "dev" && buckets === 0) {
    const message = "is on a volume beside the databases alone: who loses the place loses both";
    return [{ path: "backups", message, fix: add("offsite") }];
  }
  if (profile === "prod" && repositories.length < 2) {
    const message = "is in one place, production needs two";
    return [{ path: "backups", message, fix: `${add("second")}; or a volume: backups.local` }];
  }
  return [];
}
