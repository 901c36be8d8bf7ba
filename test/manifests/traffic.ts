import type { ContainerPort, PodSpec } from "kubernetes-types/core/v1";
import { OBSERVER } from "../../model/observability";
import type { SystemModel } from "../../model/system";
import type { PrometheusOperator } from "../../platforms/kubernetes/monitors";
import type { KubernetesObject, Labels } from "../../platforms/kubernetes/objects";

/** Somebody who may send or be sent to. */
export interface Peer {
  /** What it is in messages; of a system's own pods, the workload's, job's or schedule's name. */
  readonly name: string;
  /**
   * `own`: a pod of the system; `unknown`: another pod in its namespace; `names`: the cluster's name
   * service; `public`: the internet.
   */
  readonly role: "own" | "unknown" | "names" | "public" | "other";
  readonly ip: string;
  /** Of another system of the stack: what a way leads from, or to. */
  readonly elsewhere?: { readonly system: string; readonly name: string };
  /** Absent for an address outside the cluster. */
  readonly pod?: {
    readonly namespace: Namespace;
    readonly labels: Labels;
    readonly ports: readonly ContainerPort[];
  };
}

interface Namespace {
  readonly name: string;
  readonly labels: Labels;
}

/** May this go through? */
export interface Question {
  readonly from: Peer;
  readonly to: Peer;
  readonly port: number;
  readonly protocol: "TCP" | "UDP";
}

/** What each end says to a question: traffic passes where both say yes. */
export interface Answer {
  readonly sends: boolean;
  readonly receives: boolean;
}

/** A question as text, for messages. */
const asText = ({ from, to, port, protocol }: Question): string =>
  `${from.name} → ${to.name}:${port}/${protocol}`;

/** The API server writes this label on every namespace. */
const namespace = (name: string, labels: Labels = {}): Namespace => ({
  name,
  labels: { ...labels, "kubernetes.io/metadata.name": name },
});

/** A port that nothing listens on: open only where a rule forgot to name its ports. */
const NOBODYS = 4;

/**
 * Everything that is asked about a system: each pair of which one is in its namespace, on each port.
 * @param operator whose Prometheus stands for the stack's own, where it has none
 */
export function questions(
  model: SystemModel,
  objects: readonly KubernetesObject[],
  operator?: PrometheusOperator,
): Question[] {
  const ours = ownPods(objects);
  const home = ours[0]!.pod!.namespace;
  const inside: readonly Peer[] = [
    ...ours,
    { ...pod("a pod without labels", home, {}, "10.0.1.1"), role: "unknown" },
  ];
  const outside: readonly Peer[] = [
    // The same labels count for nothing in another namespace.
    ...ours.map(({ name, pod: of }, i) =>
      pod(`${name} of another stack`, namespace("another-stack"), of!.labels, `10.0.2.${i + 1}`),
    ),
    ...otherSystems(model, home.name.slice(0, -model.name.length), operator),
    ...(operator === undefined
      ? []
      : [
          pod("another pod beside its Prometheus", namespace(operator.namespace), {}, "10.0.5.1"),
          pod("its Prometheus elsewhere", namespace("another-stack"), operator.pods, "10.0.5.2"),
        ]),
    { ...pod("names", namespace("kube-system"), NAMES, "10.0.3.1"), role: "names" },
    pod("kube-system", namespace("kube-system"), {}, "10.0.3.2"),
    pod("names of another stack", namespace("another-stack"), NAMES, "10.0.3.3"),
    { name: "the internet", role: "public", ip: "198.51.100.7" },
    { name: "the internet by IPv6", role: "public", ip: "2001:db8::7" },
    { name: "a private address", role: "other", ip: "10.200.0.7" },
    { name: "a private address by IPv6", role: "other", ip: "fd00::7" },
    { name: "the cloud's metadata", role: "other", ip: "169.254.169.254" },
  ];
  const ports = new Set([
    ...model.workloads.flatMap((w) => [...w.ports, ...w.exposures].map(({ port }) => port)),
    ...model.links.flatMap((link) => link.ports),
    ...model.ways.flatMap((way) => way.ports),
    53,
    NOBODYS,
  ]);
  const pairs = [
    ...inside.flatMap((from) => [...inside, ...outside].map((to) => ({ from, to }))),
    ...outside.flatMap((from) => inside.map((to) => ({ from, to }))),
  ];
  return pairs.flatMap((pair) =>
    [...ports].flatMap((port) =>
      (["TCP", "UDP"] as const).map((protocol) => ({ ...pair, port, protocol })),
    ),
  );
}

