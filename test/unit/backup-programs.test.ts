import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { must } from "../support/commands";
import { ROOT } from "../support/workspace";

/** Programs of our images, run here: what they call is played. */
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "atalaya-programs-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function program(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  chmodSync(file, 0o755);
  return file;
}

describe("atalaya-backup in the image of PostgreSQL (FV-06)", () => {
  /** pgBackRest answers with its own arguments, jq with what it is given. */
  const said = (command: string): Promise<string> => {
    program("pgbackrest", '#!/bin/sh\necho "$@"\n');
    program("jq", "#!/bin/sh\ncat\n");
    // What it keeps in /tmp is there already: none of this machine's.
    mkdirSync(join(folder, "atalaya-backup"));
    writeFileSync(join(folder, "atalaya-backup", "own.crt"), "");
    const text = readFileSync(join(ROOT, "images", "postgres", "atalaya-backup"), "utf8");
    const own = program("program", text.replaceAll("/tmp/", `${folder}/`));
    return must(own, [command], {
      env: {
        PATH: `${folder}${delimiter}${process.env.PATH}`,
        BACKUP_STANZA: "db",
        BACKUP_LINK_FILE: own,
        BACKUP_IDENTITY: "db-backup",
      },
    });
  };

  // A bucket whose server is away takes four times as long: a person waits for 20 s, Prometheus 10.
  test.each([
    ["info", 5],
    ["metrics", 1.5],
  ])("%s waits %d s for a repository each time", async (command, timeout) => {
    expect(await said(command)).toBe(
      `--stanza=db --log-level-console=off --output=json --io-timeout=${timeout} info`,
    );
  });
});
