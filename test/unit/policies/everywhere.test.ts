import fc from "fast-check";
import { loadConfig } from "../../../policies/engine/config";
import { evaluate, type Finding } from "../../../policies/engine/evaluate";
import { type Json, type JsonObject, UNKNOWN } from "../../../policies/engine/field";
import { fromManifest, fromPulumi, type Subject } from "../../../policies/engine/subject";
import { rules } from "../../../policies/rules";
import { subjectsOf } from "../../../policies/tools/fixtures";

/** A violation is found wherever it hides: in every kind, container and place of a pod (AT-03). */
const config = loadConfig(
  {},
  rules.map(({ id }) => id),
);
const judge = (...subjects: Subject[]): readonly Finding[] =>
  evaluate(subjects, config, { rules, scope: "objects", now: new Date("2026-11-22") }).findings;

/** Pods of the clean world, in which nothing is found. */
const clean = subjectsOf({ world: "kubernetes" }).find(
  ({ kind, name }) => kind === "Deployment" && name === "api",
)!;
const TEMPLATE = ((clean.props["spec"] as JsonObject)["template"] ?? {}) as JsonObject;
const POD = TEMPLATE["spec"] as JsonObject;
const MAIN = (POD["containers"] as readonly JsonObject[])[0]!;
const INIT = (POD["initContainers"] as readonly JsonObject[])[0]!;

type Role = "main" | "second" | "init" | "sidecar" | "ephemeral";
const ROLES: readonly Role[] = ["main", "second", "init", "sidecar", "ephemeral"];

/** A pod's spec in which one container of a role has a change. */
function podWith(role: Role, change: JsonObject): JsonObject {
  const of = (container: JsonObject): JsonObject => ({ ...container, ...change });
  const ephemeral = Object.fromEntries(
    Object.entries(MAIN).filter(([key]) => !/Probe$|^resources$|^lifecycle$|^ports$/.test(key)),
  );
  const second = { ...MAIN, name: "second", ports: [] };
  switch (role) {
    case "main":
      return { ...POD, containers: [of(MAIN)] };
    case "second":
      return { ...POD, containers: [MAIN, of(second)] };
    case "init":
      return { ...POD, initContainers: [INIT, of({ ...INIT, name: "second" })] };
    case "sidecar":
      return {
        ...POD,
        initContainers: [INIT, of({ ...MAIN, name: "proxy", ports: [], restartPolicy: "Always" })],
      };
    case "ephemeral":
      return { ...POD, ephemeralContainers: [of({ ...ephemeral, name: "debug" })] };
  }
}

/** Kinds that bring a pod, custom ones included, and where it stands in each. */
const KINDS: Readonly<Record<string, (template: JsonObject) => JsonObject>> = {
  "v1/Pod": (t) => ({ spec: t["spec"]! }),
  "apps/v1/Deployment": (template) => ({ spec: { template } }),
  "apps/v1/StatefulSet": (template) => ({ spec: { template } }),
  "apps/v1/DaemonSet": (template) => ({ spec: { template } }),
  "apps/v1/ReplicaSet": (template) => ({ spec: { template } }),
  "v1/ReplicationController": (template) => ({ spec: { template } }),
  "batch/v1/Job": (template) => ({ spec: { template } }),
  "batch/v1/CronJob": (template) => ({ spec: { jobTemplate: { spec: { template } } } }),
  "v1/PodTemplate": (template) => ({ template }),
  "argoproj.io/v1alpha1/Rollout": (template) => ({ spec: { template } }),
  "serving.knative.dev/v1/Service": (template) => ({ spec: { template } }),
  "tekton.example.org/v1/Farm": (template) => ({ spec: { groups: [{ workers: { template } }] } }),
};

function object(type: string, spec: JsonObject, byPulumi: boolean): Subject {
  const parts = type.split("/");
  const kind = parts.pop()!;
  const apiVersion = parts.join("/");
  const metadata = { name: "it", namespace: "shop", labels: { app: "it" } };
  const body = KINDS[type]!({ metadata: { labels: { app: "it" } }, spec });
  if (!byPulumi) return fromManifest({ apiVersion, kind, metadata, ...body })!;
  return fromPulumi({
    type: `kubernetes:${parts.length === 1 ? `core/${apiVersion}` : apiVersion}:${kind}`,
    name: "it",
    props: { metadata, ...body },
    facts: { urn: "urn:pulumi:t::p::it", protect: false },
  });
}

const security = (change: JsonObject): JsonObject => ({
  securityContext: { ...(MAIN["securityContext"] as JsonObject), ...change },
});

