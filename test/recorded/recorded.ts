import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../support/commands";
import { Workspace } from "../support/workspace";

/** Where a recorded stack ran. */
export type Platform = "swarm" | "kubernetes";

/** A stack of an earlier version. */
export interface Recorded {
  /** Its name, which stands in every URN and in the names on the engine. */
  readonly stack: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** What `pulumi stack export` said. */
  readonly state: {
    readonly deployment: {
      readonly resources: readonly {
        readonly urn: string;
        readonly protect?: boolean;
        readonly inputs?: Readonly<Record<string, unknown>>;
        readonly outputs?: Readonly<Record<string, unknown>>;
      }[];
    };
  };
}

/** Of every recorded state. */
export const PASSPHRASE = "recorded";

/** Stands in a recorded state in the place of the kubeconfig's path, which was a temporary file. */
export const KUBECONFIG = "kubeconfig-of-the-cluster";

export interface Upgrade {
  /** How many resources get which operation. */
  readonly changeSummary: Readonly<Record<string, number>>;
  /** What would be done to each resource that does not stay as it is. */
  readonly steps: readonly {
    readonly op: string;
    readonly urn: string;
    readonly oldState?: { readonly type: string };
    readonly newState?: { readonly inputs?: Readonly<Record<string, unknown>> };
  }[];
}

interface Diagnostic {
  readonly severity: string;
  readonly message: string;
}

/**
 * What the program of today would do to a recorded stack: a preview that reaches no engine.
 * @throws Error with what Pulumi refuses, which is to delete what is protected
 */
export async function previewUpgrade(recorded: Recorded): Promise<Upgrade> {
  const { stack, config } = recorded;
  const workspace = await Workspace.create({ config, passphrase: PASSPHRASE, stack });
  try {
    const kubeconfig = join(workspace.folder, "nobody.kubeconfig");
    writeFileSync(kubeconfig, NOBODY);
    const state = join(workspace.folder, "state.json");
    writeFileSync(state, JSON.stringify(recorded.state).replaceAll(KUBECONFIG, kubeconfig));
    await workspace.pulumi("stack", "import", "--stack", stack, "--file", state);
    const preview = await run(
      "pulumi",
      ["preview", "--stack", stack, "--non-interactive", "--json"],
      {
        cwd: workspace.folder,
        env: {
          ...workspace.env,
          DOCKER_HOST: "unix:///nonexistent/docker.sock",
          KUBECONFIG: kubeconfig,
        },
      },
    );
    const said = JSON.parse(preview.stdout) as Upgrade & { diagnostics?: Diagnostic[] };
    if (preview.code === 0) {
      // The stack itself is told of, too, where what it says at the end may be another.
      return { ...said, steps: said.steps.filter(({ op }) => op !== "same") };
    }
    const errors = (said.diagnostics ?? []).filter(({ severity }) => severity === "error");
    throw new Error(`the preview failed: ${errors.map(({ message }) => message).join("\n")}`);
  } finally {
    workspace.discard();
  }
}

/** A cluster at an address where nobody listens. */
const NOBODY = JSON.stringify({
  apiVersion: "v1",
  kind: "Config",
  clusters: [{ name: "nobody", cluster: { server: "https://127.0.0.1:1" } }],
  users: [{ name: "nobody", user: { token: "none" } }],
  contexts: [{ name: "nobody", context: { cluster: "nobody", user: "nobody" } }],
  "current-context": "nobody",
});
