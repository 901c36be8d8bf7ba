import { define, type RuleContext } from "../../engine/rule";
import { flagBefore, inCommands, ofFormat, secretIn, type Sighting } from "../../engine/detect";
import { eachKnown, type Field, type Placed } from "../../engine/field";
import { podsOf } from "../../engine/pods";
import type { Subject } from "../../engine/subject";
import { allTexts, files, type NamedText, namedTexts } from "../../engine/texts";
import type { Container } from "../../engine/view";

/** A copy of the whole object, in which everything would be found a second time. */
const COPY = "kubectl.kubernetes.io/last-applied-configuration";

const must = ({ what, length }: Sighting): string =>
  `must not hold ${what} (${length} characters) in plain text`;

export const rule = define({
  title: "No secret stands in plain text",
  severity: "critical",
  why: "Variables, arguments, labels and configuration are shown by every describe and inspect, stand in logs and states, and stay in the history of the repository.",
  fix: "make it a secret of the engine, mount it as a file, and give the path (…_FILE); then change the value, which others have seen",
  references: [
    "CKV_SECRET_*",
    "polaris sensitiveContainerEnvVar",
    "polaris sensitiveConfigmapContent",
    "kube-linter env-var-secret",
    "NSA C-0012",
    "OWASP A02",
    "CWE-312",
  ],
  container({ environment, words, headers = [] }, { report }) {
    // What nobody knows yet hides nothing else.
    eachKnown<() => void>(
      [
        ...[...environment, ...headers].map(({ name, at }) => () => {
          const seen = secretIn(at.value ?? "", name);
          if (seen !== undefined) report(at, must(seen));
        }),
        () => command(words, report),
      ],
      (judge) => judge(),
    );
  },
  object(field, subject, { report }) {
    for (const { name, at, text } of written(field, subject)) {
      const seen = name === COPY ? undefined : secretIn(text, name);
      if (seen !== undefined) report(at, must(seen));
    }
    for (const { name, at, text } of elsewhere(field, subject)) {
      const seen = PASSWORD.test(name) ? secretIn(text, name) : ofFormat(text);
      if (seen !== undefined) report(at, must(seen));
    }
  },
});

/** A command's words, each by itself and as the line that they make. */
function command(words: Container["words"], report: RuleContext["report"]): void {
  const known = words.map(() => "");
  const seen = new Set<Placed>();
  try {
    eachKnown(words.entries(), ([i, word]) => {
      const text = (known[i] = word.value ?? "");
      const found = secretIn(text, text.startsWith("-") ? undefined : flagBefore(known, i));
      if (found === undefined) return;
      seen.add(word);
      report(word, must(found));
    });
  } finally {
    // A program, and behind it a letter and a password, each a word of its own.
    const found = inCommands(known.join(" "));
    let end = 0;
    words.forEach((word, i) => {
      const from = end;
      end += known[i]!.length + 1;
      const own = found.find(({ at }) => at >= from && at < end);
      if (own !== undefined && !seen.has(word)) report(word, must(own));
    });
  }
}

/** What an object has beside its containers' own words. */
function written(field: Field, subject: Subject): NamedText[] {
  const metadata = (of: Field): NamedText[] => [
    ...namedTexts(of.get("labels")),
    ...namedTexts(of.get("annotations")),
  ];
  if (subject.world !== "kubernetes") {
    const named = NAMED.flatMap((path) => namedTexts(field.get(...path)));
    return [...metadata(field), ...named, ...files(field, subject)];
  }
  const templates = podsOf(subject)
    .map((pod) => field.get(...pod.field.path.slice(0, -1)))
    .filter(({ path }) => path.length > 0);
  return [
    ...metadata(field.get("metadata")),
    ...templates.flatMap((template) => metadata(template.get("metadata"))),
    ...files(field, subject),
  ];
}

/** Labels of Docker's own, and options of its drivers: a share's password, a log collector's token. */
const NAMED = [
  ["deploy", "labels"],
  ["taskSpec", "containerSpec", "labels"],
  ["driverOpts"],
  ["driver_opts"],
  ["options"],
  ["logOpts"],
  ["logging", "options"],
  ["taskSpec", "logDriver", "options"],
] as const;

/** Kinds whose texts are all looked at, or are schemas. */
const WITHOUT = new Set(["ConfigMap", "Secret", "CustomResourceDefinition"]);

/**
 * Whatever else an object of Kubernetes has: nobody knows the fields of kinds that others made, so that only
 * what is called a password, and formats that say it, count there.
 */
const elsewhere = (field: Field, { world, kind }: Subject): NamedText[] =>
  world !== "kubernetes" || WITHOUT.has(kind)
    ? []
    : field
        .entries()
        .filter(([key]) => key !== "metadata" && key !== "status")
        .flatMap(([, at]) => allTexts(at, ({ path }) => ELSEWHERE.has(String(path.at(-1)))));

/** Judged with their containers and labels, or sealed. */
const ELSEWHERE = new Set([
  "containers",
  "initContainers",
  "ephemeralContainers",
  "metadata",
  "encryptedData",
]);

/** Narrower than in an environment: `secretKey` and `tokenName` are often what a reference is made of. */
const PASSWORD =
  /pass(?:word|wd|phrase)$|(?:api|client|access|auth)[_.-]?(?:token|secret)$|api[_.-]?key$/i;
