import { define } from "../../engine/rule";
import { grantsOf } from "../../engine/rbac";

/** What changes how the cluster itself decides. */
const RESOURCES = [
  "mutatingwebhookconfigurations",
  "validatingwebhookconfigurations",
  "certificatesigningrequests/approval",
  "serviceaccounts/token",
  "persistentvolumes",
  "validatingadmissionpolicies",
  // The address of a Service is where its traffic goes (CVE-2020-8554).
  "services/status",
  // Where a Service leads, also into other namespaces (CVE-2021-25740).
  "endpoints",
  "endpointslices",
];

export const rule = define({
  title: "Nobody changes how the cluster decides",
  severity: "high",
  why: "A webhook sees and rewrites every object; who approves certificates or makes tokens becomes anybody; a volume by hand mounts any node's disk; a Service's status or endpoints take traffic to an address of one's own.",
  fix: "remove it",
  references: [
    "CKV_K8S_155",
    "CKV_K8S_156",
    "CKV2_K8S_4",
    "Kyverno restrict-clusterrole-mutating-validating-admission-webhooks, restrict-clusterrole-csr, restrict-edit-for-endpoints",
    "CIS-5.1.9",
    "CIS-5.1.11",
    "CIS-5.1.12",
    "CIS-5.1.13",
  ],
  object(_field, subject, { report }) {
    for (const grant of grantsOf(subject)) {
      const changes = grant.verbs.some((verb) => ["create", "update", "patch"].includes(verb));
      const found = grant.resources.filter((r) => RESOURCES.includes(r));
      if (changes && found.length > 0)
        report(
          grant.field.get("resources"),
          `must not have ${found.join(", ")} with a changing verb`,
        );
    }
  },
});