/** What no container may have, and who says so. */
const VIOLATIONS: Readonly<Record<string, JsonObject>> = {
  "pods/privileged": security({ privileged: true }),
  "pods/privilege-escalation": security({ allowPrivilegeEscalation: true }),
  "pods/capabilities-added": security({ capabilities: { drop: ["ALL"], add: ["SYS_ADMIN"] } }),
  "pods/capabilities-dropped": security({ capabilities: {} }),
  "pods/non-root": security({ runAsNonRoot: false, runAsUser: 0 }),
  "pods/proc-mount": security({ procMount: "Unmasked" }),
  "pods/seccomp": security({ seccompProfile: { type: "Unconfined" } }),
  "pods/read-only-root": security({ readOnlyRootFilesystem: false }),
  "pods/host-process": security({ windowsOptions: { hostProcess: true } }),
  "images/pinned-version": { image: "registry.example.org/shop/api:latest" },
  "secrets/as-files": {
    env: [{ name: "X", valueFrom: { secretKeyRef: { name: "s", key: "k" } } }],
  },
};

const anyKind = fc.constantFrom(...Object.keys(KINDS));

/** Every kind with every container of it, as manifests and as resources of Pulumi. */
const PLACES = Object.keys(KINDS).flatMap((kind) =>
  ROLES.flatMap((role) => [true, false].map((byPulumi) => [kind, role, byPulumi] as const)),
);

/** Those in which a rule finds something, once for each finding, where one container has a change. */
const placesOf = (change: JsonObject): ((id: string) => readonly (typeof PLACES)[number][]) => {
  const found = PLACES.flatMap((place) => {
    const [kind, role, byPulumi] = place;
    const findings = judge(object(kind, podWith(role, change), byPulumi));
    return findings.map(({ rule }) => ({ rule, place }));
  });
  return (id) => found.filter(({ rule }) => rule === id).map(({ place }) => place);
};

const unchanged = placesOf({});

test.each(Object.entries(VIOLATIONS))("%s is found in every kind and container", (id, change) => {
  expect(unchanged(id)).toEqual([]);
  expect(placesOf(change)(id)).toEqual(PLACES);
});

test("what a pod may not have is found in every kind", () => {
  const pods: readonly (readonly [string, JsonObject])[] = [
    ["pods/host-namespaces", { hostPID: true }],
    ["pods/host-namespaces", { hostIPC: true }],
    ["pods/host-paths", { volumes: [{ name: "x", hostPath: { path: "/etc" } }] }],
    ["pods/sysctls", { securityContext: { sysctls: [{ name: "kernel.msgmax", value: "1" }] } }],
  ];
  fc.assert(
    fc.property(anyKind, fc.constantFrom(...pods), (kind, [id, change]) => {
      const found = judge(object(kind, { ...POD, ...change }, false)).map(({ rule }) => rule);
      expect([kind, found.includes(id)]).toEqual([kind, true]);
    }),
  );
});

/** A password as people make them: letters, digits, signs; not one of the words that stand for none. */
const password = fc
  .stringMatching(/^[A-Za-z][A-Za-z0-9!#%&+=~^-]{10,30}[0-9][A-Za-z]$/)
  .filter(
    (text) =>
      !/^(?:your|my|insert|replace|put|enter|example|dummy|fake|sample|todo|redacted|masked|hidden)\W/i.test(
        text,
      ),
  );

test("a password is found in each place of a container, and is never a part of a message", () => {
  const places: readonly ((secret: string) => JsonObject)[] = [
    (value) => ({ env: [{ name: "DB_PASSWORD", value }] }),
    (value) => ({ env: [{ name: "apiKey", value }] }),
    (value) => ({
      env: [{ name: "DSN", value: `postgres://shop:${encodeURIComponent(value)}@db/shop` }],
    }),
    (value) => ({ args: ["serve", "--db-password", value] }),
    (value) => ({ command: ["serve", `--db-password=${value}`] }),
    (value) => ({
      livenessProbe: { exec: { command: ["check", `--token=${value}`] }, periodSeconds: 9 },
    }),
    (value) => ({
      readinessProbe: {
        httpGet: { path: "/", port: 8000, httpHeaders: [{ name: "X-Api-Key", value }] },
      },
    }),
    (value) => ({
      lifecycle: { preStop: { exec: { command: ["stop", `--token=${value}`] } } },
    }),
  ];
  fc.assert(
    fc.property(
      ...([anyKind, fc.constantFrom<Role>("main", "second", "sidecar")] as const),
      fc.constantFrom(...places),
      password,
      (kind, role, place, secret) => {
        const findings = judge(object(kind, podWith(role, place(secret)), false));
        expect(findings.map(({ rule }) => rule)).toContain("secrets/no-plain-text");
        expect(JSON.stringify(findings)).not.toContain(secret);
      },
    ),
    { numRuns: 300 },
  );
});

test("a password is found in a label, an annotation, a file and a Docker service", () => {
  const subjects: readonly ((secret: string) => Subject)[] = [
    (secret) =>
      fromManifest({
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "it", namespace: "shop" },
        data: { "app.ini": `[db]\nuser = shop\npassword = ${secret}\n` },
      })!,
    (secret) =>
      fromManifest({
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "it", namespace: "shop", annotations: { "x/api-token": secret } },
      })!,
    (secret) =>
      fromPulumi({
        type: "docker:index/service:Service",
        name: "it",
        props: { name: "it", taskSpec: { containerSpec: { env: { DB_PASSWORD: secret } } } },
        facts: { urn: "urn:pulumi:t::p::it", protect: false },
      }),
    (secret) =>
      fromPulumi({
        type: "docker:index/container:Container",
        name: "it",
        props: { name: "it", envs: [`DB_PASSWORD=${secret}`] },
        facts: { urn: "urn:pulumi:t::p::it", protect: false },
      }),
  ];
  fc.assert(
    fc.property(fc.constantFrom(...subjects), password, (subject, secret) => {
      const findings = judge(subject(secret));
      expect(findings.map(({ rule }) => rule)).toContain("secrets/no-plain-text");
      expect(JSON.stringify(findings)).not.toContain(secret);
    }),
    { numRuns: 200 },
  );
});

