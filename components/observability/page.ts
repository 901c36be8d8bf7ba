import type { AlertChapter, AlertRule } from "../alerts";
import { gatewayAlerts } from "../gateway/alerts";
import { healthAlerts } from "../health";
import { logAlerts } from "../log-alerts";
import { mongoAlerts } from "../mongo/alerts";
import { archiveAlerts } from "../backup/alerts";
import { backupAlerts, poolAlerts, postgresAlerts } from "../postgres/alerts";
import { redisAlerts } from "../redis/alerts";
import { serviceAlerts } from "../service-alerts";
import { grafanaAlerts, monitoringAlerts, probesAlerts } from "./alerts";
import { containerAlerts } from "./container-alerts";
import { agentAlerts, storeAlerts } from "./logs/alerts";
import { nodeAlerts } from "./node-alerts";

/** What a page says of a rule is the same for every component that has it. */
type Rule = Pick<AlertRule, "name" | "severity" | "for" | "gg07" | "guide">;
type Chapter = Pick<AlertChapter, "title"> & { readonly rules: readonly Rule[] };

type Language = "en" | "es";

const CHAPTERS: readonly Chapter[] = [
  serviceAlerts,
  gatewayAlerts,
  postgresAlerts,
  poolAlerts,
  backupAlerts,
  redisAlerts,
  mongoAlerts,
  archiveAlerts,
  nodeAlerts,
  containerAlerts,
  monitoringAlerts,
  probesAlerts,
  grafanaAlerts,
  logAlerts,
  agentAlerts,
  storeAlerts,
  healthAlerts,
] satisfies readonly AlertChapter<never>[];

/** Every alert that there is, by name; one that several kinds of component have is there once. */
export const allAlerts: readonly Rule[] = [
  ...new Map(CHAPTERS.flatMap(({ rules }) => rules).map((rule) => [rule.name, rule])).values(),
];

const WORDS = {
  en: {
    title: "Alerts",
    intro:
      "What each alert means, and what to do, in this order. A message links to its section here. Written from the components (`components/*/alerts.ts`): change it there.",
    several: "Several kinds of component",
    critical: "Critical: somebody is woken.",
    warning: "Warning: look at it today.",
    none: "Always fires, on purpose.",
    holds: (time: string) => `Told after ${time}.`,
    atOnce: "Told at once.",
    given: "GG-07.",
    ours: "GG-07, of our choice.",
  },
  es: {
    title: "Alertas",
    intro:
      "Qué significa cada alerta y qué hacer, en este orden. Cada mensaje enlaza a su sección. Se escribe a partir de los componentes (`components/*/alerts.ts`): cámbielo allí.",
    several: "Varios tipos de componente",
    critical: "Crítica: se despierta a alguien.",
    warning: "Aviso: mírelo hoy.",
    none: "Siempre activa, a propósito.",
    holds: (time: string) => `Se avisa tras ${time}.`,
    atOnce: "Se avisa al momento.",
    given: "GG-07.",
    ours: "GG-07, elegida por nosotros.",
  },
} as const;

/** The page of alerts: `docs/alerts.md`, and `docs/alertas.md` in Spanish. */
export function alertsPage(language: Language): string {
  const words = WORDS[language];
  const chaptersOf = (name: string): number =>
    CHAPTERS.filter(({ rules }) => rules.some((rule) => rule.name === name)).length;
  const chapters: readonly (readonly [string, readonly Rule[]])[] = [
    ...CHAPTERS.map(
      ({ title, rules }) =>
        [title[language], rules.filter(({ name }) => chaptersOf(name) === 1)] as const,
    ),
    // A heading stands once on the page, so that a link leads to it.
    [words.several, allAlerts.filter(({ name }) => chaptersOf(name) > 1)],
  ];
  const blocks = chapters.flatMap(([title, rules]) => [
    `## ${title}`,
    ...rules.flatMap((rule) => section(rule, language)),
  ]);
  return `${[`# ${words.title}`, words.intro, ...blocks].join("\n\n")}\n`;
}

function section({ name, severity, for: holds, gg07, guide }: Rule, language: Language): string[] {
  const words = WORDS[language];
  const { means, steps } = guide[language];
  const facts = [
    words[severity],
    holds === "0 s" ? words.atOnce : words.holds(holds),
    ...(gg07 === undefined ? [] : [words[gg07]]),
  ];
  return [
    `### ${name}`,
    `*${facts.join(" ")}*`,
    means,
    steps.map((step, i) => `${i + 1}. ${step}`).join("\n"),
  ];
}
