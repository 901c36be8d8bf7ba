import { randomBytes } from "node:crypto";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { stringify } from "yaml";

import { isSealed, type StackConfig } from "../../stack/config";
import { type Environment, must } from "../process";
import { projectName, root } from "../project";
import { describedStack } from "../setup/described";
import { readStackFile } from "../setup/stack-file";
import { operate, type Outcome } from "./update";

/** Stands for every secret that the stack's configuration demands; no rule of length refuses it. */
const PLACEHOLDER = "placeholder-".repeat(8);

/**
 * Previews a stack as if it were new: by its own configuration, with a state of its own that is thrown away,
 * with placeholders for its secrets, and with no engine or cluster to ask. Needs no credential, and nothing
 * of the real stack is read or written (AT-04).
 * @param args more arguments of `pulumi preview`
 * @throws ProblemsError with everything that is wrong with the configuration
 */
export async function rehearse(stack: string, args: readonly string[]): Promise<Outcome> {
  const { config } = describedStack(stack);
  const work = mkdtempSync(join(tmpdir(), "atalaya-rehearsal-"));
  try {
    const folder = checkoutOf(stack, join(work, "checkout"));
    const env = nowhere(work, config);
    const options = { cwd: folder, env };
    await must("pulumi", ["stack", "init", stack], options);
    const secrets = secretKeys(config).map((key) => `${projectName()}:${key}=${PLACEHOLDER}`);
    if (secrets.length > 0) {
      await must(
        "pulumi",
        [
          ...["config", "set-all", "--stack", stack, "--path"],
          ...secrets.flatMap((secret) => ["--secret", secret]),
        ],
        options,
      );
    }
    return await operate("preview", stack, args, { ...options, quietStdout: true });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** This checkout by links, with the stack's file alone, less what only its own state can decrypt. */
function checkoutOf(stack: string, folder: string): string {
  mkdirSync(folder);
  for (const name of readdirSync(root)) {
    if (/^Pulumi\..+\.yaml$/.test(name)) continue;
    // Pulumi takes the project's folder for where this file really is.
    if (name === "Pulumi.yaml") copyFileSync(join(root, name), join(folder, name));
    else symlinkSync(join(root, name), join(folder, name));
  }
  const config = withoutSealed(readStackFile(root, stack).config ?? {});
  writeFileSync(join(folder, `Pulumi.${stack}.yaml`), stringify({ config }));
  return folder;
}

/** A value of the configuration without what is encrypted in it, nor the addresses of engines. */
function withoutSealed(config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const project = projectName();
  const keep = (value: unknown): unknown =>
    typeof value !== "object" || value === null || Array.isArray(value)
      ? value
      : Object.fromEntries(
          Object.entries(value)
            .filter(([, inner]) => !isSealed(inner))
            .map(([key, inner]) => [key, keep(inner)]),
        );
  const kept = keep(config) as Record<string, unknown>;
  delete kept[`${project}:engine`];
  const cluster = kept[`${project}:kubernetes`] as Record<string, unknown> | undefined;
  if (cluster !== undefined) delete cluster["kubeconfig"];
  return kept;
}

/** The environment in which Pulumi finds a state of its own, and nobody where an engine would be. */
function nowhere(work: string, { site }: StackConfig): Environment {
  const state = join(work, "state");
  mkdirSync(state);
  const kubeconfig = join(work, "kubeconfig");
  const context = site.kubernetes.context ?? "nobody";
  writeFileSync(
    kubeconfig,
    stringify({
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "nobody", cluster: { server: "https://127.0.0.1:1" } }],
      users: [{ name: "nobody", user: { token: "none" } }],
      contexts: [{ name: context, context: { cluster: "nobody", user: "nobody" } }],
      "current-context": context,
    }),
  );
  return {
    PULUMI_BACKEND_URL: pathToFileURL(state).href,
    PULUMI_CONFIG_PASSPHRASE: randomBytes(16).toString("hex"),
    PULUMI_CONFIG_PASSPHRASE_FILE: undefined,
    PULUMI_ACCESS_TOKEN: undefined,
    PULUMI_STACK: undefined,
    DOCKER_HOST: `unix://${join(work, "nobody.sock")}`,
    KUBECONFIG: kubeconfig,
  };
}

/** What would have to be set with `pulumi config set --secret --path`. */
function secretKeys({ site, systems, backups }: StackConfig): readonly string[] {
  const buckets = (backups?.repositories ?? []).flatMap((repository) =>
    repository.kind === "s3" ? [repository.accessKey, repository.secretKey] : [],
  );
  const keys = [...systems.flatMap(({ secrets }) => Object.values(secrets)), ...buckets].flatMap(
    (source) => (source.kind === "configured" ? source.key : []),
  );
  return [...(site.registry === undefined ? [] : ["registryPassword"]), ...keys];
}