test("identifiers, digests and paths are no secrets", () => {
  const harmless = fc.oneof(
    fc.uuid(),
    fc.stringMatching(/^[0-9a-f]{40}$/),
    fc.stringMatching(/^sha256:[0-9a-f]{64}$/),
    fc.stringMatching(/^(?:\/[a-z]{1,10}){1,6}$/),
    fc.stringMatching(/^[a-z]{2,9}(?:-[a-z]{2,9}){0,5}$/),
    fc.ipV4(),
    fc.integer().map(String),
    fc.stringMatching(/^https:\/\/[a-z]{1,9}\.example\.org\/[a-z/]{0,20}$/),
  );
  fc.assert(
    fc.property(harmless, (value) => {
      const env = [{ name: "SETTING", value }];
      const found = judge(object("apps/v1/Deployment", podWith("main", { env }), false));
      expect(found.filter(({ rule }) => rule === "secrets/no-plain-text")).toEqual([]);
    }),
    { numRuns: 500 },
  );
});

test("nothing that somebody may write makes a rule fail", () => {
  const json = fc.letrec<{ value: Json }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      fc.constantFrom<Json>(null, true, 0, -1, 1e9, "", "*", "1Gi", "x:latest", UNKNOWN),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(
        fc.constantFrom(
          ...[
            "spec",
            "template",
            "containers",
            "metadata",
            "labels",
            "annotations",
            "rules",
            "ports",
          ],
          ...["env", "name", "value", "resources", "limits", "securityContext", "selector", "data"],
          ...["taskSpec", "containerSpec", "mounts", "volumes", "verbs", "subjects", "__proto__"],
        ),
        tie("value"),
        { maxKeys: 6 },
      ) as fc.Arbitrary<Json>,
    ),
  })).value;
  const kinds = [
    ...Object.keys(KINDS),
    ...["v1/Service", "v1/ConfigMap", "v1/Secret", "v1/Namespace", "v1/PersistentVolumeClaim"],
    ...["networking.k8s.io/v1/NetworkPolicy", "networking.k8s.io/v1/Ingress"],
    ...["policy/v1/PodDisruptionBudget", "autoscaling/v2/HorizontalPodAutoscaler"],
    ...["rbac.authorization.k8s.io/v1/ClusterRole", "rbac.authorization.k8s.io/v1/RoleBinding"],
    ...["monitoring.coreos.com/v1/PrometheusRule", "gateway.networking.k8s.io/v1/Gateway"],
  ];
  const docker = ["service:Service", "container:Container", "network:Network", "image:Image"];
  fc.assert(
    fc.property(fc.constantFrom(...kinds), fc.constantFrom(...docker), json, (type, own, value) => {
      const parts = type.split("/");
      const kind = parts.pop()!;
      const subjects = [
        fromManifest({ apiVersion: parts.join("/"), kind, ...(value as object), spec: value }),
        fromPulumi({
          type: `docker:index/${own}`,
          name: "it",
          props: (typeof value === "object" && value !== null && !Array.isArray(value)
            ? value
            : { taskSpec: value }) as JsonObject,
          facts: { urn: "urn:pulumi:t::p::it", protect: false },
        }),
      ].flatMap((subject) => subject ?? []);
      expect(() => evaluate(subjects, config, { rules })).not.toThrow();
    }),
    { numRuns: 1_000 },
  );
});
