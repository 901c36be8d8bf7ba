import { Mongo } from "../../components/mongo/mongo";
import { Redis } from "../../components/redis/redis";
import { in_, System } from "../../components/system";
import type { BackupsArgs, Restored } from "../../model/backup";
import { runnables, type SystemModel } from "../../model/system";
import { fillText, secretsOf } from "../../model/text";
import { swarm } from "../../platforms/swarm/swarm";
import { BACKUPS, IMAGES } from "../support/systems";

/** Sessions that have to stay, a cache that can be made again, documents: none says anything of backups. */
function shop(backups: Partial<BackupsArgs> | "none" = {}, observed = false): SystemModel {
  const system = new System("shop", {
    images: IMAGES,
    surroundings: swarm.surroundings,
    observed,
    ...(backups === "none" ? {} : { backups: { ...BACKUPS, ...backups } }),
  });
  new Redis("sessions", { version: 7, memory: "256 MiB" }, in_(system));
  new Redis("pages", { version: 7, memory: "64 MiB", use: "cache" }, in_(system));
  new Mongo("documents", { version: 8, storage: "2 GiB" }, in_(system));
  return system.describe();
}

const one = <T extends { name: string }>(items: readonly T[], name: string): T =>
  items.find((item) => item.name === name)!;

/** Text of a derived secret, with a word for each one in it. */
function textOf(model: SystemModel, name: string): string {
  const { source } = one(model.secrets, name);
  if (source.kind !== "derived") throw new Error(`${name} is ${source.kind}`);
  return fillText(
    source.content,
    new Map(secretsOf(source.content).map((secret) => [secret, `<${secret}>`])),
  );
}

/** The list that the store's own job reads. */
const access = (
  model: SystemModel,
  store: string,
): { users: { name: string; rules?: string[]; grants?: string[] }[]; volume?: string } => {
  return JSON.parse(textOf(model, `${store}-access`)) as never;
};

describe.each([
  ["sessions", "Redis", { bytes: 2 ** 30 }],
  ["documents", "Mongo", { bytes: 2 * 2 ** 30 }],
] as const)("%s, a %s of a stack with backups (FV-06)", (store, kind, { bytes }) => {
  const model = shop();
  const backup = `${store}-backup`;

  test("is backed up with nothing written of it, and says that it is by the moment", () => {
    expect(model.backups.find(({ component }) => component === store)).toEqual({
      component: store,
      workload: backup,
      schedule: `${backup}-run`,
      tool: "restic",
      continuous: false,
      cron: "17 3,7,11,15,19,23 * * *",
      interval: 14_400,
      storage: bytes,
      drill: { schedule: `${backup}-drill`, cron: "47 4 2 * *", interval: 31 * 86_400 },
      restored: { copies: [], serves: 0 },
      repositories: [
        { name: "local", place: `volume ${backup}-repository`, offsite: false },
        { name: "offsite", place: `s3://copies/prod/shop/restic/${store}`, offsite: true },
      ],
    });
    expect(one(model.workloads, store).facts).toEqual({
      backup: "17 3,7,11,15,19,23 * * *",
      restoreDrill: "47 4 2 * *",
      backupOffsite: `s3://copies/prod/shop/restic/${store}`,
    });
    expect(model.components.map((of) => of.kind)).toContain(`${kind}Backup`);
  });

  test("has no key of a repository and no way out; the schedule alone has a way to it", () => {
    const keys = [`${backup}-key`, `${backup}-credentials`];
    const readers = runnables(model).filter((of) =>
      of.secrets.some(({ secret }) => keys.includes(secret)),
    );
    expect(readers.map(({ name }) => name).sort()).toEqual([
      ...[backup, `${backup}-drill`, `${backup}-prepare`, `${backup}-run`],
    ]);
    const out = model.links.filter(({ provider }) => provider === `${backup}-offsite`);
    expect(out.map(({ consumer }) => consumer).sort()).toEqual(readers.map((r) => r.name).sort());
    const into = model.links.filter(({ provider, as }) => provider === store && as === "backup");
    expect(into.map(({ consumer }) => consumer)).toEqual([`${backup}-run`]);
    const user = `${store}-backup-password`;
    const holders = runnables(model).filter((of) => of.secrets.some((s) => s.secret === user));
    expect(holders.map(({ name }) => name)).toEqual([`${backup}-run`]);
  });

  test("keys are files of their own, encryption's is generated and stays", () => {
    expect(one(model.secrets, `${backup}-key`).source).toEqual({
      kind: "generated",
      length: 64,
      protect: true,
    });
    expect(textOf(model, `${backup}-credentials`)).toBe(
      "[offsite]\n" +
        `aws_access_key_id = <${backup}-offsite-access-key>\n` +
        `aws_secret_access_key = <${backup}-offsite-secret-key>\n`,
    );
    const { environment } = one(model.schedules, `${backup}-run`);
    expect(environment).toMatchObject({
      RESTIC_PASSWORD_FILE: `/run/secrets/${backup}-key`,
      AWS_SHARED_CREDENTIALS_FILE: "/run/secrets/credentials",
      BACKUP_OF: store,
    });
  });

  test("its program is told where the repositories are and how long backups stay", () => {
    expect(JSON.parse(one(model.files, `${backup}-conf`).content)).toEqual({
      keepDays: 35,
      repositories: [
        { name: "local", url: "/var/lib/restic", options: [] },
        {
          name: "offsite",
          url: `s3:https://s3.eu-west-1.amazonaws.com:443/copies/prod/shop/restic/${store}`,
          options: ["s3.region=eu-west-1", "s3.bucket-lookup=dns"],
        },
      ],
    });
    const drill = one(model.schedules, `${backup}-drill`);
    expect(drill.environment["DRILL_RPO"]).toBe("18000");
    // A restore starts a server on all of the data.
    const server = one(model.workloads, store).resources.memory.limit;
    expect(drill.resources.memory.limit).toBeGreaterThanOrEqual(server);
  });

  test("a copy is a volume and a job; beside the store nobody is linked to it", () => {
    const copy = {
      ...{ number: 1, target: { time: "2026-11-23T10:15:00Z" }, from: "local", set: "319b880c" },
      served: false,
    } as const;
    const with_ = (of: Restored): SystemModel => shop({ restored: { shop: { [store]: of } } });
    const beside = with_({ copies: [copy], serves: 0, beside: 1 });
    const name = `${store}-copy-1`;
    expect(one(beside.jobs, `${name}-restore`)).toMatchObject({
      command: ["atalaya-restore", "build"],
      environment: {
        RESTORE_TARGET: "time:2026-11-23 10:15:00.000+00",
        RESTORE_REPOSITORY: "local",
        RESTORE_SET: "319b880c",
      },
    });
    expect(one(beside.volumes, `${name}-data`)).toMatchObject({ protect: false });
    expect(one(beside.workloads, name).volumes[0]!.volume).toBe(`${name}-data`);
    expect(beside.links.filter(({ provider }) => provider === name)).toEqual([]);
    expect(one(beside.workloads, store).volumes[0]!.volume).toBe(`${store}-data`);
    expect(access(beside, store)).not.toHaveProperty("volume");

    const served = with_({ copies: [copy], serves: 1 });
    expect(one(served.workloads, store)).toMatchObject({
      volumes: [{ volume: `${name}-data` }],
      startAfter: expect.arrayContaining([`${name}-restore`]) as string[],
    });
    expect(one(served.volumes, `${name}-data`).protect).toBe(true);
    expect(one(served.volumes, `${store}-data`).protect).toBe(true);
    // Another volume has other users: they are made again.
    expect(access(served, store).volume).toBe(`${name}-data`);
  });
});

