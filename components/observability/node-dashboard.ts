import type { DashboardChapter } from "../dashboards";
import { answering } from "../alerts";
import { busy, free, load, memoryInUse, NODE_LIMITS, type NodeFacts } from "./node-alerts";

/** Machines by node_exporter (GG-06, FV-07). */
export const nodeDashboard: DashboardChapter<NodeFacts> = {
  kind: "machines",
  title: "Machines",
  on: "kind",
  rows: [
    {
      title: "Machines",
      panels: [
        {
          title: "Machines that show their metrics",
          unit: "count",
          shape: "number",
          limits: { beyond: "below", warning: 1 },
          alert: "ExporterDown",
          queries: ({ own, exporter }) => [{ expr: answering(own, exporter), legend: "machines" }],
        },
        {
          title: "Processors busy",
          unit: "ratio",
          limits: { beyond: "above", warning: NODE_LIMITS.cpu },
          alert: "HighCPUUsage",
          queries: ({ own }) => [{ expr: busy(own), legend: "{{instance}}" }],
        },
        {
          title: "Load of 5 minutes, for each processor",
          unit: "count",
          queries: ({ own }) => [{ expr: load(own), legend: "{{instance}}" }],
        },
        {
          title: "Memory in use",
          unit: "ratio",
          limits: { beyond: "above", critical: NODE_LIMITS.memory },
          alert: "HighMemoryUsage",
          queries: ({ own }) => [{ expr: memoryInUse(own), legend: "{{instance}}" }],
        },
        {
          title: "Free part of disks",
          unit: "ratio",
          limits: { beyond: "below", critical: NODE_LIMITS.disk },
          alert: "DiskSpaceLow",
          queries: ({ own }) => [{ expr: free(own), legend: "{{instance}} {{mountpoint}}" }],
        },
        {
          title: "Read from and written to disks",
          unit: "bytes/s",
          queries: ({ own }) => [
            {
              expr: `sum by (instance) (rate(node_disk_read_bytes_total{${own}}[5m]))`,
              legend: "{{instance}} read",
            },
            {
              expr: `sum by (instance) (rate(node_disk_written_bytes_total{${own}}[5m]))`,
              legend: "{{instance}} written",
            },
          ],
        },
        {
          title: "Processes killed for their memory, in five minutes",
          unit: "count",
          limits: { beyond: "above", warning: 0.5 },
          alert: "OutOfMemoryKill",
          queries: ({ own }) => [
            { expr: `increase(node_vmstat_oom_kill{${own}}[5m])`, legend: "{{instance}}" },
          ],
        },
      ],
    },
  ],
};
