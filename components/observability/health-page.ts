import {
  type CheckChapter,
  type CheckRule,
  engineChecks,
  type HealthQuestion,
  type HealthUnit,
} from "../../model/health";
import { runbookUrl } from "../../model/observability";
import { gatewayChecks, hostChecks, webSocketChecks } from "../gateway/health-checks";
import { mongoChecks } from "../mongo/health-checks";
import { archiveChecks } from "../backup/health-checks";
import { backupChecks, poolChecks, postgresChecks } from "../postgres/health-checks";
import { redisChecks } from "../redis/health-checks";
import { serviceChecks } from "../service-health-checks";
import { workloadChecks } from "../workload-health-checks";
import { alertmanagerChecks, grafanaChecks, prometheusChecks } from "./health-checks";
import { containerChecks } from "./container-health-checks";
import { agentChecks, storeChecks } from "./logs/health-checks";
import { nodeChecks } from "./node-health-checks";

/** Every chapter that there is, with what a component of the kind may be like. */
const CHAPTERS: readonly CheckChapter<never>[] = [
  engineChecks,
  workloadChecks,
  hostChecks,
  gatewayChecks,
  webSocketChecks,
  serviceChecks,
  postgresChecks,
  poolChecks,
  backupChecks,
  redisChecks,
  mongoChecks,
  archiveChecks,
  nodeChecks,
  containerChecks,
  prometheusChecks,
  alertmanagerChecks,
  grafanaChecks,
  agentChecks,
  storeChecks,
] satisfies readonly CheckChapter<never>[];

type Language = "en" | "es";

const WORDS = {
  en: {
    head: ["check", "what", "asked", "limits", "beyond it"],
    none: "none",
    warning: "warning",
    critical: "critical",
    above: "above",
    below: "below",
    yes: "critical where not",
    yesWarning: "warning where not",
    asked: {
      engine: "engine",
      workload: "engine",
      ready: "in each instance",
      https: "from outside",
      query: "Prometheus",
    },
    alerts: "alerts.md",
  },
  es: {
    head: ["comprobación", "qué", "a quién", "límites", "si los pasa"],
    none: "ninguno",
    warning: "aviso",
    critical: "crítico",
    above: "por encima de",
    below: "por debajo de",
    yes: "crítico si no",
    yesWarning: "aviso si no",
    asked: {
      engine: "motor",
      workload: "motor",
      ready: "en cada instancia",
      https: "desde fuera",
      query: "Prometheus",
    },
    alerts: "alertas.md",
  },
} as const;

/** Facts that make every question of every chapter; the page shows what is the same for all. */
const ANY: never = {
  at: {},
  certificate: {},
} as never;

/** A limit, as the page writes it. */
const WRITTEN = {
  count: String,
  load: String,
  yes: String,
  ratio: (value) => `${Math.round(value * 1_000) / 10} %`,
  seconds: (value) => (value < 1 ? `${value * 1_000} ms` : `${value} s`),
} as const satisfies Record<HealthUnit, (value: number) => string>;

/** The tables of the page of health checks: one a chapter. */
export function healthTables(language: Language): string {
  const words = WORDS[language];
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return CHAPTERS.map(({ title, rules }) =>
    [
      `### ${title[language]}`,
      [
        line(words.head),
        line(words.head.map(() => "---")),
        ...rules.map((rule) => line(row(rule, language))),
      ].join("\n"),
    ].join("\n\n"),
  ).join("\n\n");
}

function row(rule: CheckRule<never>, language: Language): string[] {
  const words = WORDS[language];
  const { kind }: HealthQuestion = rule.ask(ANY);
  const alert =
    rule.alert === undefined ? "" : ` [${rule.alert}](${runbookUrl(words.alerts, rule.alert)})`;
  return [
    `\`${rule.name}\``,
    rule.title[language],
    words.asked[kind],
    limits(rule, language),
    `${rule.fix[language]}${alert}`,
  ].map((cell) => cell.replaceAll("|", "\\|"));
}

function limits({ limits: of, unit }: CheckRule<never>, language: Language): string {
  const words = WORDS[language];
  if (of === undefined) return words.none;
  if ("of" in of) return of[language];
  if (unit === "yes") return of.critical === undefined ? words.yesWarning : words.yes;
  const { beyond } = of;
  return (["warning", "critical"] as const)
    .flatMap((level) => {
      const limit = of[level];
      return limit === undefined
        ? []
        : [`${words[level]} ${words[beyond]} ${WRITTEN[unit](limit)}`];
    })
    .join(", ");
}
