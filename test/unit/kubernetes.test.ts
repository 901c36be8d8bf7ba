import fc from "fast-check";
import type { Container, PodSpec } from "kubernetes-types/core/v1";
import type { NetworkPolicy, NetworkPolicyPeer } from "kubernetes-types/networking/v1";
import { runnables, type SystemModel } from "../../model/system";
import { kubernetes, type KubernetesSite } from "../../platforms/kubernetes/kubernetes";
import { openings } from "../../platforms/kubernetes/network";
import type { KubernetesObject } from "../../platforms/kubernetes/objects";
import { withSecretsDigest } from "../../platforms/kubernetes/pods";
import { cpu, size } from "../../platforms/kubernetes/quantities";
import { quota } from "../../platforms/kubernetes/quota";
import { renderSystem } from "../../platforms/kubernetes/render";
import { grupoGad } from "../../systems/grupo-gad";
import { describeSystem } from "../support/systems";

const site: KubernetesSite = {
  stack: "prod",
  entrance: { type: "load-balancer" },
  verticalAutoscaler: true,
  registry: { server: "registry.example/team", username: "pull" },
};

const describeProd = (config: object = {}): SystemModel =>
  describeSystem(
    grupoGad,
    "prod",
    { domain: "gad.example.org", acmeEmail: "ops@example.org", api: { min: 2, max: 6 }, ...config },
    kubernetes,
  );

const model = describeProd();
const { objects } = kubernetes.lower(model, site);

interface Pods {
  readonly key: string;
  readonly labels: Record<string, string>;
  readonly spec: PodSpec;
}

/** Every pod template, with what it belongs to. */
function podsOf(all: readonly KubernetesObject[]): Pods[] {
  return all.flatMap(({ key, manifest }) => {
    const spec = manifest.spec as
      { template?: unknown; jobTemplate?: { spec: { template: unknown } } } | undefined;
    const template = (spec?.jobTemplate?.spec.template ?? spec?.template) as
      { metadata: { labels: Record<string, string> }; spec: PodSpec } | undefined;
    return template === undefined
      ? []
      : [{ key, labels: template.metadata.labels, spec: template.spec }];
  });
}

const ofKind = (kind: string): KubernetesObject[] =>
  objects.filter((o) => o.manifest.kind === kind);
const pods = podsOf(objects);

