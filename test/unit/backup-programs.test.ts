import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { must, type Ran, run } from "../support/commands";
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
  /** pgBackRest answers with its own arguments, once it was asked for the other repository as well; jq with what it is given. */
  const said = (command: string, silent = "none"): Promise<string> => {
    const asked = join(folder, "asked");
    program(
      "pgbackrest",
      [
        ...["#!/bin/sh", `case "$*" in *repo=1*) : > ${asked}1 ;; *) : > ${asked}2 ;; esac`],
        ...["n=50", `until [ -e ${asked}1 ] && [ -e ${asked}2 ]; do`],
        ...["n=$((n - 1)); [ $n -gt 0 ] || exit 1; sleep 0.1", "done"],
        ...[`case "$*" in *repo=${silent}*) exit 1 ;; esac`, 'echo "$@"', ""],
      ].join("\n"),
    );
    program("jq", '#!/bin/sh\nfor last; do :; done\n[ ! -f "$last" ] || exec cat "$3" "$4"\ncat\n');
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
        BACKUP_REPOSITORIES: "one two",
      },
    });
  };

  // A bucket whose server is away takes four times as long: a person waits for 20 s, Prometheus 10.
  test.each([
    ["info", 5],
    ["metrics", 1.5],
  ])("%s asks two repositories side by side, %d s each time", async (command, timeout) => {
    const of = (repository: number): string =>
      `--stanza=db --log-level-console=off --output=json --repo=${repository} --io-timeout=${timeout} info`;
    expect(await said(command)).toBe(of(1) + of(2));
  });

  test("a repository that gives no answer takes nothing from the others", async () => {
    const answer = await said("info", "1");
    expect(answer).toContain("--repo=2");
    expect(answer).not.toContain("--repo=1");
  });
});

describe("atalaya-restore in the image of PostgreSQL (FV-06)", () => {
  const build = (from: string): Promise<Ran> => {
    const volume = join(folder, "volume");
    mkdirSync(join(volume, "15", "data"), { recursive: true });
    writeFileSync(join(volume, "15", "data", "PG_VERSION"), "15\n");
    writeFileSync(join(volume, ".atalaya-restored"), "latest from second\n");
    const text = readFileSync(join(ROOT, "images", "postgres", "atalaya-restore"), "utf8");
    return run(
      program("program", text.replace("=/var/lib/postgresql\n", `=${volume}\n`)),
      ["build"],
      {
        env: {
          PATH: process.env.PATH,
          BACKUP_REPOSITORIES: "local",
          RESTORE_TARGET: "latest",
          RESTORE_REPOSITORY: from,
        },
      },
    );
  };

  test("a database that was restored outlives the repository that it came from", async () => {
    expect(await build("second")).toMatchObject({
      code: 0,
      stdout: "atalaya-restore: it is there already (latest from second): nothing to do\n",
    });
  });

  test("one that came from elsewhere is told by what it is", async () => {
    expect(await build("local")).toMatchObject({
      code: 1,
      stderr:
        "atalaya-restore: the volume holds another database (latest from second) than latest from local. Nothing was changed: restore into a new one.\n",
    });
  });
});

