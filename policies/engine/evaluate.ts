import { type Config, configuredLevel, type Exemption } from "./config";
import {
  Field,
  formatPath,
  type Json,
  type Path,
  type Placed,
  UnknownValue,
  withValue,
} from "./field";
import { pulled } from "./images";
import { podsOf, podsOrUnknown } from "./pods";
import { defaultLevel, type Report, type Rule, type RuleContext, type Severity } from "./rule";
import { Stack } from "./stack";
import type { Source, Subject } from "./subject";

/** One violation of one rule. Plain data, as JSON has it; never with a secret's value. */
export interface Finding {
  readonly rule: string;
  readonly category: string;
  readonly severity: Severity;
  /** How it is enforced here. */
  readonly level: "advisory" | "mandatory" | "remediate";
  readonly resource: ResourceName;
  /** The property, in the object's own terms. */
  readonly path: string;
  readonly source?: Source;
  /** One sentence: resource, property, what must hold, the fix. */
  readonly message: string;
  readonly fix: string;
  /** Somebody answers for it until then. */
  readonly exempt?: Pick<Exemption, "reason" | "owner" | "expires">;
  /** What `remediate` would set; absent where a person has to decide. */
  readonly mend?: Mend;
}

export interface ResourceName {
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  /** Of a Pulumi resource. */
  readonly urn?: string;
}

export interface Mend {
  readonly path: Path;
  /** Absent: the property is taken out. */
  readonly value?: Json;
}

/** Something that a preview cannot know: looked at again after `up`. */
export interface Unchecked {
  readonly rule: string;
  readonly resource: ResourceName;
  readonly path: string;
  readonly message: string;
}

export interface Evaluation {
  readonly findings: readonly Finding[];
  readonly unchecked: readonly Unchecked[];
}

export interface EvaluateOptions {
  readonly rules: readonly Rule[];
  /** `objects`: each by itself, as a preview sees one after the other; `stack`: what all show together. @default "all" */
  readonly scope?: "all" | "objects" | "stack";
  /** For expiry dates. @default now */
  readonly now?: Date;
  /** Exemptions that were of use, by index: given to each call where one whole is judged in several. */
  readonly used?: Set<number>;
}

/**
 * Judges objects by all rules. Pure: nothing is read, asked or changed.
 * @example evaluate(subjects, loadConfig({}, ids), { rules }).findings
 */
export function evaluate(
  subjects: readonly Subject[],
  config: Config,
  { rules, scope = "all", now = new Date(), used = new Set() }: EvaluateOptions,
): Evaluation {
  const run = new Run(config, now, used);
  const active = rules.flatMap((rule) => {
    const level = levelOf(rule, config);
    return level === "disabled" ? [] : [{ rule, level }];
  });
  if (scope !== "stack") {
    for (const subject of subjects) run.object(subject, active);
  }
  if (scope !== "objects") {
    const stack = new Stack(subjects);
    for (const one of active) run.stack(stack, one);
    run.exemptions(active);
  }
  return { findings: run.findings, unchecked: run.unchecked };
}

/** How a rule is enforced under a configuration. */
export function levelOf(rule: Rule, config: Config): Active["level"] | "disabled" {
  if (rule.environments !== undefined && !rule.environments.includes(config.environment)) {
    // Named by itself, it holds wherever somebody wants it.
    return config.levels[rule.id] ?? "disabled";
  }
  return configuredLevel(config, rule.id) ?? defaultLevel(rule);
}

interface Active {
  readonly rule: Rule;
  readonly level: Finding["level"];
}

class Run {
  readonly findings: Finding[] = [];
  readonly unchecked: Unchecked[] = [];

  constructor(
    private readonly config: Config,
    private readonly now: Date,
    private readonly used: Set<number>,
  ) {}

  object(subject: Subject, active: readonly Active[]): void {
    const field = new Field(subject.props);
    const pods = podsOf(subject);
    const hidden = podsOrUnknown(subject);
    if (hidden instanceof UnknownValue) this.notKnown("pods/*", subject, hidden.path);
    const images = [
      ...pods.flatMap(({ containers }) => containers.map(({ image }) => image)),
      ...pulled(field, subject),
    ];
    for (const one of active) {
      const { rule } = one;
      const context: RuleContext = {
        config: this.config,
        now: this.now,
        report: (at, must, more) => this.report(one, subject, at, must, more),
      };
      if (rule.object !== undefined) {
        this.try(rule, subject, () => rule.object!(field, subject, context));
      }
      if (rule.image !== undefined) {
        for (const image of images) this.try(rule, subject, () => rule.image!(image, context));
      }
      for (const pod of pods) {
        if (rule.pod !== undefined) this.try(rule, subject, () => rule.pod!(pod, context));
        if (rule.container !== undefined) {
          for (const container of pod.containers) {
            this.try(rule, subject, () => rule.container!(container, context));
          }
        }
      }
    }
  }

  stack(stack: Stack, one: Active): void {
    const { rule } = one;
    if (rule.stack === undefined) return;
    this.try(rule, undefined, () =>
      rule.stack!(stack, {
        config: this.config,
        now: this.now,
        report: (subject, at, must, more) => this.report(one, subject, at, must, more),
      }),
    );
  }

