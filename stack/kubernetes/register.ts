import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { keyedDigest, type Text } from "../../model/text";
import type { KubernetesObject } from "../../platforms/kubernetes/objects";
import { withSecretsDigest } from "../../platforms/kubernetes/pods";
import type { PlaceContext } from "../atalaya";

/** What registration needs besides the objects themselves. */
export interface KubernetesContext extends PlaceContext {
  readonly provider: k8s.Provider;
}

// Every class takes a manifest of its own kind; which one, the manifest says.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Kind = new (name: string, args: any, opts: pulumi.CustomResourceOptions) => pulumi.Resource;

/** Pulumi's own class of every kind that we make; looked up when it is needed, since each is a file. */
const KINDS: Readonly<Record<string, () => Kind>> = {
  "v1/Namespace": () => k8s.core.v1.Namespace,
  "v1/ResourceQuota": () => k8s.core.v1.ResourceQuota,
  "v1/LimitRange": () => k8s.core.v1.LimitRange,
  "v1/PersistentVolumeClaim": () => k8s.core.v1.PersistentVolumeClaim,
  "v1/Secret": () => k8s.core.v1.Secret,
  "v1/ConfigMap": () => k8s.core.v1.ConfigMap,
  "v1/ServiceAccount": () => k8s.core.v1.ServiceAccount,
  "v1/Service": () => k8s.core.v1.Service,
  "networking.k8s.io/v1/NetworkPolicy": () => k8s.networking.v1.NetworkPolicy,
  "scheduling.k8s.io/v1/PriorityClass": () => k8s.scheduling.v1.PriorityClass,
  "apps/v1/Deployment": () => k8s.apps.v1.Deployment,
  "apps/v1/DaemonSet": () => k8s.apps.v1.DaemonSet,
  "apps/v1/StatefulSet": () => k8s.apps.v1.StatefulSet,
  "batch/v1/Job": () => k8s.batch.v1.Job,
  "batch/v1/CronJob": () => k8s.batch.v1.CronJob,
  "autoscaling/v2/HorizontalPodAutoscaler": () => k8s.autoscaling.v2.HorizontalPodAutoscaler,
  "policy/v1/PodDisruptionBudget": () => k8s.policy.v1.PodDisruptionBudget,
};

/** Kinds that have pods, and those that are about what other systems run. */
const LATER = /^(?:apps|batch|monitoring\.coreos\.com)\//;

/**
 * Their names have their content's digest, and are their identity: an update that failed leaves the old one beside
 * the new one, and going back finds it. As a replacement it would be deleted at the end of that very update.
 */
const CONTENT_NAMED = ["v1/ConfigMap", "batch/v1/Job"];

/** Fills the holes of lowered objects and hands them to Pulumi, one resource an object. */
export function registerKubernetes(
  objects: readonly KubernetesObject[],
  context: KubernetesContext,
): void {
  const byKey = new Map(objects.map((object) => [object.key, object]));
  const registered = new Map<string, pulumi.Resource>();
  const register = (object: KubernetesObject): pulumi.Resource => {
    const known = registered.get(object.key);
    if (known !== undefined) return known;
    const after = object.after.map((key) => {
      const needed = byKey.get(key);
      if (needed === undefined)
        throw new Error(`${object.key} waits for ${key}, which is not there`);
      return register(needed);
    });
    const resource = registerOne(object, after, context);
    registered.set(object.key, resource);
    return resource;
  };
  objects.forEach(register);
}

function registerOne(
  { key, component, manifest, content, rollsOn, protect, timeout }: KubernetesObject,
  dependsOn: pulumi.Resource[],
  context: KubernetesContext,
): pulumi.Resource {
  const fill = (text: Text): pulumi.Output<string> => context.secrets.fill(text);
  const [kind = "", name = ""] = key.split(":");
  const type = `${manifest.apiVersion}/${manifest.kind}`;
  const resourceName = (of: string): string => `${context.system}-${kind.toLowerCase()}-${of}`;
  const contentNamed = CONTENT_NAMED.includes(type);
  const opts: pulumi.CustomResourceOptions = {
    parent: context.parent(component),
    provider: context.provider,
    dependsOn: [...dependsOn, ...(LATER.test(type) ? context.after : [])],
    protect,
    // Earlier versions of this program named it without its content.
    ...(contentNamed ? { aliases: [{ name: resourceName(name) }] } : {}),
    ...(timeout === undefined
      ? {}
      : { customTimeouts: { create: `${timeout}s`, update: `${timeout}s` } }),
  };
  const args = {
    ...(rollsOn === undefined
      ? manifest
      : withSecretsDigest(
          manifest,
          // The digest tells nothing about the values, so anybody may read it. It alone is unknown to a first
          // preview, so that people and policies see the rest.
          pulumi.unsecret(
            pulumi
              .all([context.secrets.namingKey, fill(rollsOn)])
              .apply(([naming, text]) => keyedDigest(naming, text)),
          ),
        )),
    ...(content === undefined
      ? {}
      : {
          data: Object.fromEntries(
            Object.entries(content).map(([entry, text]) => [
              entry,
              pulumi.secret(fill(text).apply((value) => Buffer.from(value).toString("base64"))),
            ]),
          ),
        }),
  };
  const own = resourceName(contentNamed ? manifest.metadata.name : name);
  const of = KINDS[type];
  if (of !== undefined) return new (of())(own, args, opts);
  return new k8s.apiextensions.CustomResource(own, args, opts);
}
