import { attach } from "../process";
import { root } from "../project";
import { ready } from "../setup/prepare";

/**
 * Runs the Pulumi CLI as it is, with the toolchain, the backend and the passphrase that `up` found or
 * made, and hands its exit code on.
 *
 * @param args as for the pulumi command; `--stack` is `dev` where they name none
 */
export async function pulumi(args: readonly string[]): Promise<void> {
  const named = args.findIndex((arg) => arg === "-s" || arg === "--stack");
  const stack = (named >= 0 ? args[named + 1] : undefined) ?? "dev";
  await ready(stack);
  process.exitCode = await attach("pulumi", [...args], {
    cwd: root,
    env: { PULUMI_STACK: stack },
    // A secret comes through a pipe.
    stdin: true,
  });
}
