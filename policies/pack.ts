import { PolicyPack, Secret } from "@pulumi/policy";
import { ProblemsError } from "../model/problems";
import { type Config, configSchema } from "./engine/config";
import { type Evaluation, evaluate, type Finding, formatName } from "./engine/evaluate";
import { formatPath, type Json, type JsonObject, type Path, UNKNOWN } from "./engine/field";
import { fromConfig, fromPulumi, type Subject } from "./engine/subject";
import { configOfStack, readConfig } from "./project";
import { isUnknown, type Report, reportOf, unwrapped } from "./pulumi-policy";
import { rules } from "./rules";

/**
 * The rules as a pack of Pulumi's policy engine. It is one policy to that engine, which would hand every
 * resource to each of a hundred policies anew (docs/decisions/0014); findings carry their rule's name.
 */
const NAME = "atalaya";

/** Packages whose resources somebody has a rule for. */
const JUDGED = /^(?:kubernetes|docker|random):|^pulumi:pulumi:Stack$/;

const ids = rules.map(({ id }) => id);

/**
 * Each resource as it was validated: its inputs. What the stack's validation has are outputs, which a preview
 * often knows nothing of.
 */
const validated = new Map<string, Subject>();

/** Secret properties of each resource: only a remediation sees them, and it comes before the validation. */
const secretPaths = new Map<string, readonly string[]>();

/** What was mended in each resource, to be shown when it is validated. */
const mends = new Map<string, readonly Finding[]>();

/** Exemptions that were of use in this run. */
const used = new Set<number>();

/** That the configuration cannot be used is told once. */
let told = false;

interface Resource {
  readonly type: string;
  readonly name: string;
  readonly urn: string;
  readonly props: Record<string, unknown>;
  readonly opts: { readonly protect: boolean };
}

export const start = (): PolicyPack =>
  new PolicyPack(NAME, {
    displayName: "Atalaya",
    description: "Limits, secrets, isolation, reliability: every rule of docs/policies.md",
    policies: [
      {
        name: NAME,
        description: `${rules.length} rules, each with a level of its own`,
        // So that remediations are asked for; every finding says its own level.
        enforcementLevel: "remediate",
        configSchema: configSchema(),
        remediateResource: (resource) => {
          if (!JUDGED.test(resource.type)) return undefined;
          const config = configOf(resource.getConfig(), resource.urn);
          if (config === undefined) return undefined;
          const raw = unwrapped(resource.props);
          const secrets: string[] = [];
          const props = toJson(raw, secrets) as JsonObject;
          secretPaths.set(resource.urn, secrets);
          if (!Object.values(config.levels).includes("remediate")) return undefined;
          const { findings } = evaluate([subjectOf(resource, props)], config, {
            rules,
            scope: "objects",
          });
          const own = findings.filter(
            ({ level, mend, exempt }) =>
              level === "remediate" && mend !== undefined && exempt === undefined,
          );
          if (own.length === 0) return undefined;
          mends.set(resource.urn, own);
          return own.reduce<unknown>(
            (of, { mend }) => setIn(of, mend!.path, mend!.value),
            raw,
          ) as Record<string, unknown>;
        },
        validateResource: (resource, report) => {
          if (!JUDGED.test(resource.type)) return;
          const config = configOf(resource.getConfig(), resource.urn, reportOf(report));
          if (config === undefined) return;
          const subject = subjectOf(resource, toJson(unwrapped(resource.props)) as JsonObject);
          validated.set(resource.urn, subject);
          tell(evaluate([subject], config, { rules, scope: "objects", used }), reportOf(report));
          for (const { rule, severity, path, mend } of mends.get(resource.urn) ?? []) {
            const value =
              mend!.value === undefined ? "taken out" : `set to ${JSON.stringify(mend!.value)}`;
            reportOf(report)({
              name: rule,
              message: `mended: ${path} was ${value}; write it so in the program`,
              severity,
              enforcementLevel: "advisory",
            });
          }
        },
        validateStack: (stack, report) => {
          const { resources } = stack;
          const urn = resources[0]?.urn;
          const config =
            urn === undefined ? undefined : configOf(stack.getConfig(), urn, reportOf(report));
          if (config === undefined) return;
          const subjects = resources
            .filter(({ type }) => JUDGED.test(type))
            .map(
              (resource) =>
                validated.get(resource.urn) ??
                subjectOf(resource, toJson(unwrapped(resource.props)) as JsonObject),
            );
          const name = stackOf(urn!);
          const own = name === undefined ? undefined : configOfStack(called, name);
          if (own !== undefined) {
            const subject = fromConfig(name!, own);
            tell(evaluate([subject], config, { rules, scope: "objects", used }), reportOf(report));
          }
          tell(evaluate(subjects, config, { rules, scope: "stack", used }), reportOf(report));
          summarise(reportOf(report));
        },
      },
    ],
  });

