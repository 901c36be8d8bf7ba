import { z } from "zod";
import { didYouMean, type Problem, throwIfAny } from "../../model/problems";

export const LEVELS = ["disabled", "advisory", "mandatory", "remediate"] as const;
/** `remediate` mends what can be mended safely; the rest is mandatory. */
export type Level = (typeof LEVELS)[number];

export const ENVIRONMENTS = ["dev", "staging", "prod"] as const;
export type Environment = (typeof ENVIRONMENTS)[number];

const day = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}$/, "is no date: expected for example 2027-06-30")
  .refine((text) => {
    const date = new Date(`${text}T00:00:00Z`);
    return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
  }, "is no day of any year");

const exemption = z.strictObject({
  /** A rule's id, or `category/*`. */
  rule: z.string().regex(/^[a-z-]+\/(?:[a-z0-9-]+|\*)$/, "is no rule: expected category/name"),
  /** `Kind/name`, `Kind/namespace/name`; `*` stands for anything. */
  resource: z
    .string()
    .regex(
      /^[^/\s]+\/[^/\s]+(?:\/[^/\s]+)?$/,
      "is no resource: expected Kind/name or Kind/namespace/name",
    ),
  /** Why it may stay as it is. */
  reason: z.string().trim().min(10, "says too little: give the reason in a sentence"),
  /** Who answers for it: a person, a team, an address. */
  owner: z.string().trim().min(1, "is empty: name who answers for it"),
  /** The last day on which it holds. */
  expires: day,
  /** It stands for several stacks: one that has no use for it says nothing. */
  shared: z.boolean().optional(),
});

const ratio = z.number().min(1);
const perEnvironment = <T extends z.ZodType>(
  of: T,
): z.ZodObject<Record<Environment, z.ZodOptional<T>>> =>
  z.strictObject({ dev: of.optional(), staging: of.optional(), prod: of.optional() });

const schema = z.strictObject({
  /** How strict: some rules hold in production alone. */
  environment: z.enum(ENVIRONMENTS).default("prod"),
  /** By rule id, by `category/*`, or `*` for all; the most exact one counts. */
  levels: z.record(z.string(), z.enum(LEVELS)).default({}),
  /** Prefixes of image references that are allowed; none means every registry. */
  registries: z.array(z.string().min(1)).default([]),
  /** Labels that every workload must carry, beside what rules ask for anyway. */
  requiredLabels: z.array(z.string().min(1)).default([]),
  /** `Kind/name` or `Kind/namespace/name` of what the world may reach beside gateways. */
  exposed: z.array(z.string().min(1)).default([]),
  /** Ports that gateways may publish on a machine in production; on a laptop these are often taken. */
  publicPorts: z.array(z.int().min(1).max(65_535)).default([80, 443]),
  thresholds: z
    .strictObject({
      /** Most cores that one container may use. */
      cpu: perEnvironment(z.number().positive()).prefault({}),
      /** Most bytes that one container may use. */
      memory: perEnvironment(z.number().positive()).prefault({}),
      /** Limit over request, of CPU: it is shared when idle, so it may be high. */
      cpuRatio: perEnvironment(ratio).prefault({}),
      /** Limit over request, of memory: what is promised twice ends in an OOM kill. */
      memoryRatio: perEnvironment(ratio).prefault({}),
      /** Least numeric user and group id; lower ones may be somebody's on the machine. */
      userId: z.int().min(1).default(1_000),
      /** Characters of a generated password. */
      passwordLength: z.int().min(8).default(20),
      /** Days after which a secret that says its age counts as old. */
      secretDays: z.int().min(1).default(180),
      /** Seconds that a process may take to stop. */
      grace: z.int().min(1).default(300),
      /** Most days that logs may be kept (GG-13: no longer than their purpose needs). */
      logDays: z.int().min(1).default(90),
    })
    .prefault({}),
  exemptions: z.array(exemption).default([]),
});

export type Config = z.infer<typeof schema>;
export type Exemption = z.infer<typeof exemption>;
/** As somebody writes it: everything may be left out. */
export type ConfigInput = z.input<typeof schema>;

