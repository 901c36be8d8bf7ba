import { randomBytes } from "node:crypto";
import { existsSync, linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { ExitCode, UserError } from "../errors";
import type { Environment } from "../process";
import { pulumiHome, root, stateFolder } from "../project";
import { readStackFile, type StackFile } from "./stack-file";

/** The stacks that several people and machines work on, by name. */
const SHARED = ["staging", "prod"] as const;

/** Where Pulumi keeps the state, and with what it reads secrets. */
export interface Backend {
  /** `file://…`, `https://…`, `s3://…`; empty when Pulumi's own default is to decide. */
  readonly url: string;
  /** Our own: in the user's state folder, for people without a Pulumi backend. */
  readonly own: boolean;
  /** For every Pulumi command. */
  readonly env: Environment;
  /** One line for the person. */
  readonly summary: string;
}

/** What is known about the person's Pulumi. */
export interface BackendFacts {
  /** `PULUMI_BACKEND_URL`, or the backend that `pulumi login` recorded. */
  readonly url?: string;
  /** An access token in the environment means the Pulumi Cloud. */
  readonly token: boolean;
  /** A passphrase or the file of one is given in the environment. */
  readonly passphrase: boolean;
}

/** Reads the person's Pulumi settings: environment first, then `credentials.json`. */
export function backendFacts(env: NodeJS.ProcessEnv = process.env): BackendFacts {
  const url = env.PULUMI_BACKEND_URL || currentLogin(join(pulumiHome(env), "credentials.json"));
  return {
    token: Boolean(env.PULUMI_ACCESS_TOKEN),
    // An empty passphrase is one, too: Pulumi takes it as given.
    passphrase:
      env.PULUMI_CONFIG_PASSPHRASE !== undefined || Boolean(env.PULUMI_CONFIG_PASSPHRASE_FILE),
    ...(url ? { url } : {}),
  };
}

function currentLogin(file: string): string | undefined {
  if (!existsSync(file)) return undefined;
  try {
    const { current } = JSON.parse(readFileSync(file, "utf8")) as { readonly current?: string };
    return current || undefined;
  } catch {
    return undefined;
  }
}

/** Whether a stack is one that demands a shared backend: by its name or its `profile`. */
export function isShared(stack: string, file: StackFile): boolean {
  const names: readonly unknown[] = SHARED;
  return names.includes(stack) || names.includes(file.config?.["atalaya:profile"]);
}

/**
 * Refuses a shared stack whose state would live on one laptop, or whose secrets would hang on a
 * passphrase that somebody remembers.
 *
 * @throws UserError with the commands that put it right.
 */
export function checkShared(stack: string, facts: BackendFacts, file: StackFile): void {
  if (!isShared(stack, file)) return;
  const problems: string[] = [];
  const fixes: string[] = [];
  if ((facts.url === undefined && !facts.token) || facts.url?.startsWith("file:")) {
    problems.push("a backend that everybody reaches");
    fixes.push("pulumi login s3://<bucket>   (or azblob://, gs://, or the Pulumi Cloud)");
  }
  const provider = file.secretsprovider;
  if (!provider || provider === "default" || provider === "passphrase") {
    problems.push("a named secrets provider");
    fixes.push(
      `pulumi stack init ${stack} --secrets-provider="awskms://alias/<key>?region=<region>"   ` +
        "(or azurekeyvault://, gcpkms://, hashivault://; an existing stack: pulumi stack change-secrets-provider)",
    );
  }
  if (problems.length === 0) return;
  throw new UserError(
    `Stack ${stack} is shared: it needs ${problems.join(" and ")}.`,
    fixes.join("\n"),
    ExitCode.missing,
  );
}

/**
 * Settles where the state of a stack lives. A person with a Pulumi backend keeps it; anybody else gets
 * a folder of their own and a generated passphrase, without logging in to anything.
 *
 * @throws UserError for `staging` and `prod` without a shared backend.
 */
export function prepareBackend(
  stack: string,
  project: string,
  env: NodeJS.ProcessEnv = process.env,
): Backend {
  const facts = backendFacts(env);
  checkShared(stack, facts, readStackFile(root, stack));
  const folder = stateFolder(project, env);
  if (facts.url === undefined && facts.token) {
    return { url: "", own: false, env: {}, summary: "the Pulumi Cloud (access token)" };
  }
  if (facts.url !== undefined) {
    const needsPassphrase = facts.url.startsWith("file:") && !facts.passphrase;
    return {
      url: facts.url,
      own: false,
      env: needsPassphrase ? { PULUMI_CONFIG_PASSPHRASE_FILE: passphraseFile(folder) } : {},
      summary: `yours, ${facts.url}`,
    };
  }
  const state = join(folder, "state");
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const url = pathToFileURL(state).href;
  return {
    url,
    own: true,
    env: {
      PULUMI_BACKEND_URL: url,
      ...(facts.passphrase ? {} : { PULUMI_CONFIG_PASSPHRASE_FILE: passphraseFile(folder) }),
    },
    summary: `${state} on this machine${facts.passphrase ? "" : `, secrets under the passphrase in ${join(folder, "passphrase")}`}`,
  };
}

/** The file with the generated passphrase; made at the first use. */
function passphraseFile(folder: string): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, "passphrase");
  if (existsSync(file)) return file;
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, `${randomBytes(32).toString("base64url")}\n`, { mode: 0o600 });
  try {
    // A link appears whole, and never over an existing file, without which the state could not be
    // read any more.
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    unlinkSync(draft);
  }
  return file;
}

/** The folder with the locks of a file backend on this machine, or undefined for any other backend. */
export function locksFolder(url: string, project: string, stack: string): string | undefined {
  if (!url.startsWith("file:")) return undefined;
  // Pulumi itself writes `file://~` for the home folder.
  const path = url.startsWith("file://~")
    ? join(userInfo().homedir, url.slice("file://~".length))
    : decodeURIComponent(new URL(url).pathname);
  return join(path, ".pulumi", "locks", "organization", project, stack);
}
