import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { hostOf } from "../model/names";
import { didYouMean, type Problem, throwIfAny } from "../model/problems";
import type { BackupsArgs } from "../model/backup";
import type { SecretSource } from "../model/system";
import { backupsSchema, bucketKeys, loadBackups } from "./backups";

const labels = z.record(
  z
    .string()
    .regex(
      /^(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9](?:[-\w.]{0,61}[A-Za-z0-9])?$/,
      "is no name of a label: expected for example release",
    ),
  z
    .string()
    .regex(
      /^(?:[A-Za-z0-9](?:[-\w.]{0,61}[A-Za-z0-9])?)?$/,
      "is no value of a label: expected for example kube-prometheus-stack",
    ),
);

const address = z.url({ protocol: /^https?$/ });

/** What a stack runs that says nothing of it. */
export const DEFAULT_SYSTEMS: readonly string[] = ["grupo-gad"];

/** Where a stack runs and what of; the rest of its configuration belongs to its systems. */
const siteSchema = z.strictObject({
  profile: z.enum(["dev", "staging", "prod"]).default("dev"),
  platform: z.enum(["swarm", "kubernetes"]).default("swarm"),
  systems: z
    .array(z.string())
    .min(1)
    .default([...DEFAULT_SYSTEMS]),
  /** Metrics and alerts of all of them; `lean` takes less memory and looks less often. */
  monitoring: z.enum(["off", "lean", "full"]).default("off"),
  /** Where the data of all of them is copied to; absent or `off`: nowhere. */
  backups: backupsSchema,
  /** The engine's address as Docker writes it; absent means DOCKER_HOST or the local socket. */
  engine: z
    .string()
    .regex(
      /^(?:unix|ssh|tcp|npipe):\/\//,
      "is no engine address: expected for example ssh://deploy@server",
    )
    .optional(),
  /** Node that keeps the volumes, where the engine has several. */
  dataNode: z.string().optional(),
  /** Whether Swarm encrypts what goes from node to node. */
  traffic: z.enum(["plain", "encrypted"]).default("plain"),
  /** How the chosen cluster is reached and what it has. */
  kubernetes: z
    .strictObject({
      /** Path of a kubeconfig file. @default KUBECONFIG or ~/.kube/config */
      kubeconfig: z.string().min(1).optional(),
      /** Context in it. Absent means the current one, on dev only. */
      context: z.string().min(1).optional(),
      storageClass: z.string().min(1).optional(),
      sharedStorageClass: z.string().min(1).optional(),
      entrance: z
        .strictObject({
          type: z.enum(["load-balancer", "node-port"]).default("load-balancer"),
          annotations: z.record(z.string(), z.string()).optional(),
        })
        .prefault({}),
      verticalAutoscaler: z.boolean().default(false),
      /** Its Prometheus Operator, which is handed targets and rules; absent means that the stack runs a Prometheus. */
      prometheusOperator: z
        .strictObject({
          /** By which its Prometheus chooses monitors and rules. */
          labels: labels.default({}),
          /** In which its Prometheus runs, and the labels of its pods: they are let in. */
          namespace: z
            .string()
            .regex(
              /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/,
              "is no namespace: expected for example monitoring",
            )
            .default("monitoring"),
          pods: labels
            .refine(
              (pods) => Object.keys(pods).length > 0,
              "is empty: every pod of the namespace would be let in",
            )
            .default({ "app.kubernetes.io/name": "prometheus" }),
        })
        .optional(),
      /** Its cert-manager, which gets and renews what gateways would ask a public authority for themselves. */
      certManager: z
        .strictObject({
          issuer: z
            .string()
            .regex(
              /^[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?$/,
              "is no name of an issuer: expected for example letsencrypt",
            ),
          kind: z.enum(["ClusterIssuer", "Issuer"]).default("ClusterIssuer"),
        })
        .optional(),
    })
    .prefault({}),
  /** Where our own images are pushed to and pulled from. */
  registry: z.strictObject({ server: z.string().min(1), username: z.string().min(1) }).optional(),
});

export type SiteConfig = z.infer<typeof siteSchema>;

/** As the stack's program sees a system: what it needs to be configured and built. */
export interface Configurable {
  readonly name: string;
  /** Part of every stack that is monitored, and selected by nobody. @default false */
  readonly watches?: boolean;
  /** Of those that watch: there only where it is configured. @default false */
  readonly optional?: boolean;
  readonly schema: z.ZodType;
  /** What a profile forbids, and an operator that is handed what is collected, at paths below the system's name. */
  check?(config: unknown, profile: SiteConfig["profile"], handedOver: boolean): readonly Problem[];
  /** What is allowed, and better otherwise; paths likewise. */
  advise?(config: unknown, profile: SiteConfig["profile"], handedOver: boolean): readonly Problem[];
  readonly secrets: Readonly<
    Record<
      string,
      {
        about: string;
        minLength?: number;
        address?: { at?(config: unknown): string | undefined };
        generate?: "dev" | "never";
      }
    >
  >;
}

export interface StackConfig {
  readonly site: SiteConfig;
  /** Absent where there are none. */
  readonly backups?: Omit<BackupsArgs, "stack">;
  readonly systems: readonly {
    readonly name: string;
    readonly config: unknown;
    readonly secrets: Readonly<Record<string, SecretSource>>;
  }[];
  /** Sensitive values by path. The one place where they stand in plain text, in memory only. */
  readonly sensitive: ReadonlyMap<string, string>;
  /** What is allowed, and better otherwise. */
  readonly notices: readonly Problem[];
}

/** What Pulumi has of a stack's configuration: text or JSON by key, without the project's prefix. */
export interface RawConfig {
  readonly values: Readonly<Record<string, string>>;
  /** Nobody can read encrypted values here, and none is needed: each counts as set. */
  readonly withoutSecrets?: boolean;
  /** Whether a key's value, or the part of it at a path, is stored encrypted. */
  isSecret(key: string, path?: readonly string[]): boolean;
}

const SITE_KEYS = Object.keys(siteSchema.shape);
/** Keys whose value is an object or a list. */
const STRUCTURED = ["systems", "registry", "kubernetes", "backups"];
const REGISTRY_PASSWORD = "registryPassword";
/** Read by the policies alone, which check it themselves. */
const POLICIES = "policies";

/**
 * Reads and checks the whole configuration before any resource is touched.
 * @throws ProblemsError with every problem at once; no sensitive value appears in it
 */
export function loadConfig(raw: RawConfig, known: readonly Configurable[]): StackConfig {
  const problems: Problem[] = [];
  const notices: Problem[] = [];
  const sensitive = new Map<string, string>();
  const names = known.map((k) => k.name);

  for (const key of Object.keys(raw.values)) {
    const keys = [...SITE_KEYS, REGISTRY_PASSWORD, POLICIES, ...names];
    if (!keys.includes(key)) problems.push(unknownKey(key, keys));
  }

  const given = Object.fromEntries(
    SITE_KEYS.filter((key) => key in raw.values).map((key) => [
      key,
      parse(raw.values[key]!, STRUCTURED.includes(key), key, problems),
    ]),
  );
  const { rest: backups, keys } = bucketKeys(given["backups"]);
  // A word rather than an object, so that a stack can say it.
  const wanted = { ...given, backups: backups === "off" ? undefined : backups };
  const parsed = siteSchema.safeParse(wanted);
  if (!parsed.success) problems.push(...fromZod(parsed.error, ""));
  const site = parsed.success ? parsed.data : siteSchema.parse(without(wanted, parsed.error));

  if (site.platform !== "swarm" && site.traffic === "encrypted") {
    problems.push({
      path: "traffic",
      message: "is a matter of Swarm's networks",
      fix: "leave it out; on Kubernetes the cluster's network plugin encrypts between nodes, or does not",
    });
  }
  const instead = {
    prometheusOperator: "the stack's own Prometheus collects",
    certManager: "gateways ask for their certificates themselves",
  };
  for (const key of ["prometheusOperator", "certManager"] as const) {
    if (site.platform === "kubernetes" || site.kubernetes[key] === undefined) continue;
    const path = `kubernetes.${key}`;
    problems.push({
      path,
      message: `is a matter of a cluster: ${site.platform} has no operators`,
      fix: `pulumi config rm --path ${path}; ${instead[key]}`,
    });
  }
  if (site.kubernetes.prometheusOperator !== undefined && site.monitoring === "off") {
    const path = "kubernetes.prometheusOperator";
    problems.push({
      path,
      message: "has nothing to hand over: monitoring is off",
      fix: `pulumi config set monitoring full, or pulumi config rm --path ${path}`,
    });
  }
  // Who has something else says so by the word.
  if (site.profile !== "dev" && raw.values["monitoring"] === undefined) {
    notices.push({
      path: "monitoring",
      message: "is not set: nobody hears when something breaks",
      fix: "pulumi config set monitoring full, and who is told (docs/configuration.md); or pulumi config set monitoring off, to go without",
    });
  }
  if (site.registry !== undefined) {
    requireSecret(raw, REGISTRY_PASSWORD, problems, sensitive);
  }

  const copies = loadBackups(
    site.backups,
    site.profile,
    keys,
    (path, value) => configured(raw, "backups", path, value, problems, sensitive),
    problems,
  );

  const selectable = known.filter((k) => !k.watches);
  const watchers = known.filter((k) => k.watches && (!k.optional || isOn(raw.values[k.name])));
  const watching = site.monitoring === "off" ? [] : watchers;
  for (const { name } of watchers.filter((k) => k.optional && !watching.includes(k))) {
    problems.push({
      path: name,
      message: "is part of monitoring, which is off",
      fix: `pulumi config set monitoring full, or pulumi config set ${name} off`,
    });
  }
  const systems = [...site.systems, ...watching.map((k) => k.name)].flatMap((name) => {
    const system = [...selectable, ...watching].find((k) => k.name === name);
    if (system === undefined) {
      const choice = selectable.map((k) => k.name);
      const meant = didYouMean(name, choice);
      problems.push({
        path: "systems",
        message: `there is no system ${JSON.stringify(name)}`,
        fix: meant === undefined ? `choose of ${choice.join(", ")}` : `did you mean "${meant}"?`,
      });
      return [];
    }
    return [loadSystem(raw, system, site, problems, notices, sensitive)];
  });
  throwIfAny("stack configuration", problems);
  return {
    site,
    ...(copies === undefined ? {} : { backups: copies }),
    systems,
    sensitive,
    notices,
  };
}

function loadSystem(
  raw: RawConfig,
  system: Configurable,
  site: SiteConfig,
  problems: Problem[],
  notices: Problem[],
  sensitive: Map<string, string>,
): StackConfig["systems"][number] {
  const text = raw.values[system.name];
  const whole =
    text === undefined || (system.optional && text === "on")
      ? {}
      : parse(text, true, system.name, problems);
  const { secrets: givenSecrets, ...rest } = isObject(whole) ? whole : { secrets: undefined };
  const parsed = system.schema.safeParse(isObject(whole) ? rest : whole);
  if (!parsed.success) problems.push(...fromZod(parsed.error, system.name));
  if (parsed.success) {
    const handedOver = site.kubernetes.prometheusOperator !== undefined;
    const of = (more: readonly Problem[] = []): Problem[] =>
      more.map((p) => ({ ...p, path: `${system.name}.${p.path}` }));
    problems.push(...of(system.check?.(parsed.data, site.profile, handedOver)));
    notices.push(...of(system.advise?.(parsed.data, site.profile, handedOver)));
  }
  const given = isObject(givenSecrets) ? givenSecrets : {};
  const known = Object.keys(system.secrets);
  for (const name of Object.keys(given).filter((n) => !known.includes(n))) {
    problems.push(unknownKey(`${system.name}.secrets.${name}`, known));
  }
  const secrets: Record<string, SecretSource> = {};
  for (const [name, definition] of Object.entries(system.secrets)) {
    const path = `${system.name}.secrets.${name}`;
    const value = given[name];
    const set = `pulumi config set --secret --path '${path}' <value>`;
    if (value === undefined) {
      if ((definition.generate ?? "dev") === "never") continue;
      if (site.profile === "dev") {
        secrets[name] = {
          kind: "generated",
          length: Math.max(definition.minLength ?? 1, 48),
          protect: false,
          replaceable: true,
        };
      } else if (raw.withoutSecrets) secrets[name] = { kind: "configured", key: path };
      else problems.push({ path, message: `is missing: ${definition.about}`, fix: set });
      continue;
    }
    if (isSealed(value)) {
      // Without Pulumi nobody can read it; that it is there is enough.
      secrets[name] = { kind: "configured", key: path };
      continue;
    }
    if (typeof value !== "string") {
      problems.push({ path, message: `is ${typeName(value)}, expected text`, fix: set });
      continue;
    }
    if (!raw.isSecret(system.name, ["secrets", name])) {
      problems.push({
        path,
        message: "stands in plain text in the configuration file",
        fix: `take it as known to others, make a new one, and set it encrypted: ${set}`,
      });
    }
    if (value.length < (definition.minLength ?? 1)) {
      problems.push({
        path,
        message: `has ${value.length} characters, expected at least ${definition.minLength ?? 1}: ${definition.about}`,
        fix: `openssl rand -base64 48 | tr -d '\\n' | ${set.replace(" <value>", "")}`,
      });
    }
    if (definition.address !== undefined && !address.safeParse(value).success) {
      problems.push({
        path,
        message: `is no address, expected https://…: ${definition.about}`,
        fix: set.replace("<value>", "https://…"),
      });
    } else if (parsed.success) {
      const at = definition.address?.at?.(parsed.data);
      if (at !== undefined && !isDeepStrictEqual(hostOf(value), hostOf(`https://${at}`))) {
        problems.push({
          path,
          message: `is at another host or port than the configuration says (${at})`,
          fix: `${set.replace("<value>", "https://…")}; or name the host that it is at, with its port where that is not 443`,
        });
      }
    }
    sensitive.set(path, value);
    secrets[name] = { kind: "configured", key: path };
  }
  return { name: system.name, config: parsed.success ? parsed.data : {}, secrets };
}

/** The source of a value that has to be set, encrypted, and fits on one line of a file. */
function configured(
  raw: RawConfig,
  key: string,
  path: readonly string[],
  value: unknown,
  problems: Problem[],
  sensitive: Map<string, string>,
): SecretSource {
  const at = [key, ...path].join(".");
  const set = `pulumi config set --secret --path '${at}' <value>`;
  if (raw.withoutSecrets && (value === undefined || isSealed(value))) {
    // Nobody can read it here; `up` will ask for it.
  } else if (value === undefined || value === "") {
    problems.push({ path: at, message: "is missing", fix: set });
  } else if (typeof value !== "string") {
    problems.push({ path: at, message: `is ${typeName(value)}, expected text`, fix: set });
  } else {
    if (!raw.isSecret(key, path)) {
      problems.push({
        path: at,
        message: "stands in plain text in the configuration file",
        fix: `take it as known to others, make a new one, and set it encrypted: ${set}`,
      });
    }
    if (!/^[\x21-\x7e]+$/.test(value)) {
      const message = "has blanks, line breaks or characters beyond ASCII";
      problems.push({ path: at, message, fix: `copy it again: ${set}` });
    }
    sensitive.set(at, value);
  }
  return { kind: "configured", key: at };
}

function requireSecret(
  raw: RawConfig,
  key: string,
  problems: Problem[],
  sensitive: Map<string, string>,
): void {
  const value = raw.values[key];
  const fix = `pulumi config set --secret ${key} <value>`;
  if (raw.withoutSecrets) return;
  if (value === undefined || value === "") {
    problems.push({ path: key, message: value === "" ? "is empty" : "is missing", fix });
  } else if (!raw.isSecret(key)) {
    problems.push({ path: key, message: "stands in plain text in the configuration file", fix });
  } else sensitive.set(key, value);
}

function unknownKey(path: string, known: readonly string[]): Problem {
  const last = path.split(".").at(-1) ?? path;
  const meant = didYouMean(last, known);
  return {
    path,
    message: "is no known key",
    fix: meant === undefined ? `known are ${known.join(", ")}` : `did you mean "${meant}"?`,
  };
}

function parse(text: string, structured: boolean, path: string, problems: Problem[]): unknown {
  if (!structured || (path === "backups" && text === "off")) return text;
  try {
    return JSON.parse(text);
  } catch {
    problems.push({
      path,
      message: "is text, expected an object or a list",
      fix: "set it with --path",
    });
    return {};
  }
}

/** Whether what is there only where it is wanted is wanted. */
const isOn = (text: string | undefined): boolean => text !== undefined && text !== "off";

/** A value that only Pulumi can read, as a stack's file has it. */
export const isSealed = (value: unknown): value is { readonly secure: string } =>
  isObject(value) && "secure" in value;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function typeName(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** What is right of an object, so that the rest of it is checked, too. */
const without = (whole: Record<string, unknown>, { issues }: z.ZodError): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(whole).filter(([key]) => issues.every(({ path }) => path[0] !== key)),
  );

/** Zod's issues as problems: path, what was given by its type, what was expected. */
function fromZod(error: z.ZodError, prefix: string): Problem[] {
  return error.issues.flatMap((issue): Problem[] => {
    const path = [prefix, ...issue.path.map(String)].filter((p) => p !== "").join(".");
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => ({
        path: path === "" ? key : `${path}.${key}`,
        message: "is no known key",
        fix: "see the typed configuration of the system in systems/",
      }));
    }
    // What is wrong with a key stands behind it.
    const { message } = issue.code === "invalid_key" ? (issue.issues[0] ?? issue) : issue;
    return [{ path, message }];
  });
}