/** A program of the stores that restic keeps: of its own are the volume, what it works with and whatever it calls. */
function archive(name: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Ran> {
  return run(join(ROOT, "images", "archive", name), args, {
    env: {
      PATH: `${folder}${delimiter}${process.env.PATH}`,
      ATALAYA_SHARE: join(ROOT, "images", "archive"),
      ATALAYA_STORE: join(folder, "store"),
      ATALAYA_VOLUME: folder,
      BACKUP_WORK: folder,
      BACKUP_OF: "cache",
      ...env,
    },
  });
}

/** jq as these programs call it: there is one repository, "local", and every number is 1. */
const JQ = `#!/bin/sh
case "$*" in
  *".repositories[].name"*) echo local ;;
  *"options[]"* | *authority*) ;;
  *def* | *max_by*) cat ;;
  *) echo 1 ;;
esac
`;

describe("atalaya-backup in the images of Redis and MongoDB (FV-06)", () => {
  /** A run whose check ends with these words; "answers": restic's status for what is asked after it. */
  async function checked(words: string, answers: number): Promise<Ran & { damaged: boolean }> {
    program("store", "#!/bin/sh\n");
    program("flock", "#!/bin/sh\n");
    program("jq", JQ);
    program(
      "restic",
      `#!/bin/sh
case "$*" in
  *" check "*) printf '%s\\n' "$WORDS" >&2; exit 1 ;;
  *" cat config "*) exit ${answers} ;;
  *" forget "*) echo "something was taken away" >&2 ;;
esac
`,
    );
    const ran = await archive("atalaya-backup", ["run"], { WORDS: words });
    return { ...ran, damaged: existsSync(join(folder, "results", "local.damaged")) };
  }
  // As restic 0.18.1 has them.
  const ERRORS = "pack 3a01: does not exist\n\nFatal: repository contains errors";
  const LOCKED = "unable to create lock in backend: repository is already locked by PID 7";

  test.each([
    [
      "a damaged one",
      ERRORS,
      0,
      true,
      "the repository is damaged: Fatal: repository contains errors",
    ],
    [
      "one that went away half way",
      ERRORS,
      1,
      false,
      "the repository could not be checked: Fatal: repo",
    ],
    [
      "one that somebody has locked",
      LOCKED,
      0,
      false,
      `the repository could not be checked: ${LOCKED}`,
    ],
  ])("the day's check of a repository: %s", async (_, words, answers, damaged, told) => {
    const ran = await checked(words, answers);
    expect(ran).toMatchObject({ code: 1, damaged });
    expect(ran.stderr).toContain(`atalaya-backup: local: ${told}`);
    expect(ran.stderr).toContain("no backup in: local");
    expect(ran.stderr).not.toContain("taken away");
  });
});

describe("atalaya-restore in the images of Redis and MongoDB (FV-06)", () => {
  const wanted = { RESTORE_TARGET: "latest", RESTORE_REPOSITORY: "local" };

  test("a restore of before is left alone while the server that runs on it has the lock", async () => {
    program("store", "#!/bin/sh\n");
    program("flock", "#!/bin/sh\nexit 1\n");
    writeFileSync(join(folder, ".atalaya-restored"), "latest from local\n");
    expect(await archive("atalaya-restore", ["build"], wanted)).toMatchObject({
      code: 0,
      stdout: "atalaya-restore: it is there already (latest from local): nothing to do\n",
    });
  });

  describe("files that were taken together anew while they were fetched", () => {
    /** restic's first attempts at the files fail, each with one that it had got. */
    const played = (failures: number): void => {
      program("jq", JQ);
      program("store", '#!/bin/sh\n[ "$1" != holds ]\n');
      program(
        "restic",
        `#!/bin/sh
case "$*" in *" restore "*) ;; *) echo one; exit ;; esac
for last; do [ "$before" != --target ] || folder=$last; before=$last; done
echo "$(ls "$folder" | wc -l)" >>"${folder}/found"
: >"$folder/$(wc -l <"${folder}/found")"
[ "$(wc -l <"${folder}/found")" -gt ${failures} ] || { echo "Fatal: no such pack" >&2; exit 1; }
`,
      );
    };
    const found = (): string => readFileSync(join(folder, "found"), "utf8");

    test("are fetched once more, into an empty folder", async () => {
      played(1);
      const ran = await archive("atalaya-restore", ["build"], wanted);
      expect(ran).toMatchObject({ code: 0 });
      expect(ran.stderr).toBe("atalaya-restore: local: Fatal: no such pack. Once more.\n");
      expect(ran.stdout).toContain("atalaya-restore: done: latest from local");
      expect(found()).toBe("0\n0\n");
    });

    test("are given up after that", async () => {
      played(2);
      const ran = await archive("atalaya-restore", ["build"], wanted);
      expect(ran.code).toBe(1);
      expect(ran.stderr).toContain(
        "atalaya-restore: local: Fatal: no such pack. Nothing whole is in",
      );
      expect(found()).toBe("0\n0\n");
    });
  });
});

describe("why a repository cannot be used, by restic's words", () => {
  const why = (status: number, ...words: readonly string[]): Promise<string> =>
    must(
      "bash",
      [
        ...["-c", 'source "$1"; why "$2" "$3"', "why"],
        ...[join(ROOT, "images", "archive", "archive.sh"), String(status), words.join("\n")],
      ],
      { env: { PATH: process.env.PATH, ATALAYA_STORE: "none", BACKUP_OF: "cache" } },
    );
  const again = "Stat(<config/>) returned error, retrying after";
  // As restic 0.18.1 has them, ended after a while.
  const certificate =
    'Stat: Get "https://s3:443/copies/?location=": tls: failed to verify certificate: x509: certificate signed by unknown authority';
  const ended = [
    "signal terminated received, cleaning up",
    '{"message_type":"exit_error","code":1,"message":"Fatal: unable to open config file: context canceled\\nIs there a repository?"}',
  ];

  test.each([
    ["nothing there", 10, ["Fatal: repository does not exist"], "there is no repository"],
    ["another key", 12, ["Fatal: wrong password"], "another key opens it"],
    ["another failure", 1, ["one", "Fatal: two", "three"], "Fatal: two"],
    ["no word in time", 124, ended, "it does not answer"],
    [
      "tries in time, each for a reason: the last one's",
      124,
      [
        `${again} 1.08s: Stat: dial tcp: connect: connection refused`,
        `${again} 623.499586ms: ${certificate}`,
        ...ended,
      ],
      `it does not answer: ${certificate}`,
    ],
    [
      "a server that says too much",
      124,
      [`${again} 1s: \u0007${"x".repeat(900)}`],
      `it does not answer: ${"x".repeat(400)}`,
    ],
  ])("%s", async (_, status, words, expected) => {
    expect(await why(status, ...words)).toBe(expected);
  });
});

describe("atalaya-restore in the image of PostgreSQL", () => {
  test.each([
    [
      "FATAL:  requested timeline 2 is not a child of this server's history",
      /of another history than the one to follow.*\(--set\)/,
    ],
    [
      "FATAL:  recovery ended before configured recovery target was reached",
      /after the last change that was archived/,
    ],
    ["FATAL:  something else", /what was restored does not start; see above/],
  ])("a server that ends with “%s” is told with what to do", async (last, expected) => {
    program("pg_ctl", `#!/bin/bash\necho "${last}" >>"$8"\nexit 1\n`);
    const data = join(folder, "data");
    mkdirSync(data);
    writeFileSync(join(data, "PG_VERSION"), "15");
    const text = readFileSync(join(ROOT, "images", "postgres", "atalaya-restore"), "utf8");
    const own = program("restore", text.replaceAll("/tmp/", `${folder}/`));
    const ran = await run(own, ["look", data], {
      env: { PATH: `${folder}${delimiter}${process.env.PATH}` },
    });
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain(last);
    expect(ran.stderr).toMatch(expected);
  });
});