test("every pod is what Pod Security's restricted admits (FV-10)", () => {
  expect(pods).toHaveLength(runnables(model).length);
  for (const { key, spec } of pods) {
    const container = spec.containers[0] as Container;
    expect([key, spec.securityContext]).toMatchObject([
      key,
      { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
    ]);
    expect(spec.securityContext!.runAsUser).toBeGreaterThan(0);
    expect([key, spec.automountServiceAccountToken]).toEqual([key, false]);
    expect([key, container.securityContext]).toMatchObject([
      key,
      {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      },
    ]);
    for (const kind of ["requests", "limits"] as const) {
      expect([key, Object.keys(container.resources![kind]!).sort()]).toEqual([
        key,
        ["cpu", "ephemeral-storage", "memory"],
      ]);
    }
    for (const volume of spec.volumes ?? []) {
      const kinds = ["configMap", "emptyDir", "projected", "persistentVolumeClaim"];
      expect(Object.keys(volume).filter((k) => k !== "name")).toEqual([
        expect.stringMatching(new RegExp(`^(?:${kinds.join("|")})$`)),
      ]);
    }
  }
});

describe("what the network policies open", () => {
  const policies = ofKind("NetworkPolicy").map(
    (o) => o.manifest as unknown as Required<NetworkPolicy>,
  );
  const matches = (selector: NonNullable<NetworkPolicyPeer["podSelector"]>, of: Pods): boolean =>
    Object.entries(selector.matchLabels ?? {}).every(([k, v]) => of.labels[k] === v) &&
    (selector.matchExpressions ?? []).every(
      (e) => e.operator === "In" && e.values!.includes(of.labels[e.key] ?? ""),
    );
  const peer = (peers: NetworkPolicyPeer[] | undefined, of: Pods): boolean =>
    (peers ?? []).some(
      (p) => p.podSelector !== undefined && !p.namespaceSelector && matches(p.podSelector, of),
    );
  const of = (direction: "Ingress" | "Egress", pod: Pods): Required<NetworkPolicy>[] =>
    policies.filter(
      (p) => p.spec.policyTypes!.includes(direction) && matches(p.spec.podSelector, pod),
    );
  /** As a network plug-in decides: both sides have to say yes, and whom no policy selects is open. */
  const reaches = (from: Pods, to: Pods, port: number): boolean =>
    of("Egress", from).some((p) =>
      (p.spec.egress ?? []).some(
        (rule) => peer(rule.to, to) && rule.ports!.some((x) => x.port === port),
      ),
    ) &&
    of("Ingress", to).some((p) =>
      (p.spec.ingress ?? []).some(
        (rule) => peer(rule.from, from) && rule.ports!.some((x) => x.port === port),
      ),
    );
  const name = (of: Pods): string => of.labels["app.kubernetes.io/name"]!;

  test("is what the links say between any two pods, no more and no less (FV-10)", () => {
    const ports = [...new Set(model.workloads.flatMap((w) => w.ports.map((p) => p.port)))];
    const open: string[] = [];
    for (const from of pods) {
      for (const to of pods) {
        for (const port of ports) {
          if (reaches(from, to, port)) open.push(`${name(from)} → ${name(to)}:${port}`);
        }
      }
    }
    const componentOf = new Map(model.workloads.map((w) => [w.name, w]));
    const declared = model.links.flatMap((link) =>
      [...componentOf.values()]
        .filter((w) => w.component === link.provider)
        .flatMap((w) => link.ports.map((port) => `${link.consumer} → ${w.name}:${port}`)),
    );
    expect(open.sort()).toEqual([...new Set(declared)].sort());
    expect(open).toContain("api → db:5432");
    expect(open).not.toContain("bot → db:5432");
  });

  test("everything else is closed, both ways, for every pod", () => {
    for (const pod of pods) {
      for (const direction of ["Ingress", "Egress"] as const) {
        expect([pod.key, of(direction, pod).length > 0]).toEqual([pod.key, true]);
      }
    }
  });

  test("the world reaches the gateway's two ports and nothing else (GG-01)", () => {
    const world = policies.flatMap((p) =>
      (p.spec.ingress ?? [])
        .filter((rule) => rule.from!.some((f) => f.ipBlock))
        .map((rule) => [p.metadata.name, rule.ports!.map((x) => x.port)]),
    );
    expect(world).toEqual([["edge", [8080, 8443]]]);
    expect(
      ofKind("Service").filter((s) => (s.manifest.spec as { type: string }).type !== "ClusterIP"),
    ).toHaveLength(1);
  });

  test("only a link to the outside leads outside, and never to private addresses", () => {
    const outside = policies.flatMap((p) =>
      (p.spec.egress ?? [])
        .filter((rule) => rule.to!.some((t) => t.ipBlock))
        .map((rule) => ({ name: p.metadata.name, rule })),
    );
    expect(outside.map((o) => o.name).sort()).toEqual(["bot", "edge"]);
    for (const { rule } of outside) {
      expect(rule.to![0]!.ipBlock!.except).toEqual(
        expect.arrayContaining(["10.0.0.0/8", "169.254.0.0/16"]),
      );
    }
  });

  test("a host that is an address is that one alone, though it be private: a mail relay next door (FV-07)", () => {
    const at = (host: string): unknown => {
      const externals = model.externals.map((external) => ({ ...external, host }));
      const rules = openings({ ...model, externals }, "bot", (system) => `prod-${system}`);
      return rules!.egress!.flatMap(({ to }) => to!).filter(({ ipBlock }) => ipBlock);
    };
    expect(at("10.1.2.3")).toEqual([{ ipBlock: { cidr: "10.1.2.3/32" } }]);
    expect(at("mail.example.org")).toHaveLength(2);
    const told = (host: string): string[] => {
      const externals = model.externals.map((external) => ({ ...external, host }));
      const { notices } = kubernetes.lower({ ...model, externals }, site);
      return notices.map(({ message }) => message).filter((text) => text.includes("egress"));
    };
    expect(told("10.1.2.3")).toEqual([]);
    expect(told("mail.example.org")).toHaveLength(1);
  });
});

test("whatever an object waits for is there, and nothing waits in a circle", () => {
  const keys = new Set(objects.map((o) => o.key));
  expect(keys.size).toBe(objects.length);
  const after = new Map(objects.map((o) => [o.key, o.after]));
  const visit = (key: string, trail: readonly string[]): void => {
    expect(trail).not.toContain(key);
    expect(keys).toContain(key);
    for (const next of after.get(key)!) visit(next, [...trail, key]);
  };
  keys.forEach((key) => visit(key, []));
});

test("what the ceiling counts waits until it counts: a copy's volume is refused by the one before", () => {
  const counted = objects.filter(
    ({ manifest: { kind, spec } }) =>
      ["PersistentVolumeClaim", "Deployment", "StatefulSet", "Job", "CronJob"].includes(kind) ||
      (spec as { type?: string } | undefined)?.type === "LoadBalancer",
  );
  expect(new Set(counted.map(({ manifest }) => manifest.kind)).size).toBe(5);
  for (const { key, after } of counted) {
    expect([key, after]).toEqual([key, expect.arrayContaining(["ResourceQuota:ceiling"])]);
  }
});

test("the namespace's ceiling has room for an update at full scale", () => {
  const { hard } = ofKind("ResourceQuota")[0]!.manifest.spec as { hard: Record<string, string> };
  const instances = model.workloads.reduce((n, w) => n + w.scale.max + 1, 0);
  expect(Number(hard["pods"])).toBeGreaterThanOrEqual(instances);
  expect(hard["persistentvolumeclaims"]).toBe(String(model.volumes.length));
});

test("the ceiling has room for what the vertical autoscaler may reserve (FV-05)", () => {
  const hard = (verticalAutoscaler: boolean): Record<string, string> =>
    quota(model, verticalAutoscaler)!.hard!;
  const { "requests.memory": fixed, "limits.memory": limits } = hard(false);
  const { "requests.memory": growing } = hard(true);
  const gibibytes = (size: string | undefined): number => Number.parseInt(size!, 10);
  expect(gibibytes(growing)).toBeGreaterThan(gibibytes(fixed));
  // The API has an HPA: it keeps what it reserves.
  expect(gibibytes(growing)).toBeLessThan(gibibytes(limits));
});

test("an autoscaled workload leaves its replicas to the autoscaler (FV-05)", () => {
  const api = objects.find((o) => o.key === "Deployment:api")!.manifest.spec as object;
  expect(api).not.toHaveProperty("replicas");
  const hpa = objects.find((o) => o.key === "HorizontalPodAutoscaler:api")!.manifest.spec;
  expect(hpa).toMatchObject({ minReplicas: 2, maxReplicas: 6 });
  const modes = ofKind("VerticalPodAutoscaler").map((o) => [
    o.manifest.metadata.name,
    (o.manifest.spec as { updatePolicy: { updateMode: string } }).updatePolicy.updateMode,
  ]);
  expect(Object.fromEntries(modes)).toMatchObject({ api: "Off", bot: "Recreate", db: "Recreate" });
});

test("what may not overlap stops first; data has a StatefulSet (design decision 1)", () => {
  const strategy = (key: string): unknown =>
    (objects.find((o) => o.key === key)!.manifest.spec as { strategy?: unknown }).strategy;
  expect(strategy("Deployment:bot")).toEqual({ type: "Recreate" });
  expect(strategy("Deployment:api")).toMatchObject({ rollingUpdate: { maxUnavailable: 0 } });
  expect(
    ofKind("StatefulSet")
      .map((o) => o.manifest.metadata.name)
      .sort(),
  ).toEqual(["cache", "db"]);
  expect(ofKind("PersistentVolumeClaim").every((o) => o.protect)).toBe(true);
});

test("a changed file is another ConfigMap, which rolls its pods; the others stay", () => {
  const changed = kubernetes.lower(describeProd({ requestsPerSecond: 7 }), site).objects;
  const differing = changed
    .filter((o) => {
      const before = objects.find((b) => b.key === o.key)!;
      return JSON.stringify(before.manifest) !== JSON.stringify(o.manifest);
    })
    .map((o) => o.key);
  expect(differing.sort()).toEqual([
    ...["ConfigMap:edge-config", "Deployment:edge", "Job:edge-check"],
  ]);
});

test("a job's name follows from its work", () => {
  const name = (all: readonly KubernetesObject[], key: string): string =>
    all.find((o) => o.key === key)!.manifest.metadata.name;
  const changed = kubernetes.lower(describeProd({ api: { migrate: ["alembic"] } }), site).objects;
  expect(name(changed, "Job:api-migrate")).not.toBe(name(objects, "Job:api-migrate"));
  expect(name(changed, "Job:db-init")).toBe(name(objects, "Job:db-init"));
});

test("the secrets that pods read roll them by a digest", () => {
  for (const { key } of pods) {
    const object = objects.find((o) => o.key === key)!;
    const reads = runnables(model).find((r) => key.endsWith(`:${r.name}`))!.secrets.length > 0;
    expect([key, object.rollsOn !== undefined]).toEqual([key, reads]);
    if (!reads) continue;
    const rolled = withSecretsDigest(object.manifest, "0123456789");
    expect(JSON.stringify(rolled)).toContain('"atalaya.dev/secrets":"0123456789"');
    expect(JSON.stringify(object.manifest)).not.toContain("atalaya.dev/secrets");
  }
});

test("rendered files have no Secret, and a table names each", () => {
  const files = renderSystem(model, objects);
  expect(files.map((f) => f.text).join("")).not.toMatch(/^kind: Secret$/m);
  const table = files.find((f) => f.path.endsWith("secrets.md"))!.text;
  for (const { name } of model.secrets) expect(table).toContain(`| ${name} |`);
});

test("a workload gets the same variables and secret files on both engines (the contract)", () => {
  for (const { key, spec } of pods) {
    const runnable = runnables(model).find((r) => key.endsWith(`:${r.name}`))!;
    const env = Object.fromEntries((spec.containers[0]!.env ?? []).map((e) => [e.name, e.value]));
    expect(env).toEqual(runnable.environment);
    const sources = spec.volumes!.find((v) => v.name === "secrets")?.projected?.sources ?? [];
    expect(sources.map((s) => s.secret!.items![0]!.path)).toEqual(
      runnable.secrets.map((s) => s.file),
    );
  }
});

test("quantities read as Kubernetes writes them", () => {
  expect([cpu(1), cpu(0.25), cpu(2), size(2 ** 30), size(3 * 2 ** 20), size(1_000)]).toEqual([
    ...["1", "250m", "2", "1Gi", "3Mi", "1000"],
  ]);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 50 }), (bytes) => {
      const [, digits, unit] = /^(\d+)(\w*)$/.exec(size(bytes))!;
      const power = ["", "Ki", "Mi", "Gi", "Ti"].indexOf(unit!);
      expect(Number(digits) * 1_024 ** power).toBe(bytes);
    }),
  );
});
