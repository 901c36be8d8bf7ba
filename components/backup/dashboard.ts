import type { DashboardChapter, PanelRule } from "../dashboards";
import { backupAge, type BackupFacts, newest, readable } from "./alerts";

/** Panels of every backup. */
const backupPanels: readonly PanelRule<BackupFacts>[] = [
  {
    title: "Age of the newest backup",
    unit: "seconds",
    limits: (of) => ({ beyond: "above", warning: backupAge(of) }),
    alert: "BackupFailed",
    queries: ({ own }) => [
      { expr: `time() - ${newest(own)}`, legend: "{{repository}}", mayBeEmpty: true },
    ],
  },
  {
    title: "Repositories that can be read",
    unit: "yes",
    limits: { beyond: "below", warning: 1 },
    alert: "BackupRepositoryAway",
    queries: ({ own }) => [
      { expr: `min by (repository) (${readable(own)})`, legend: "{{repository}}" },
    ],
  },
  {
    title: "Restoring it, in the last drill",
    unit: "seconds",
    when: ({ drill }) => drill !== undefined,
    queries: ({ own }) => [
      {
        expr: `max by (repository) (atalaya_restore_drill_rto_seconds{${own}})`,
        legend: "{{repository}}: until it answers (RTO)",
        mayBeEmpty: true,
      },
      {
        expr: `max by (repository) (atalaya_restore_drill_rpo_seconds{${own}})`,
        legend: "{{repository}}: what was lost (RPO)",
        mayBeEmpty: true,
      },
    ],
  },
];

/** Backups, on one board for all of them; panels that only one kind has come after the others. */
export const backupBoard = (
  own: readonly PanelRule<BackupFacts>[],
): DashboardChapter<BackupFacts> => ({
  kind: "backups",
  title: "Backups",
  on: "kind",
  rows: [{ title: "Backups", panels: [...backupPanels, ...own] }],
});

/** Backups that are made by restic. */
export const archiveDashboard = backupBoard([
  {
    title: "Repositories that are damaged",
    unit: "count",
    limits: { beyond: "above", critical: 0 },
    alert: "BackupDamaged",
    queries: ({ own }) => [
      {
        expr: `max by (repository) (atalaya_backup_errors{${own}})`,
        legend: "{{repository}}",
        mayBeEmpty: true,
      },
    ],
  },
]);