  /** An exemption that nobody needs any more hides the next one who does the same. */
  exemptions(active: readonly Active[]): void {
    const unused = active.find(({ rule }) => rule.id === "policies/unused-exemption");
    this.config.exemptions.forEach(({ rule, resource, shared }, i) => {
      if (unused === undefined || shared === true || this.used.has(i)) return;
      const must = `must match a finding: ${rule} finds nothing in ${resource}`;
      const configuration = { kind: "Configuration", name: "policies" };
      this.add(unused, configuration, `exemptions[${i}]`, must, {});
    });
  }

  private try(rule: Rule, subject: Subject | undefined, judge: () => void): void {
    try {
      judge();
    } catch (error) {
      if (!(error instanceof UnknownValue)) throw error;
      this.notKnown(rule.id, subject, error.path);
    }
  }

  private notKnown(rule: string, subject: Subject | undefined, at: Path): void {
    const resource = subject === undefined ? { kind: "Stack", name: "" } : nameOf(subject);
    const path = formatPath(at);
    this.unchecked.push({
      rule,
      resource,
      path,
      message: `${formatName(resource)}: ${path} is not known yet: not checked until after \`up\``,
    });
  }

  private report(one: Active, subject: Subject, at: Placed, must: string, more: Report = {}): void {
    const mend: Mend | undefined = more.mend && {
      path: more.mend.path ?? at.path,
      ...(more.mend.value === undefined ? {} : { value: more.mend.value }),
    };
    this.add(one, nameOf(subject), formatPath(at.path), must, {
      ...(subject.source === undefined ? {} : { source: subject.source }),
      ...(more.fix === undefined ? {} : { fix: more.fix }),
      ...(mend === undefined ? {} : { mend }),
    });
  }

  private add(
    { rule, level }: Active,
    resource: ResourceName,
    path: string,
    must: string,
    rest: Partial<Pick<Finding, "source" | "fix" | "mend">>,
  ): void {
    const found = this.config.exemptions.findIndex(
      (e) => ruleMatches(e.rule, rule.id) && resourceMatches(e.resource, resource),
    );
    const exemption = this.config.exemptions[found];
    if (exemption !== undefined) this.used.add(found);
    const expired = exemption !== undefined && isPast(exemption.expires, this.now);
    const ended = expired
      ? ` (its exemption by ${exemption.owner} ended on ${exemption.expires})`
      : "";
    const fix = rest.fix ?? rule.fix;
    this.findings.push({
      rule: rule.id,
      category: rule.category,
      severity: rule.severity,
      level,
      resource,
      path,
      message: `${formatName(resource)}: ${path}${path === "" ? "" : " "}${must}${ended}; ${fix}`,
      ...rest,
      fix,
      ...(exemption === undefined || expired ? {} : { exempt: pick(exemption) }),
    });
  }
}

const pick = ({ reason, owner, expires }: Exemption): NonNullable<Finding["exempt"]> => ({
  reason,
  owner,
  expires,
});

export const nameOf = ({ kind, namespace, name, pulumi }: Subject): ResourceName => ({
  kind,
  ...(namespace === undefined ? {} : { namespace }),
  name,
  ...(pulumi === undefined ? {} : { urn: pulumi.urn }),
});

/** @example "Deployment shop/api" */
export const formatName = ({ kind, namespace, name }: ResourceName): string =>
  `${kind} ${namespace === undefined ? "" : `${namespace}/`}${name}`.trim();

const ruleMatches = (pattern: string, id: string): boolean =>
  pattern === id || (pattern.endsWith("/*") && id.startsWith(pattern.slice(0, -1)));

/** Whether `Kind/name` or `Kind/namespace/name`, with `*` for anything, means a resource. */
export function resourceMatches(pattern: string, { kind, namespace, name }: ResourceName): boolean {
  const parts = pattern.split("/");
  const own = parts.length === 3 ? [kind, namespace ?? "default", name] : [kind, name];
  return (
    parts.length === own.length &&
    parts.every((part, i) =>
      new RegExp(`^${part.split("*").map(escape).join(".*")}$`).test(own[i]!),
    )
  );
}

const escape = (text: string): string => text.replace(/[.+?^${}()|[\]\\]/g, "\\$&");

/** An exemption holds on its last day, wherever on earth that is. */
export const isPast = (day: string, now: Date): boolean =>
  now.getTime() > new Date(`${day}T23:59:59Z`).getTime() + 12 * 3_600_000;

/**
 * An object with every finding mended that can be, for which nobody made an exemption.
 * @returns the same object when there is nothing to mend
 */
export function mended(subject: Subject, findings: readonly Finding[]): Subject {
  const props = findings
    .filter((finding) => finding.mend !== undefined && finding.exempt === undefined)
    .reduce<Json>((of, { mend }) => withValue(of, mend!.path, mend!.value), subject.props);
  return props === subject.props ? subject : { ...subject, props: props as Subject["props"] };
}
