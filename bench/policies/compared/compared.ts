/**
 * What other engines check and we do not, and who finds what: `npm run bench:policies -- compared`. It writes
 * `docs/policies-compared.md`. The engines are built from their pinned packages, some minutes the first time;
 * nothing that they judge is kept.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseAllDocuments, stringify } from "yaml";
import { must } from "../../../operations/process";
import { loadConfig } from "../../../policies/engine/config";
import { evaluate } from "../../../policies/engine/evaluate";
import { type JsonObject, UNKNOWN } from "../../../policies/engine/field";
import { fromManifest, type Subject } from "../../../policies/engine/subject";
import { rules } from "../../../policies/rules";
import { readCases, subjectsOf } from "../../../policies/tools/fixtures";
import { grouped, link, listed, plain, rulesOf, table, unexplained, whyNot } from "./checks";
import { type Peer, type PeerFinding, peers } from "./peers";
import { publishedSection, writePage } from "./published";
import { helmCreatePath, installCdk8s } from "./tools";

const root = join(__dirname, "..", "..", "..");

const config = loadConfig(
  // Everything on, so that what is only a matter of taste is compared as well.
  { levels: { "*": "advisory" } },
  rules.map(({ id }) => id),
);

interface Ours {
  readonly rule: string;
  readonly kind: string;
  readonly name: string;
}

function ours(file: string): readonly Ours[] {
  const subjects = parseAllDocuments(readFileSync(file, "utf8"))
    .map((document) => document.toJS() as JsonObject | null)
    .filter((manifest) => manifest !== null)
    .map((manifest) => fromManifest(manifest))
    .filter((subject): subject is Subject => subject !== undefined);
  return evaluate(subjects, config, { rules }).findings.map(({ rule, resource }) => ({
    rule,
    kind: resource.kind,
    name: resource.name,
  }));
}

interface Row {
  readonly check: string;
  readonly file: string;
  readonly found: number;
  /** We say it of the same object. */
  readonly same: number;
  /** We say it of another object of the same file: of a namespace what they say of each pod. */
  readonly elsewhere: number;
}

/** How each finding of a peer is found by us. */
function compare(findings: readonly PeerFinding[], files: readonly string[]): readonly Row[] {
  const own = new Map(files.map((file) => [basename(file), ours(file)]));
  const groups = grouped(findings, ({ file, check }) => `${file}\n${check}`);
  return [...groups.values()].map((of) => {
    const { check, file } = of[0]!;
    const named = rulesOf.get(check) ?? [];
    const said = own.get(file)!.filter(({ rule }) => named.includes(rule));
    // A pod that an engine makes of a workload carries more behind its name.
    const same = of.filter(({ kind, name }) =>
      said.some((one) => name === one.name || (kind === "Pod" && name.startsWith(`${one.name}.`))),
    ).length;
    return {
      check,
      file,
      found: of.length,
      same,
      elsewhere: said.length > 0 ? of.length - same : 0,
    };
  });
}

/** What only a preview does not know yet is in no file. */
const known = (_key: unknown, value: unknown): unknown => (value === UNKNOWN ? undefined : value);

/** Our own bad examples, each as a file with everything around it. */
function badExamples(folder: string): { clean: string; cases: readonly string[] } {
  const write = (name: string, subjects: readonly Subject[]): string => {
    const file = join(folder, `${name}.yaml`);
    // A namespace of its own: the engines judge all files at once.
    const text = subjects
      .map(({ props }) => stringify(props, known, { version: "1.1" }))
      .join("---\n");
    writeFileSync(file, text.replaceAll(/\bshop\b/g, `shop-${name}`));
    return file;
  };
  const cases = rules.flatMap(({ id }) =>
    readCases(id, "bad")
      .filter(({ world = "kubernetes", config: own }) => world === "kubernetes" && !own)
      .map((one, i) => write(`${id.replace("/", "--")}-${i}`, subjectsOf(one))),
  );
  return { clean: write("clean", subjectsOf({ world: "kubernetes" })), cases };
}

/** Bad examples in which a peer sees something that it does not see in the clean one. */
async function seen(
  peer: Peer,
  { clean, cases }: ReturnType<typeof badExamples>,
): Promise<ReadonlySet<string>> {
  const key = ({ check, file, kind, name }: PeerFinding): string =>
    `${check} ${kind} ${name}`.replaceAll(`shop-${file.replace(/\.yaml$/, "")}`, "shop");
  const findings = await peer.judge([clean, ...cases]);
  const before = new Set(findings.filter((f) => f.file === basename(clean)).map(key));
  return new Set(findings.filter((f) => !before.has(key(f))).map(({ file }) => file));
}

const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".yaml"))
    .map((name) => join(folder, name));

