import { define } from "../../engine/rule";

/** Gone from the versions of Kubernetes that are supported, and what took their place. */
const GONE: Readonly<Record<string, string>> = {
  "extensions/v1beta1": "apps/v1 or networking.k8s.io/v1",
  "apps/v1beta1": "apps/v1",
  "apps/v1beta2": "apps/v1",
  "batch/v1beta1": "batch/v1",
  "batch/v2alpha1": "batch/v1",
  "networking.k8s.io/v1beta1": "networking.k8s.io/v1",
  "policy/v1beta1": "policy/v1",
  "rbac.authorization.k8s.io/v1alpha1": "rbac.authorization.k8s.io/v1",
  "rbac.authorization.k8s.io/v1beta1": "rbac.authorization.k8s.io/v1",
  "autoscaling/v2beta1": "autoscaling/v2",
  "autoscaling/v2beta2": "autoscaling/v2",
  "scheduling.k8s.io/v1beta1": "scheduling.k8s.io/v1",
  "storage.k8s.io/v1beta1": "storage.k8s.io/v1",
  "apiextensions.k8s.io/v1beta1": "apiextensions.k8s.io/v1",
  "admissionregistration.k8s.io/v1beta1": "admissionregistration.k8s.io/v1",
  "discovery.k8s.io/v1beta1": "discovery.k8s.io/v1",
  "events.k8s.io/v1beta1": "events.k8s.io/v1",
  "flowcontrol.apiserver.k8s.io/v1beta1": "flowcontrol.apiserver.k8s.io/v1",
  "flowcontrol.apiserver.k8s.io/v1beta2": "flowcontrol.apiserver.k8s.io/v1",
  "flowcontrol.apiserver.k8s.io/v1beta3": "flowcontrol.apiserver.k8s.io/v1",
  "coordination.k8s.io/v1beta1": "coordination.k8s.io/v1",
  "certificates.k8s.io/v1beta1": "certificates.k8s.io/v1",
  "gateway.networking.k8s.io/v1alpha1": "gateway.networking.k8s.io/v1",
};

/** Whole kinds that are gone, whatever their version. */
const KINDS: Readonly<Record<string, string>> = {
  PodSecurityPolicy: "labels of Pod Security on the namespace",
  Endpoints: "EndpointSlice (Endpoints are deprecated since Kubernetes 1.33)",
  ReplicationController: "Deployment",
};

export const rule = define({
  title: "API versions are served by the Kubernetes of today",
  severity: "high",
  why: "The next upgrade of the cluster, or this very apply, refuses the object.",
  fix: "write it in the version that took its place",
  references: [
    "kube-score stable-version",
    "Kyverno check-deprecated-apis",
    "kube-linter no-extensions-v1beta",
  ],
  object(field, { world, kind }, { report }) {
    if (world !== "kubernetes") return;
    const version = field.get("apiVersion");
    const newer = GONE[version.text ?? ""];
    if (newer !== undefined) report(version, `must be ${newer}`);
    else if (Object.hasOwn(KINDS, kind)) report(field.get("kind"), `must be ${KINDS[kind]!}`);
  },
});
