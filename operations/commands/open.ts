import { OBSERVER } from "../../model/observability";
import type { DescribedStack } from "../../stack/describe";
import { ExitCode, UserError } from "../errors";
import type { HealthEngine, Instance } from "../health/engine";
import { engineOf } from "../health/engine-of";
import { result, resultJson, say } from "../output";
import { endOnSignals } from "../process";
import { describedStack } from "../setup/described";
import { checkStackName } from "../setup/prepare";
import { found } from "../tunnel/instance";
import { openTunnel, relayTo } from "../tunnel/tunnel";

/** What can be opened: workloads of those who watch. */
export type Page = "grafana" | "prometheus" | "alertmanager";

/** Options of `open`. */
export interface OpenOptions {
  readonly stack: string;
  /** On this machine's loopback. */
  readonly port?: number;
  /** Print the password, too. */
  readonly showPassword?: boolean;
  readonly json?: boolean;
}

/** How long the engine may take to show a file of an instance. */
const PATIENCE_MS = 20_000;

const PASSWORD_FILE = "/run/secrets/admin-password";

/** Who one is there, and where the password is found; only Grafana asks. */
interface Login {
  readonly user: string;
  readonly password: { readonly command: string } | { readonly value: string };
}

/** Opens a page of those who watch on this machine's loopback, until Ctrl-C. Nothing is published. */
export async function open(page: Page, options: OpenOptions): Promise<void> {
  checkStackName(options.stack);
  const stack = describedStack(options.stack);
  const port = portOf(stack, page);
  const engine = engineOf(stack);
  // Before anything is promised: is it there at all?
  const where = { system: OBSERVER.system, workload: page, stack: options.stack };
  const first = await found(engine, where);
  const login = page === "grafana" ? await loginOf(engine, first, options) : undefined;
  const tunnel = await openTunnel({
    connect: async () => engine.invocation(await found(engine, where), relayTo(port)),
    preferred: port,
    ...(options.port === undefined ? {} : { port: options.port }),
    onFailure: (reason) => say(`A connection failed: ${reason}`),
  });
  const url = `http://127.0.0.1:${tunnel.port}`;
  if (options.json) resultJson({ page, stack: options.stack, url, ...(login && { login }) });
  else {
    result(url);
    if (login !== undefined) {
      const { password, user } = login;
      say(
        "value" in password
          ? `User ${user}, password ${password.value}`
          : `User ${user}; the password: ${password.command}`,
      );
    }
    say("Open until Ctrl-C.");
  }
  await told();
  await tunnel.close();
}

/** Until somebody tells this process to end, which is how one leaves. */
function told(): Promise<void> {
  endOnSignals();
  return new Promise((end) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.once(signal, () => end());
    }
  });
}

/** The port that a page has in its container. @throws UserError where the stack has no such page */
export function portOf(
  { stack, systems }: Pick<DescribedStack, "stack" | "systems">,
  page: Page,
): number {
  const system = systems.find(({ name }) => name === OBSERVER.system);
  const workload = system?.workloads.find(({ name }) => name === page);
  if (workload !== undefined) return workload.ports[0]!.port;
  if (system?.collection !== undefined) {
    throw new UserError(
      `Stack ${stack} has no ${page} of its own: the cluster's operator collects for it.`,
      "kubectl port-forward, in the namespace of kubernetes.prometheusOperator, leads to the cluster's.",
      ExitCode.usage,
    );
  }
  throw system === undefined
    ? new UserError(
        `Stack ${stack} has no monitoring.`,
        `npx atalaya pulumi -s ${stack} config set monitoring full, then npx atalaya up -s ${stack}`,
        ExitCode.usage,
      )
    : new UserError(
        `Stack ${stack} has no ${page}.`,
        `npx atalaya pulumi -s ${stack} config set --path observability.dashboards true, then npx atalaya up -s ${stack}`,
        ExitCode.usage,
      );
}

async function loginOf(
  engine: HealthEngine,
  instance: Instance,
  { stack, showPassword }: OpenOptions,
): Promise<Login> {
  const command = `npx atalaya open grafana -s ${stack} --show-password`;
  if (!showPassword) return { user: "admin", password: { command } };
  const { code, stdout } = await engine.exec(instance, ["cat", PASSWORD_FILE], PATIENCE_MS);
  if (code === 0) return { user: "admin", password: { value: stdout.trim() } };
  throw new UserError(
    "Grafana's password could not be read in its container.",
    `npx atalaya pulumi -s ${stack} stack output passwords --show-secrets`,
  );
}