/** Lets each engine judge, and writes the page. */
export async function compared(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "atalaya-compared-"));
  const inside = (name: string): string => {
    mkdirSync(join(folder, name));
    return join(folder, name);
  };
  try {
    console.error("writing manifests: helm create, cdk8s-plus, our systems, our bad examples");
    const foreign = inside("foreign");
    await must(await helmCreatePath(), [foreign]);
    installCdk8s();
    await must(process.execPath, [join(__dirname, "foreign.mjs"), foreign]);
    const systems = inside("systems");
    for (const name of ["flores-victoria", "grupo-gad", "pronto"]) {
      const golden = join(root, "test", "golden", "files", `${name}.prod.kubernetes`);
      const texts = filesBelow(golden).map((file) => readFileSync(file, "utf8"));
      writeFileSync(join(systems, `${name}.yaml`), texts.join("\n---\n"));
    }
    const examples = badExamples(inside("bad"));

    const page: string[] = [INTRODUCTION];
    const sight = new Map<string, ReadonlySet<string>>();
    for (const peer of peers) {
      console.error(`${peer.name}: what it checks, and what it finds`);
      page.push(
        ...(await section(peer, { foreign: filesBelow(foreign), systems: filesBelow(systems) })),
      );
      sight.set(peer.name, await seen(peer, examples));
    }
    page.push(...sightTable(examples.cases, sight), ...publishedSection());
    await writePage(page);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const INTRODUCTION = `# Our policies beside those of others

Written by \`npm run bench:policies -- compared\`, which builds the engines from their packages and lets each
judge the same manifests: do not edit. Polaris, Kyverno, kube-linter and the lists of NSA/CISA and CIS are compared
[by their published checks](#by-their-published-checks). Of checkov its checks for Kubernetes are asked; its scanner
for secrets is another of its frameworks. Of ours every rule is on, also those that are matters of taste.`;

async function section(
  peer: Peer,
  { foreign, systems }: { foreign: readonly string[]; systems: readonly string[] },
): Promise<string[]> {
  const checks = await peer.checks();
  const have = checks.filter(({ check }) => rulesOf.has(check));
  const without = checks.filter(({ check }) => !rulesOf.has(check));
  unexplained(checks);
  const byReason = grouped(without, ({ check }) => whyNot(check)!);
  // Each by itself: an object in one of them would answer for its namesake in another.
  const rowsOf = async (files: readonly string[]): Promise<readonly Row[]> => {
    const rows: Row[] = [];
    for (const file of files) rows.push(...compare(await peer.judge([file]), [file]));
    return rows;
  };
  const count = (rows: readonly Row[], of: "found" | "same" | "elsewhere"): number =>
    rows.reduce((sum, row) => sum + row[of], 0);
  const strangers = await rowsOf(foreign);
  const own = await rowsOf(systems);
  const missed = strangers.filter(({ found, same, elsewhere }) => found > same + elsewhere);
  const lists = [...grouped(strangers, ({ file }) => file)].map(([file, rows]) => [
    file.replace(/\.yaml$/, ""),
    count(rows, "found"),
    count(rows, "same"),
    count(rows, "elsewhere"),
    count(rows, "found") - count(rows, "same") - count(rows, "elsewhere"),
  ]);
  const differences = [...grouped(missed, ({ check }) => check)].map(([check, rows]) => {
    const why = listed.differs[check] ?? whyNot(check);
    if (why === undefined) {
      const where = rows.map(({ file }) => file).join(", ");
      throw new Error(`${check} is not found by us in ${where}, and checks.yaml does not say why`);
    }
    return [plain(check), count(rows, "found"), why];
  });
  return [
    `## ${peer.name} ${await peer.version()}`,
    `${checks.length} checks for Kubernetes: ${have.length} of them are ours as well, ${without.length} are not.`,
    table(
      ["check", "what it asks", "our rule"],
      have.map(({ check, title }) => [
        plain(check),
        title,
        rulesOf.get(check)!.map(link).join(", "),
      ]),
    ),
    "Those that we do not have:",
    table(
      ["checks", "why not"],
      [...byReason].map(([reason, of]) => [of.map(({ check }) => plain(check)).join(", "), reason]),
    ),
    `What it finds in manifests that others wrote, and what we say of the same:`,
    table(
      ["manifests", "it finds", "we, there", "we, elsewhere in the file", "not found by us"],
      lists,
    ),
    ...(differences.length === 0
      ? []
      : [
          "What it finds there and we do not:",
          table(["check", "how often", "why we do not"], differences),
        ]),
    `In our three systems for production it finds ${count(own, "found")} things.`,
    ...(own.length === 0
      ? []
      : [
          table(
            ["check", "how often", "why it stands"],
            [...grouped(own, ({ check }) => check)].map(([check, rows]) => {
              const why = listed.stands[check];
              if (why === undefined)
                throw new Error(`checks.yaml does not say why ${check} stands`);
              return [plain(check), count(rows, "found"), why];
            }),
          ),
        ]),
  ];
}

function sightTable(
  cases: readonly string[],
  sight: ReadonlyMap<string, ReadonlySet<string>>,
): string[] {
  const byCategory = grouped(cases, (file) => basename(file).split("--")[0]!);
  return [
    "## Our bad examples before their eyes",
    "Each is a whole namespace in good order with one thing wrong. Ours finds all: they are its own tests. The " +
      "others are counted when they say anything that they do not say of the one in order.",
    table(
      ["category", "examples", ...sight.keys()],
      [...byCategory].map(([category, files]) => [
        category,
        files.length,
        ...[...sight.values()].map((of) => files.filter((file) => of.has(basename(file))).length),
      ]),
    ),
  ];
}
