/** One container as `docker ps` and `docker stats` show it. */
export interface Taken {
  readonly name: string;
  /** Of labels; empty where it has none. */
  readonly system: string;
  readonly component: string;
  /** Which of our images it runs, by its label. */
  readonly image: string;
  /** Bytes: its working set, and its limit. */
  readonly memory: number;
  readonly limit: number;
}

/** What one component's instances take together: the most that was seen at one moment. */
export interface Line {
  readonly system: string;
  readonly component: string;
  readonly instances: number;
  readonly memory: number;
  readonly limit: number;
}

export interface Breakdown {
  /** What is there because of `monitoring`, largest first. */
  readonly monitoring: readonly Line[];
  /** Everything else of the stack, by system. */
  readonly systems: readonly Line[];
  /** Bytes: the most that all monitoring took at one moment. */
  readonly most: number;
  /** Bytes: what its limits allow. */
  readonly allowed: number;
}

/** Systems that watch; elsewhere what runs the monitoring image does: exporters beside their stores. */
const WATCHERS = ["observability", "nodes", "logs"];

export const isMonitoring = ({ system, image }: Pick<Taken, "system" | "image">): boolean =>
  WATCHERS.includes(system) || image === "monitoring";

/** @param samples everything that ran, once for each look */
export function breakdown(samples: readonly (readonly Taken[])[]): Breakdown {
  const monitoring = samples.map((sample) => sample.filter(isMonitoring));
  const others = samples.map((sample) =>
    sample.filter((of) => !isMonitoring(of)).map((of) => ({ ...of, component: "" })),
  );
  const lines = most(monitoring);
  return {
    monitoring: lines,
    systems: most(others),
    most: Math.max(0, ...monitoring.map((sample) => sum(sample, "memory"))),
    allowed: sum(lines, "limit"),
  };
}

function most(samples: readonly (readonly Taken[])[]): Line[] {
  const lines = new Map<string, Line>();
  for (const sample of samples) {
    for (const [key, of] of groups(sample)) {
      const memory = sum(of, "memory");
      if (memory < (lines.get(key)?.memory ?? -1)) continue;
      const { system, component } = of[0]!;
      lines.set(key, { system, component, instances: of.length, memory, limit: sum(of, "limit") });
    }
  }
  return [...lines.values()].sort((a, b) => b.memory - a.memory);
}

function groups(sample: readonly Taken[]): Map<string, Taken[]> {
  const found = new Map<string, Taken[]>();
  for (const of of sample) {
    const key = `${of.system}/${of.component}`;
    found.set(key, [...(found.get(key) ?? []), of]);
  }
  return found;
}

const sum = <K extends "memory" | "limit">(
  of: readonly Readonly<Record<K, number>>[],
  key: K,
): number => of.reduce((total, one) => total + one[key], 0);

const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/**
 * A size as `docker stats` writes it, in bytes.
 * @throws RangeError for anything else
 */
export function readSize(text: string): number {
  const [, number, unit] = /^([\d.]+)([A-Za-z]+)$/.exec(text.trim()) ?? [];
  const factor = UNITS[unit ?? ""];
  if (factor === undefined) throw new RangeError(`"${text}" is no size of docker's`);
  return Number(number) * factor;
}
