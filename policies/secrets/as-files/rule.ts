import { define } from "../../engine/rule";

export const rule = define({
  title: "Secrets reach a process as files",
  severity: "medium",
  why: "Variables are inherited by every child process, stand in crash reports and in /proc, and do not change when the secret does.",
  fix: "mount the secret and give the program the file's path (…_FILE)",
  references: [
    "CKV_K8S_35",
    "Kyverno disallow-secrets-from-env-vars",
    "CIS-5.4.1",
    "kube-linter read-secret-from-env-var",
  ],
  container({ environment, field }, { report }) {
    for (const { at, secret } of environment) {
      if (secret === undefined) continue;
      report(
        { path: [...at.path.slice(0, -1), "valueFrom"], value: secret },
        "must not be a secret",
      );
    }
    for (const source of field.get("envFrom").items()) {
      const secret = source.get("secretRef");
      if (secret.present) report(secret, "must not be set: it brings every entry of the secret");
    }
  },
});
