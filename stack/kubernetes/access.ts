/** How a stack's configuration says that its cluster is reached. */
export interface ClusterAccess {
  /** Path of a kubeconfig. @default KUBECONFIG or ~/.kube/config */
  readonly kubeconfig?: string;
  /** @default the current one, where that is allowed */
  readonly context?: string;
}

/** The same for kubectl, as its arguments. */
export const kubectlAccess = ({ kubeconfig, context }: ClusterAccess): string[] => [
  ...(kubeconfig === undefined ? [] : ["--kubeconfig", kubeconfig]),
  ...(context === undefined ? [] : ["--context", context]),
];
