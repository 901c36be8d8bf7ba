import { isDeepStrictEqual } from "node:util";
import { formatPath, type Path } from "../../policies/engine/field";
import { SECRET, SIGNATURE } from "../audit/inputs/sealed";

/** Where a state has a secret in plain text: paths, never values. Empty for what `pulumi stack export` gives. */
export function plainSecrets(state: unknown): string[] {
  const found: string[] = [];
  const walk = (value: unknown, path: Path): void => {
    if (Array.isArray(value)) value.forEach((item, i) => walk(item, [...path, i]));
    if (typeof value !== "object" || value === null || Array.isArray(value)) return;
    const record = value as Readonly<Record<string, unknown>>;
    const sealed = record[SIGNATURE] === SECRET;
    if (sealed && typeof record["ciphertext"] !== "string") found.push(formatPath(path));
    for (const [key, item] of Object.entries(record)) walk(item, [...path, key]);
  };
  walk(state, []);
  return found;
}

/** What a copy of a stack's own configuration and state is of. */
export interface StateCopy {
  readonly stack: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  /** Of the project, where it is under version control. */
  readonly revision?: string;
  /** As `Pulumi.<stack>.yaml` has it. @default a passphrase */
  readonly secretsProvider?: string;
}

/** Name of a copy's folder. @example "prod-20261128T193000Z" */
export const copyName = ({ stack, at }: StateCopy): string =>
  `${stack}-${at.slice(0, 19).replace(/[-:]/g, "")}Z`;

/** Names of a stack's copies among those of a folder, oldest first. */
export function copiesOf(stack: string, names: readonly string[]): string[] {
  return names
    .filter((name) => name.startsWith(`${stack}-`) && COPY.test(name.slice(stack.length)))
    .sort();
}

const COPY = /^-\d{8}T\d{6}Z$/;

/**
 * Whether two exports are of one state. Each has the moment of its making, resources in the order in which they were ready, and
 * some secrets sealed anew, so it goes by what each resource is and by when Pulumi last changed it.
 */
export function sameState(one: string, other: string): boolean {
  const [a, b] = [one, other].map((text) => {
    const { deployment } = JSON.parse(text) as { deployment?: Deployment };
    const resources = (deployment?.resources ?? []).map(({ urn, id, modified, protect }) =>
      JSON.stringify([urn, id, modified, protect]),
    );
    return [...resources.sort(), JSON.stringify(deployment?.pending_operations ?? [])];
  });
  return isDeepStrictEqual(a, b);
}

/** What is compared of an export. */
interface Deployment {
  readonly resources?: readonly {
    readonly urn: string;
    readonly id?: string;
    readonly modified?: string;
    readonly protect?: boolean;
  }[];
  readonly pending_operations?: readonly unknown[];
}

/** What lies beside a copy: how a stack comes back from it. */
export function restoreGuide(of: StateCopy): string {
  const { stack, at, revision, secretsProvider } = of;
  const opener =
    secretsProvider === undefined || /^(default|passphrase)$/.test(secretsProvider)
      ? "the passphrase that the stack had (PULUMI_CONFIG_PASSPHRASE), which is in none of these files"
      : `the right to use ${secretsProvider}`;
  return `# Stack ${stack}, as of ${at}

state.json has what Pulumi knows of the stack, Pulumi.${stack}.yaml its configuration. Secrets in both are encrypted: whoever
brings the stack back needs ${opener}.

1. The project${revision === undefined ? "" : ` at revision ${revision}`}, with \`npm ci\`.
2. Compare: \`sha256sum --check SHA256SUMS\` in this folder.
3. \`Pulumi.${stack}.yaml\` into the project's folder.
4. \`pulumi login\` to where states are kept from now on, then
   \`npx atalaya pulumi stack init ${stack}${secretsProvider === undefined ? "" : ` --secrets-provider='${secretsProvider}'`}\` where the stack is gone there too.
5. \`npx atalaya pulumi stack import -s ${stack} --file <this folder>/state.json\`.
6. \`npx atalaya pulumi stack output passwords --show-secrets -s ${stack}\` has the keys of the backups again.
7. Is the place itself new? \`npx atalaya pulumi refresh -s ${stack}\` tells Pulumi what is not there any more; then
   \`npx atalaya up -s ${stack}\`, and each store as docs/operations.md, Backups, says.
`;
}
