import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import {
  kubernetes,
  type KubernetesSite,
  REGISTRY_PASSWORD,
} from "../../platforms/kubernetes/kubernetes";
import type { Target } from "../atalaya";
import type { DescribedStack } from "../describe";
import { kubernetesSite } from "../sites";
import { reportOrThrow } from "../report";
import { clusterProblems, wantedCluster } from "./preflight";
import { registerKubernetes } from "./register";

export interface KubernetesArgs {
  readonly site: KubernetesSite;
  /** The cluster. @default the current context of KUBECONFIG or ~/.kube/config */
  readonly provider?: k8s.Provider;
  /** Of the site's registry. */
  readonly registryPassword?: pulumi.Output<string>;
}

/** Kubernetes as the place of a system. */
export function onKubernetes(args: KubernetesArgs): Target {
  return {
    ...(args.registryPassword === undefined
      ? {}
      : { values: new Map([[REGISTRY_PASSWORD, args.registryPassword]]) }),
    place(system, context) {
      const { objects, notices } = kubernetes.lower(system, args.site);
      registerKubernetes(objects, {
        ...context,
        provider:
          args.provider ??
          new k8s.Provider(`${context.system}-cluster`, {}, { parent: context.owner }),
      });
      return notices;
    },
  };
}

/**
 * The cluster that a stack's configuration names, asked for everything that is missing.
 * @throws ProblemsError when an `up` could not succeed
 */
export async function prepareKubernetes(described: DescribedStack): Promise<Target> {
  const { stack, config } = described;
  const { kubeconfig, context } = config.site.kubernetes;
  const problems = await clusterProblems(wantedCluster(described));
  await reportOrThrow("the cluster is not ready", problems);
  const password = config.sensitive.get("registryPassword");
  return onKubernetes({
    site: kubernetesSite(stack, config.site),
    provider: new k8s.Provider("cluster", {
      ...(kubeconfig === undefined ? {} : { kubeconfig }),
      ...(context === undefined ? {} : { context }),
    }),
    ...(password === undefined ? {} : { registryPassword: pulumi.secret(password) }),
  });
}
