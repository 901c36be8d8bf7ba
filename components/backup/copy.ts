import type { RestoredCopy } from "../../model/backup";
import type { Workload } from "../../model/system";
import { bytes } from "../../model/units";
import { Component, type Description, type Placement } from "../system";
import type { BackedUp, StoreBackup } from "./backup";

/** A job's patience, in seconds: a large store from a distant bucket takes hours. */
const RESTORE_TAKES = 6 * 3_600;

/**
 * A store that was made from a backup, beside the one that it was made of (FV-06, PR-13, GG-03); made for each copy
 * that the stack's `backups.restored` names.
 *
 * It is a volume and the job that fills it, once. While people look at it, a server of its own runs on it, which
 * nobody is linked to and which nobody backs up; then the store itself takes the volume over, under its own name, so
 * that no consumer changes. Why so: `docs/decisions/0018-backups-of-postgresql.md`.
 */
export class StoreCopy<Of extends BackedUp = BackedUp> extends Component {
  constructor(
    kind: string,
    protected readonly database: Of,
    private readonly copy: RestoredCopy,
    protected readonly backup: StoreBackup,
    placement: Placement,
  ) {
    super(kind, `${database.name}-copy-${copy.number}`, placement);
    backup.wayOut(this.name, this.data.job);
  }

  /** Whether the store runs on it. */
  get serves(): boolean {
    return this.database.restored.serves === this.copy.number;
  }

  /** What the store mounts when this copy serves, and what has to be done before. */
  get data(): { readonly volume: string; readonly job: string } {
    return { volume: `${this.name}-data`, job: `${this.name}-restore` };
  }

  override describe(to: Description): void {
    const { backup, copy, data, database, name } = this;
    to.component(this);
    to.reads(this, database.log);
    to.volumes.push({
      name: data.volume,
      component: name,
      size: to.check(this, "storage", () => bytes(database.storage), 0),
      access: "exclusive",
      // Until the store ran on it, it can be made again.
      protect: copy.served || this.serves,
    });
    to.consume(data.job);
    const reader = backup.reader(to);
    to.jobs.push({
      ...reader,
      name: data.job,
      component: name,
      purpose: "restores a backup into a volume of its own",
      command: ["atalaya-restore", "build"],
      environment: {
        ...reader.environment,
        RESTORE_TARGET: target(copy),
        RESTORE_REPOSITORY: copy.from,
        ...(copy.set === undefined ? {} : { RESTORE_SET: copy.set }),
        ...(copy.timeline === undefined ? {} : { RESTORE_TIMELINE: String(copy.timeline) }),
      },
      volumes: [...reader.volumes, { volume: data.volume, path: database.volumePath }],
      startAfter: [],
      timeout: RESTORE_TAKES,
    });
    if (database.restored.beside !== copy.number) return;
    const server = to.workloads.find((workload) => workload.name === database.name)!;
    this.describeServer(to, {
      ...server,
      name,
      component: name,
      volumes: [{ volume: data.volume, path: database.volumePath }],
      startAfter: [data.job],
      facts: {},
    });
  }

  /** As the store's own server, without what makes that one part of the backups. */
  protected describeServer(to: Description, server: Workload): void {
    to.workloads.push(server);
  }
}

/** As the image's program reads it. */
function target({ target: to }: RestoredCopy): string {
  if (to === "latest") return to;
  return "name" in to ? `name:${to.name}` : `time:${recoveryTime(to.time)}`;
}

/**
 * A moment as pgBackRest, PostgreSQL and `date` read it.
 * @param time ISO 8601
 * @example recoveryTime("2026-11-23T10:15:00Z") // "2026-11-23 10:15:00.000+00"
 */
const recoveryTime = (time: string): string =>
  new Date(time).toISOString().replace("T", " ").replace("Z", "+00");