/** Whoever a way leads to or comes from, as its own system would label it. */
function otherSystems(
  model: SystemModel,
  stack: string,
  operator: PrometheusOperator | undefined,
): Peer[] {
  const ends = model.ways.map(({ from, to }) =>
    to.system === model.name
      ? { system: from.system, name: from.workload, label: "app.kubernetes.io/name" }
      : { system: to.system, name: to.component, label: "app.kubernetes.io/component" },
  );
  return ends
    .filter((end, i) => ends.findIndex((e) => asEnd(e) === asEnd(end)) === i)
    .map(({ system, name, label }, i) => {
      const its =
        system === OBSERVER.system && name === OBSERVER.metrics && operator !== undefined
          ? { namespace: operator.namespace, labels: operator.pods }
          : { namespace: `${stack}${system}`, labels: { [label]: name } };
      const at = `10.0.4.${i + 1}`;
      return {
        ...pod(`${system}/${name}`, namespace(its.namespace), its.labels, at),
        elsewhere: { system, name },
      };
    });
}

const asEnd = ({ system, name }: { system: string; name: string }): string => `${system}/${name}`;

/** As every distribution labels the cluster's name service. */
const NAMES = { "k8s-app": "kube-dns" };

const pod = (name: string, of: Namespace, labels: Labels, ip: string): Peer => ({
  name,
  role: "other",
  ip,
  pod: { namespace: of, labels, ports: [] },
});

/** One pod of everything that runs, by what its template says. */
function ownPods(objects: readonly KubernetesObject[]): Peer[] {
  const { metadata } = objects.find((o) => o.manifest.kind === "Namespace")!.manifest;
  const home = namespace(metadata.name, metadata.labels);
  return objects
    .flatMap(({ key, manifest }) => {
      const spec = manifest.spec as
        { template?: Template; jobTemplate?: { spec: { template: Template } } } | undefined;
      const template = spec?.jobTemplate?.spec.template ?? spec?.template;
      return template === undefined ? [] : [{ key, template }];
    })
    .map(({ key, template }, i) => ({
      // A label could be wrong; the key is what the model calls it.
      name: key.slice(key.indexOf(":") + 1),
      role: "own",
      ip: `10.0.0.${i + 1}`,
      pod: {
        namespace: home,
        labels: template.metadata.labels,
        ports: template.spec.containers.flatMap((container) => container.ports ?? []),
      },
    }));
}

interface Template {
  readonly metadata: { readonly labels: Labels };
  readonly spec: PodSpec;
}

/**
 * What the model says: the reasons below are all that there are. Who is not of the system sends and receives
 * as it likes.
 */
export function declared(model: SystemModel, question: Question): Answer {
  const { from, to, port, protocol } = question;
  const tcp = protocol === "TCP";
  const workload = to.role === "own" ? model.workloads.find((w) => w.name === to.name) : undefined;
  const links = model.links.filter(
    (link) =>
      tcp && from.role === "own" && link.consumer === from.name && link.ports.includes(port),
  );
  const byLink = links.some((link) => link.provider === workload?.component);
  const ways = tcp ? model.ways.filter((way) => way.ports.includes(port)) : [];
  const byWayOut = ways.some(
    (way) =>
      from.role === "own" &&
      way.from.system === model.name &&
      way.from.workload === from.name &&
      way.to.system === to.elsewhere?.system &&
      way.to.component === to.elsewhere.name,
  );
  const byWayIn = ways.some(
    (way) =>
      way.to.system === model.name &&
      way.to.component === workload?.component &&
      way.from.system === from.elsewhere?.system &&
      way.from.workload === from.elsewhere.name,
  );
  const toTheOutside =
    to.role === "public" &&
    links.some((link) => model.externals.some((external) => external.name === link.provider));
  const forAName = to.role === "names" && port === 53;
  const listens = workload?.ports.some((own) => own.port === port) ?? false;
  const fromTheWorld = tcp && (workload?.exposures.some((open) => open.port === port) ?? false);
  return {
    sends: !isInside(from) || byLink || byWayOut || toTheOutside || forAName,
    receives: !isInside(to) || ((byLink || byWayIn) && listens) || fromTheWorld,
  };
}

const isInside = ({ role }: Peer): boolean => role === "own" || role === "unknown";

/** The questions that are answered with yes, as text. */
export interface Open {
  /** By both ends: this goes through. */
  readonly passes: readonly string[];
  /** By whoever sends, inside the namespace. */
  readonly sends: readonly string[];
  /** By whoever receives, inside the namespace. */
  readonly receives: readonly string[];
}

/** @param answers to each question, in its place */
export function openOf(asked: readonly Question[], answers: readonly Answer[]): Open {
  const where = (yes: (answer: Answer, question: Question) => boolean): string[] =>
    asked.filter((question, i) => yes(answers[i]!, question)).map(asText);
  return {
    passes: where(({ sends, receives }) => sends && receives),
    sends: where(({ sends }, { from }) => sends && isInside(from)),
    receives: where(({ receives }, { to }) => receives && isInside(to)),
  };
}
