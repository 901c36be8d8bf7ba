/**
 * What components say of how one finds out whether they are well, as plain data. Whoever asks collects it;
 * nobody writes a list of checks by hand (FV-08, GG-08).
 */

/** What a check is about, in the order in which people read: from the machine to what watches it. */
export const HEALTH_GROUPS = [
  "engine",
  "node",
  "gateway",
  "api",
  "websocket",
  "certificate",
  "postgresql",
  "redis",
  "mongodb",
  "backup",
  "monitoring",
] as const;

export type HealthGroup = (typeof HEALTH_GROUPS)[number];

/** Who is asked, and what. */
export type HealthQuestion =
  | {
      /**
       * The engine itself, of all that runs on it: whether it answers, how many of its nodes are not ready.
       */
      readonly kind: "engine";
      readonly what: "answers" | "nodes";
    }
  | {
      /**
       * The engine, of one workload: instances that run and are well, ended unasked in the last 15 minutes,
       * updates that did not come to their end; of one that runs on every node, nodes on which it does not.
       */
      readonly kind: "workload";
      readonly workload: string;
      readonly what: "instances" | "ended" | "updates" | "absent";
    }
  | {
      /** Each instance, by the workload's own question for readiness: how many say no. */
      readonly kind: "ready";
      readonly workload: string;
    }
  | {
      /**
       * A gateway, from outside, as a client would. `usable` and `upgrade` (to a WebSocket) give 1 or 0,
       * `time` seconds to the head of an answer, `certificate` seconds until it ends.
       */
      readonly kind: "https";
      readonly what: "usable" | "time" | "certificate" | "upgrade";
      readonly host: string;
      readonly port: number;
      readonly path: string;
      /** Whether a public authority has to vouch for the certificate. */
      readonly verify: boolean;
    }
  | {
      /** Prometheus: PromQL that gives one value without labels. Asked every five minutes by itself. */
      readonly kind: "query";
      readonly expr: string;
    };

/** How a value is written for people. */
export type HealthUnit = "count" | "ratio" | "seconds" | "yes" | "load";

/** From where on a value is no longer well. A check without limits is there to be seen. */
export interface HealthLimits {
  readonly beyond: "above" | "below";
  readonly warning?: number;
  readonly critical?: number;
}

export interface HealthCheck {
  /** Unique in its component, with `about`. */
  readonly name: string;
  /** A host, where a component is asked the same for each of several. */
  readonly about?: string;
  readonly group: HealthGroup;
  readonly component: string;
  readonly title: string;
  readonly ask: HealthQuestion;
  readonly unit: HealthUnit;
  readonly limits?: HealthLimits;
  /** What to do where it is beyond its limit. */
  readonly fix: string;
  /** Section of the page of alerts that has more. */
  readonly alert?: string;
}

export type HealthLevel = "well" | "warning" | "critical";

/** What a value means. */
export function levelOf(value: number, limits: HealthLimits | undefined): HealthLevel {
  const beyond = (limit: number | undefined): boolean =>
    limit !== undefined && (limits?.beyond === "above" ? value > limit : value < limit);
  if (beyond(limits?.critical)) return "critical";
  return beyond(limits?.warning) ? "warning" : "well";
}

/** Unique in its system. @example "edge/time@gad.example.org" */
export const checkId = ({ component, name, about }: HealthCheck): string =>
  `${component}/${name}${about === undefined ? "" : `@${about}`}`;

/** A text in the languages of our pages. */
export type Words = Readonly<Record<"en" | "es", string>>;

/** A check of a kind of component; each component of the kind has it for itself. */
export interface CheckRule<Of = unknown> {
  readonly name: string;
  readonly group: HealthGroup;
  readonly title: Words;
  /** Where it applies. @default everywhere */
  readonly when?: (of: Of) => boolean;
  readonly ask: (of: Of) => HealthQuestion;
  readonly unit: HealthUnit;
  /** Where they follow from the component, the page says from what. */
  readonly limits?: HealthLimits | (Words & { readonly of: (of: Of) => HealthLimits });
  readonly fix: Words;
  readonly alert?: string;
}

/** Checks of one kind of component: a chapter of the page. */
export interface CheckChapter<Of = unknown> {
  readonly title: Words;
  readonly rules: readonly CheckRule<Of>[];
}

/** A chapter's checks of one component. */
export function checksOf<Of>(
  { rules }: CheckChapter<Of>,
  component: string,
  of: Of,
  about?: string,
): HealthCheck[] {
  return rules
    .filter(({ when }) => when?.(of) !== false)
    .map(({ name, group, title, ask, unit, limits, fix, alert }) => ({
      name,
      ...(about === undefined ? {} : { about }),
      group,
      component,
      title: title.en,
      ask: ask(of),
      unit,
      ...(limits === undefined ? {} : { limits: "of" in limits ? limits.of(of) : limits }),
      fix: fix.en,
      ...(alert === undefined ? {} : { alert }),
    }));
}

/** Of the engine itself, whatever runs on it. */
export const engineChecks: CheckChapter<object> = {
  title: { en: "The engine", es: "El motor" },
  rules: [
    {
      name: "answers",
      group: "engine",
      title: { en: "the engine answers", es: "el motor responde" },
      ask: () => ({ kind: "engine", what: "answers" }),
      unit: "yes",
      limits: { beyond: "below", critical: 1 },
      fix: {
        en: "Does it run, and may you reach it? `docker info`, or `kubectl version`; `npx atalaya doctor` says what is missing.",
        es: "¿Está en marcha, y puede alcanzarlo? `docker info`, o `kubectl version`; `npx atalaya doctor` dice qué falta.",
      },
    },
    {
      name: "nodes",
      group: "engine",
      title: { en: "nodes that are not ready", es: "nodos que no están listos" },
      ask: () => ({ kind: "engine", what: "nodes" }),
      unit: "count",
      limits: { beyond: "above", warning: 0 },
      fix: {
        en: "Which one? `docker node ls`, or `kubectl get nodes`. Its data is away with it: bring the machine back rather than its volumes elsewhere.",
        es: "¿Cuál? `docker node ls`, o `kubectl get nodes`. Sus datos faltan con él: recupere la máquina antes que llevar los volúmenes a otra.",
      },
    },
  ],
};
