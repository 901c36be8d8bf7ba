import type { DatabaseStatus } from "../../../operations/backup/status";
import type { Ran } from "../../support/commands";
import type { Workspace } from "../../support/workspace";

/** `atalaya backup …` of a stack, about one of its stores. */
export interface BackupCommands {
  /** Runs it to its end; a failure is a result. */
  readonly backup: (what: string, ...args: string[]) => Promise<Ran>;
  /** The same where it has to succeed. @throws Error with all that it printed */
  readonly done: (what: string, ...args: string[]) => Promise<Ran>;
  /** Where the store stands. @throws Error with what it printed where it does not say */
  readonly status: () => Promise<DatabaseStatus>;
}

/**
 * What a person would type. A stack has backups of several stores, so that each command says whose it is about.
 * @param stack of the moment: made in `beforeAll`
 */
export function backupCommands(stack: () => Workspace, component: string): BackupCommands {
  const backup = (what: string, ...args: string[]): Promise<Ran> =>
    stack().backup(what, "--component", component, ...args);
  return {
    backup,
    async done(what, ...args) {
      const ran = await backup(what, ...args);
      if (ran.code !== 0) {
        throw new Error(`backup ${what} ${args.join(" ")}:\n${ran.stdout}${ran.stderr}`);
      }
      return ran;
    },
    async status() {
      // It ends with a failure where something is not as it should be, and says so all the same.
      const { stdout, stderr } = await backup("status", "--json");
      if (stdout === "") throw new Error(stderr);
      const { databases } = JSON.parse(stdout) as { databases: DatabaseStatus[] };
      return databases[0]!;
    },
  };
}