function subjectOf({ type, name, urn, opts }: Omit<Resource, "props">, props: JsonObject): Subject {
  const secrets = secretPaths.get(urn);
  return fromPulumi({
    type,
    name,
    props,
    facts: {
      urn,
      protect: opts.protect,
      ...(secrets === undefined ? {} : { secretPaths: secrets }),
    },
  });
}

/** What has an exemption, by its rule and reason; what nobody knows yet, by rule: told once, at the end. */
const exempted = new Map<string, Finding[]>();
const waiting = new Map<string, Set<string>>();

function tell({ findings, unchecked }: Evaluation, report: Report): void {
  for (const finding of findings) {
    if (finding.exempt !== undefined) {
      const { owner, expires, reason } = finding.exempt;
      add(exempted, `${finding.rule} until ${expires}, by ${owner}: ${reason}`, finding);
      continue;
    }
    report({
      name: finding.rule,
      message: finding.message,
      severity: finding.severity,
      enforcementLevel: finding.level === "advisory" ? "advisory" : "mandatory",
      ...(finding.resource.urn === undefined ? {} : { urn: finding.resource.urn }),
    });
  }
  for (const { resource, path, rule } of unchecked) {
    const place = `${formatName(resource)} ${path}`.trim();
    waiting.set(rule, (waiting.get(rule) ?? new Set()).add(place));
  }
}

/** What would be a line for each resource, as one for each reason. */
function summarise(report: Report): void {
  for (const [exemption, findings] of exempted) {
    const names = [...new Set(findings.map(({ resource }) => resource.name))].join(", ");
    report({
      name: "policies/exempt",
      message: `exempt: ${exemption} (${findings.length}: ${names})`,
      severity: "low",
      enforcementLevel: "advisory",
    });
  }
  for (const [rule, places] of waiting) {
    const [first, ...more] = places;
    const others = more.length === 0 ? "" : ` and ${more.length} more`;
    report({
      name: "policies/not-checked",
      message: `${rule} cannot look at ${first!}${others} yet: not known before \`up\`, which is checked as well`,
      severity: "low",
      enforcementLevel: "advisory",
    });
  }
}

function add<T>(to: Map<string, T[]>, key: string, one: T): void {
  const known = to.get(key);
  if (known === undefined) to.set(key, [one]);
  else known.push(one);
}

/** Where the CLI was called: the pack's own folder is another one. */
const called = process.env["ATALAYA_POLICIES_FOR"] ?? process.env["PWD"] ?? process.cwd();

let loaded: { readonly config?: Config; readonly problem?: string } | undefined;

/**
 * The pack's configuration: what `--policy-pack-config` says, over what the project and the stack say. One
 * that cannot be used stops everything, with all that is wrong with it, once.
 */
function configOf(given: object, urn: string, report?: Report): Config | undefined {
  loaded ??= load(given, urn);
  if (loaded.problem !== undefined && report !== undefined && !told) {
    told = true;
    report({
      name: "policies/configuration",
      message: loaded.problem,
      enforcementLevel: "mandatory",
      severity: "high",
    });
  }
  return loaded.config;
}

const stackOf = (urn: string): string | undefined => /^urn:pulumi:([^:]+)::/.exec(urn)?.[1];

function load(given: object, urn: string): NonNullable<typeof loaded> {
  const stack = stackOf(urn);
  try {
    return {
      config: readConfig({ from: called, given, ...(stack === undefined ? {} : { stack }) }, ids),
    };
  } catch (error) {
    if (!(error instanceof ProblemsError)) throw error;
    return { problem: error.message };
  }
}

/** A resource's properties as plain data. @param secrets collects the paths of secret ones */
function toJson(value: unknown, secrets?: string[], path: Path = []): Json {
  if (value instanceof Secret) {
    secrets?.push(formatPath(path));
    return toJson(value.value, secrets, path);
  }
  if (isUnknown(value)) return UNKNOWN;
  if (Array.isArray(value)) return value.map((item, i) => toJson(item, secrets, [...path, i]));
  if (typeof value === "object" && value !== null) {
    // An asset or an archive: a file, which is nobody's property.
    if (Object.getPrototypeOf(value) !== Object.prototype) return {};
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, toJson(item, secrets, [...path, key])]),
    );
  }
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean"
    ? value
    : null;
}

/** As `withValue`, for properties whose secrets have to stay secret. */
function setIn(of: unknown, path: Path, value: Json | undefined): unknown {
  if (of instanceof Secret) return new Secret(setIn(of.value, path, value));
  const [key, ...rest] = path;
  if (key === undefined) return value;
  if (typeof key === "number") {
    const list: unknown[] = Array.isArray(of) ? [...(of as unknown[])] : [];
    list[key] = setIn(list[key], rest, value);
    return list;
  }
  const record = { ...(of as Record<string, unknown> | undefined) };
  if (rest.length === 0 && value === undefined) delete record[key];
  else record[key] = setIn(record[key], rest, value);
  return record;
}
