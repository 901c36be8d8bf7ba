import { isIP } from "node:net";
import type {
  NetworkPolicy,
  NetworkPolicyEgressRule,
  NetworkPolicyIngressRule,
  NetworkPolicyPeer,
} from "kubernetes-types/networking/v1";
import type { Way } from "../../model/observability";
import type { ExternalHost, SystemModel } from "../../model/system";

/** What a policy opens, and for whom. */
export type Rules = NonNullable<NetworkPolicy["spec"]>;

/** Everything but addresses that are nobody's on the internet: private, link-local (metadata), shared. */
const PUBLIC: NetworkPolicyPeer[] = [
  {
    ipBlock: {
      cidr: "0.0.0.0/0",
      except: [
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "224.0.0.0/3",
      ],
    },
  },
  { ipBlock: { cidr: "::/0", except: ["::1/128", "fc00::/7", "fe80::/10", "ff00::/8"] } },
];

/**
 * Where a host is: an address that was written down is that one alone, on a private network, too; of a name nobody
 * knows here which it is.
 */
function placesOf({ host }: ExternalHost): NetworkPolicyPeer[] {
  const version = isIP(host);
  return version === 0 ? PUBLIC : [{ ipBlock: { cidr: `${host}/${version === 4 ? 32 : 128}` } }];
}

const WORLD: NetworkPolicyPeer[] = [
  { ipBlock: { cidr: "0.0.0.0/0" } },
  { ipBlock: { cidr: "::/0" } },
];

/** The cluster's own name service, as every distribution labels it. */
const DNS: NetworkPolicyPeer = {
  namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "kube-system" } },
  podSelector: { matchLabels: { "k8s-app": "kube-dns" } },
};

const tcp = (ports: readonly number[]): { protocol: "TCP"; port: number }[] =>
  ports.map((port) => ({ protocol: "TCP", port }));

const named = (names: readonly string[]): NetworkPolicyPeer => ({
  podSelector:
    names.length === 1
      ? { matchLabels: { "app.kubernetes.io/name": names[0]! } }
      : {
          matchExpressions: [{ key: "app.kubernetes.io/name", operator: "In", values: [...names] }],
        },
});

export const inNamespace = (name: string): NetworkPolicyPeer => ({
  namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": name } },
});

/** Everything is closed, both ways, but the question for a name. */
export const CLOSED: Rules = {
  podSelector: {},
  policyTypes: ["Ingress", "Egress"],
  egress: [
    {
      to: [DNS],
      ports: [
        { protocol: "UDP", port: 53 },
        { protocol: "TCP", port: 53 },
      ],
    },
  ],
};

/**
 * What is open for one workload, job or schedule: one rule a link on each of its two sides, and the
 * world's way to an exposed port. Undefined where nothing is.
 * @param elsewhere who stands for a workload that a way comes from, where it is not the stack's own
 */
export function openings(
  model: SystemModel,
  name: string,
  namespaceOf: (system: string) => string,
  elsewhere: (from: Way["from"]) => NetworkPolicyPeer | undefined = () => undefined,
): Rules | undefined {
  const workload = model.workloads.find((w) => w.name === name);
  const ingress: NetworkPolicyIngressRule[] = [];
  if (workload !== undefined) {
    const own = new Set(workload.ports.map((p) => p.port));
    for (const link of model.links) {
      const ports = link.ports.filter((port) => own.has(port));
      if (link.provider !== workload.component || ports.length === 0) continue;
      ingress.push({ from: [named([link.consumer])], ports: tcp(ports) });
    }
    for (const { from, to, ports: asked } of model.ways) {
      const ports = asked.filter((port) => own.has(port));
      const here = to.system === model.name && to.component === workload.component;
      if (!here || ports.length === 0) continue;
      ingress.push({
        from: [
          elsewhere(from) ?? {
            ...inNamespace(namespaceOf(from.system)),
            ...named([from.workload]),
          },
        ],
        ports: tcp(ports),
      });
    }
    if (workload.exposures.length > 0) {
      ingress.push({ from: WORLD, ports: tcp(workload.exposures.map((e) => e.port)) });
    }
  }
  const externals = new Map(model.externals.map((e) => [e.name, e]));
  const egress = model.links
    .filter((link) => link.consumer === name)
    .flatMap((link): NetworkPolicyEgressRule[] => {
      const external = externals.get(link.provider);
      if (external !== undefined) return [{ to: placesOf(external), ports: tcp(link.ports) }];
      const providing = model.workloads
        .filter((w) => w.component === link.provider)
        .map((w) => w.name);
      return [{ to: [named(providing)], ports: tcp(link.ports) }];
    });
  for (const { from, to, ports } of model.ways) {
    // Without a port there is only a name to look up.
    if (from.system !== model.name || from.workload !== name || ports.length === 0) continue;
    const component = { matchLabels: { "app.kubernetes.io/component": to.component } };
    egress.push({
      to: [{ ...inNamespace(namespaceOf(to.system)), podSelector: component }],
      ports: tcp(ports),
    });
  }
  if (ingress.length === 0 && egress.length === 0) return undefined;
  return {
    podSelector: { matchLabels: { "app.kubernetes.io/name": name } },
    policyTypes: [
      ...(ingress.length > 0 ? ["Ingress"] : []),
      ...(egress.length > 0 ? ["Egress"] : []),
    ],
    ...(ingress.length > 0 ? { ingress } : {}),
    ...(egress.length > 0 ? { egress } : {}),
  };
}
