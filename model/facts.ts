/**
 * What a workload says of itself beyond what its engine asks: labels or annotations of a pod template
 * (Kubernetes), labels of a service or container (Docker), annotations of any other object. Policies read
 * them, and anybody's own objects may carry them.
 */
export const FACTS = {
  /** `gateway`: the world may reach it; `database`: it keeps data for others. */
  role: "atalaya.dev/role",
  /** When its data is backed up: five cron fields. @example "0 3 * * *" */
  backup: "atalaya.dev/backup",
  /** Where the copy outside this place is. @example "s3://backups/shop" */
  backupOffsite: "atalaya.dev/backup-offsite",
  /** When a restore is tried. @example "0 5 * * 0" */
  restoreDrill: "atalaya.dev/restore-drill",
  /** Port of its metrics, or `none` where it has none by decision; `prometheus.io/scrape` counts too. */
  scrape: "atalaya.dev/scrape",
  /** Name of the alert that fires when it is gone. */
  absenceAlert: "atalaya.dev/alert-on-absence",
  /** Of an entrance: the header that it sends. @example "max-age=31536000" */
  hsts: "atalaya.dev/hsts",
  /** Of an entrance: name of the alert on its certificate's end. */
  certificateAlert: "atalaya.dev/certificate-alert",
  /** Of a volume: it outlives its stack (`"true"`). */
  retain: "atalaya.dev/retain",
  /** Of a secret: the day on which its value was made. @example "2026-11-22" */
  rotated: "atalaya.dev/rotated",
  /** Of a log store: days that it keeps them. */
  logDays: "atalaya.dev/log-days",
} as const;

export type Fact = keyof typeof FACTS;

/** Facts as an object's labels or annotations. */
export const factLabels = (
  facts: Readonly<Partial<Record<Fact, string>>>,
): Record<string, string> =>
  Object.fromEntries(Object.entries(facts).map(([fact, text]) => [FACTS[fact as Fact], text]));