test("a cache can be made again: it is backed up where somebody says so alone", () => {
  const model = shop();
  expect(model.backups.map(({ component }) => component)).toEqual(["sessions", "documents"]);
  expect(one(model.workloads, "pages").facts).toBeUndefined();
  const system = new System("shop", {
    ...{ images: IMAGES, surroundings: swarm.surroundings, backups: BACKUPS },
  });
  new Redis("pages", { version: 7, memory: "64 MiB", use: "cache", backup: true }, in_(system));
  new Redis("sessions", { version: 7, memory: "64 MiB", backup: false }, in_(system));
  expect(system.describe().backups.map(({ component }) => component)).toEqual(["pages"]);
});

test("who backs up may copy everything and nothing else", () => {
  const model = shop();
  expect(access(model, "sessions").users).toContainEqual({
    name: "backup",
    sha256: expect.any(String) as string,
    rules: ["-@all", "+ping", "+replconf", "+sync", "+psync"],
  });
  expect(access(model, "documents").users).toContainEqual(
    expect.objectContaining({ name: "backup_a", database: "shop", grants: ["backup"] }),
  );
});

test("without backups there is nothing of them", () => {
  const { backups, schedules, workloads } = shop("none");
  expect(backups).toEqual([]);
  expect(schedules).toEqual([]);
  expect(workloads.map(({ name }) => name)).toEqual(["sessions", "pages", "documents"]);
});

test("observed, both have the alerts of backups, with their server as the one to ask", () => {
  const model = shop({}, true);
  for (const store of ["sessions", "documents"]) {
    const names = model.alerts.filter((a) => a.component === store).map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(["BackupDamaged", "BackupFailed", "BackupTooOld", "DrillFailed"]),
    );
    expect(names).not.toContain("WalArchivingFailing");
    expect(model.scrapes).toContainEqual({
      ...{ component: store, workload: `${store}-backup`, port: 9854, path: "/metrics" },
    });
  }
});
