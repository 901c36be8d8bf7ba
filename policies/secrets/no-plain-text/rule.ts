import { define } from "../../engine/rule";
import { decoded, isSensitive, secretIn, type Sighting } from "../../engine/detect";
import type { Field } from "../../engine/field";
import { podsOf } from "../../engine/pods";
import { isSecret } from "../../engine/secrets";
import { type NamedText, namedTexts } from "../../engine/texts";

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
  container({ environment, words }, { report }) {
    for (const { name, at } of environment) {
      const seen = secretIn(at.value ?? "", name);
      if (seen !== undefined) report(at, must(seen));
    }
    words.forEach((word, i) => {
      const text = word.value ?? "";
      // `--password VALUE`: the flag is a word of its own.
      const flag = /^--?([\w-]+)$/.exec(words[i - 1]?.value ?? "")?.[1];
      const named = flag !== undefined && isSensitive(flag) && !text.startsWith("-");
      const seen = secretIn(text, named ? flag : undefined);
      if (seen !== undefined) report(word, must(seen));
    });
  },
  object(field, subject, { report }) {
    for (const { name, at, text } of written(field, subject)) {
      const seen = name === COPY ? undefined : secretIn(text, name);
      if (seen !== undefined) report(at, must(seen));
    }
  },
});

/** What an object has beside its containers' own words. */
function written(field: Field, subject: Parameters<typeof podsOf>[0]): NamedText[] {
  const { world, kind, type } = subject;
  const metadata = (of: Field): NamedText[] => [
    ...namedTexts(of.get("labels")),
    ...namedTexts(of.get("annotations")),
  ];
  if (world === "kubernetes") {
    const templates = podsOf(subject)
      .map((pod) => field.get(...pod.field.path.slice(0, -1)))
      .filter(({ path }) => path.length > 0);
    return [
      ...metadata(field.get("metadata")),
      ...templates.flatMap((template) => metadata(template.get("metadata"))),
      ...(kind === "ConfigMap" ? namedTexts(field.get("data")) : []),
    ];
  }
  const labels = [
    ...metadata(field),
    ...namedTexts(field.get("deploy", "labels")),
    ...namedTexts(field.get("taskSpec", "containerSpec", "labels")),
  ];
  if (isSecret(subject)) return labels;
  const content = type === "compose:config" ? field.get("content") : field.get("data");
  if (typeof content.raw !== "string") return labels;
  // Of its own name nothing is known: a config is a file.
  const text = decoded(content.raw) ?? content.raw;
  return [...labels, { name: "", at: content, text }];
}
