import type { Nothing } from "../alerts";
import type { DashboardChapter } from "../dashboards";
import {
  CONTAINER_LIMITS,
  cpuOfLimit,
  killed,
  memoryOfLimit,
  starts,
  throttled,
} from "./container-alerts";

const WHO = "{{system}} {{workload}}";

/** Every container of the stack, by its system and workload (PR-03). */
export const containerDashboard: DashboardChapter<Nothing> = {
  kind: "containers",
  title: "Containers",
  on: "kind",
  rows: [
    {
      title: "Containers",
      panels: [
        {
          title: "Processor time, of the limit",
          about: "The busiest instance. At 1 it is slowed down.",
          unit: "ratio",
          queries: () => [{ expr: cpuOfLimit, legend: WHO }],
        },
        {
          title: "Held at the processors' limit, of all periods",
          unit: "ratio",
          limits: { beyond: "above", warning: CONTAINER_LIMITS.throttled },
          alert: "ContainerThrottled",
          queries: () => [{ expr: throttled(), legend: WHO }],
        },
        {
          title: "Memory, of the limit",
          about:
            "The fullest instance, without files that go when room is needed. At 1 a process is killed.",
          unit: "ratio",
          limits: { beyond: "above", warning: CONTAINER_LIMITS.memory },
          alert: "ContainerMemoryHigh",
          queries: () => [{ expr: memoryOfLimit(), legend: WHO }],
        },
        {
          title: "Memory, by system",
          unit: "bytes",
          queries: () => [
            {
              expr: "sum by (system) (container_memory_working_set_bytes)",
              legend: "{{system}}",
            },
          ],
        },
        {
          title: "Processes killed for their memory, in five minutes",
          unit: "count",
          limits: { beyond: "above", warning: 0.5 },
          alert: "ContainerOutOfMemory",
          queries: () => [{ expr: killed(), legend: WHO }],
        },
        {
          title: "Starts in 15 minutes",
          about: "An update starts each instance once.",
          unit: "count",
          alert: "WorkloadRestarting",
          queries: () => [{ expr: `${starts()} > 0`, legend: WHO, mayBeEmpty: true }],
        },
      ],
    },
  ],
};