/**
 * For editors, and for Pulumi's own check of a pack's configuration. It names no default: the engine would
 * fill it in, and what somebody gives by hand counts more than what a project and a stack say.
 */
export const configSchema = (): { properties: Record<string, object>; required?: string[] } =>
  z.toJSONSchema(schema, {
    io: "input",
    target: "draft-7",
    override: ({ jsonSchema }) => {
      delete jsonSchema.default;
    },
  }) as { properties: Record<string, object>; required?: string[] };

/** What a default cannot say: more in one environment than in another. */
export const CEILINGS: Readonly<
  Record<Environment, { cpu: number; memory: number; cpuRatio: number; memoryRatio: number }>
> = {
  // A laptop's containers reserve little of a CPU that is idle: they have to find a place there.
  dev: { cpu: 2, memory: 2 * 2 ** 30, cpuRatio: 100, memoryRatio: 16 },
  staging: { cpu: 4, memory: 8 * 2 ** 30, cpuRatio: 20, memoryRatio: 16 },
  prod: { cpu: 8, memory: 32 * 2 ** 30, cpuRatio: 20, memoryRatio: 8 },
};

type Ceiling = keyof (typeof CEILINGS)[Environment];

export const ceiling = (config: Config, of: Ceiling): number =>
  config.thresholds[of][config.environment] ?? CEILINGS[config.environment][of];

/**
 * Checks a configuration of the pack, whole.
 * @param ids every rule's id
 * @param where it stands, for the message
 * @throws ProblemsError with everything that is wrong
 */
export function loadConfig(
  input: unknown,
  ids: readonly string[],
  where = "configuration of the policies",
): Config {
  const parsed = schema.safeParse(input ?? {});
  const problems: Problem[] = parsed.success ? [] : parsed.error.issues.flatMap(fromIssue);
  const given = (typeof input === "object" && input !== null ? input : {}) as {
    levels?: unknown;
    exemptions?: unknown;
  };
  const named = [
    ...Object.keys(
      typeof given.levels === "object" && given.levels !== null ? given.levels : {},
    ).map((key) => ({ path: `levels.${key}`, key })),
    ...(Array.isArray(given.exemptions) ? given.exemptions : []).map((e: unknown, i) => ({
      path: `exemptions[${i}].rule`,
      key: (e as { rule?: unknown } | null)?.rule,
    })),
  ];
  const categories = new Set(ids.map((id) => id.split("/")[0]!));
  for (const { path, key } of named) {
    if (typeof key !== "string" || key === "*" || ids.includes(key)) continue;
    const [category, name] = key.split("/");
    if (name === "*" && categories.has(category!)) continue;
    const meant = didYouMean(key, ids);
    problems.push({
      path,
      message: `there is no rule ${JSON.stringify(key)}`,
      fix: meant === undefined ? "docs/policies.md lists them" : `did you mean "${meant}"?`,
    });
  }
  throwIfAny(where, problems);
  return schema.parse(input ?? {});
}

function fromIssue(issue: z.core.$ZodIssue): Problem[] {
  const path = issue.path.reduce<string>(
    (text, part) =>
      typeof part === "number"
        ? `${text}[${part}]`
        : text === ""
          ? String(part)
          : `${text}.${String(part)}`,
    "",
  );
  if (issue.code !== "unrecognized_keys")
    return [{ path: path === "" ? "(all)" : path, message: issue.message }];
  return issue.keys.map((key) => {
    const meant = path === "" ? didYouMean(key, Object.keys(schema.shape)) : undefined;
    return {
      path: path === "" ? key : `${path}.${key}`,
      message: "is no known key",
      ...(meant === undefined ? {} : { fix: `did you mean "${meant}"?` }),
    };
  });
}

/** The level of a rule: the most exact entry counts. */
export const configuredLevel = (config: Config, id: string): Level | undefined =>
  config.levels[id] ?? config.levels[`${id.split("/")[0]!}/*`] ?? config.levels["*"];
