import type { Deployment } from "kubernetes-types/apps/v1";
import type { Job } from "kubernetes-types/batch/v1";
import type { NetworkPolicy } from "kubernetes-types/networking/v1";
import { kubernetes } from "../../platforms/kubernetes/kubernetes";
import type { KubernetesObject } from "../../platforms/kubernetes/objects";
import type { RawConfig } from "../../stack/config";
import { type DescribedStack, describeStack } from "../../stack/describe";
import type { Kubectl } from "../../stack/kubernetes/operator";
import { issuerProblems, wantedCluster } from "../../stack/kubernetes/preflight";
import { kubernetesSite } from "../../stack/sites";
import { systems } from "../../systems";

/** Certificates of a cluster's own cert-manager (issue 5). */
const raw = (values: Record<string, string>): RawConfig => ({ values, isSecret: () => true });

/** One gateway a kind: Pronto's is Nginx, Grupo GAD's is Caddy. */
const CHOSEN = {
  systems: '["pronto","grupo-gad"]',
  platform: "kubernetes",
  pronto: JSON.stringify({ domain: "pronto.example.org", acmeEmail: "ops@example.org" }),
  "grupo-gad": JSON.stringify({ domain: "gad.example.org", acmeEmail: "ops@example.org" }),
};
const asking = (certManager: object): { kubernetes: string } => ({
  kubernetes: JSON.stringify({ certManager }),
});
const described = (values: Record<string, string>): DescribedStack =>
  describeStack("staging", raw(values), systems);
const lowered = ({ config, systems: models }: DescribedStack): readonly KubernetesObject[] =>
  models.flatMap(
    (model) => kubernetes.lower(model, kubernetesSite("staging", config.site)).objects,
  );

const issued = described({ ...CHOSEN, ...asking({ issuer: "letsencrypt" }) });
const own = described(CHOSEN);

const certificates = (of: DescribedStack): readonly KubernetesObject[] =>
  lowered(of).filter(({ manifest }) => manifest.kind === "Certificate");

describe("the key kubernetes.certManager", () => {
  test("names a ClusterIssuer, or an Issuer", () => {
    const said = (of: object): unknown =>
      described({ ...CHOSEN, ...asking(of) }).config.site.kubernetes.certManager;
    expect(said({ issuer: "letsencrypt" })).toEqual({
      issuer: "letsencrypt",
      kind: "ClusterIssuer",
    });
    expect(said({ issuer: "own", kind: "Issuer" })).toEqual({ issuer: "own", kind: "Issuer" });
  });

  test.each<[object, RegExp]>([
    [{}, /certManager\.issuer: /],
    [{ issuer: "Let's Encrypt" }, /certManager\.issuer: is no name of an issuer/],
    [{ issuer: "letsencrypt", kind: "Authority" }, /certManager\.kind: /],
    [{ issuer: "letsencrypt", email: "a@b.c" }, /certManager\.email: is no known key/],
  ])("is refused as %j", (certManager, says) => {
    expect(() => described({ ...CHOSEN, ...asking(certManager) })).toThrow(says);
  });

  test("is refused on Swarm", () => {
    expect(() =>
      described({ ...CHOSEN, ...asking({ issuer: "letsencrypt" }), platform: "swarm" }),
    ).toThrow(
      /kubernetes\.certManager: is a matter of a cluster: swarm has no operators[^]*pulumi config rm --path kubernetes\.certManager; gateways ask/,
    );
  });
});

describe("a gateway whose certificates the cluster issues", () => {
  test("has one Certificate of all its hosts, and up waits until it is there", () => {
    expect(
      certificates(issued).map(({ manifest, timeout }) => ({ ...manifest, timeout })),
    ).toMatchObject(
      ["pronto.example.org", "gad.example.org"].map((host) => ({
        apiVersion: "cert-manager.io/v1",
        metadata: { annotations: { "pulumi.com/waitFor": "condition=Ready" } },
        spec: {
          dnsNames: expect.arrayContaining([host]) as unknown,
          issuerRef: { group: "cert-manager.io", kind: "ClusterIssuer", name: "letsencrypt" },
          privateKey: { algorithm: "ECDSA", size: 256, rotationPolicy: "Always" },
        },
        timeout: 600,
      })),
    );
  });

  test("mounts its Secret whole, in the pods and in the check, once it is issued; a new one restarts nothing", () => {
    for (const { key, manifest } of certificates(issued)) {
      const { namespace, name } = manifest.metadata;
      const users = lowered(issued).filter(
        (object) => object.manifest.metadata.namespace === namespace && object.after.includes(key),
      );
      expect(users.map((user) => user.manifest.kind).sort()).toEqual(["Deployment", "Job"]);
      for (const user of users) {
        const { spec } = (user.manifest.spec as Deployment["spec"] | Job["spec"])!.template;
        const items = ["tls.crt", "tls.key"].map((file) => ({ key: file, path: file }));
        expect(spec!.volumes).toContainEqual({
          name: "secrets",
          projected: { defaultMode: 0o440, sources: [{ secret: { name, items } }] },
        });
        // A file of its own, by `subPath`, would never change.
        expect(spec!.containers[0]!.volumeMounts).toContainEqual({
          ...{ name: "secrets", mountPath: "/run/secrets", readOnly: true },
        });
        expect(user).not.toHaveProperty("rollsOn");
      }
    }
  });

  test("has no ACME client: no way out, no challenges, no account", () => {
    const text = (of: DescribedStack): string => JSON.stringify(of.systems);
    for (const word of [/acme-v02/, /acme-challenge/, /ops@example\.org/]) {
      expect(text(own)).toMatch(word);
      expect(text(issued)).not.toMatch(word);
    }
    const leaves = (of: DescribedStack): string[] =>
      lowered(of)
        .filter(({ manifest }) => manifest.kind === "NetworkPolicy")
        .filter(({ manifest }) =>
          (manifest.spec as NetworkPolicy["spec"])!.egress?.some(({ to }) =>
            to?.some(({ ipBlock }) => ipBlock !== undefined),
          ),
        )
        .map(({ manifest }) => manifest.metadata.name);
    const gateways = issued.systems.flatMap((model) => model.certificates.map((c) => c.component));
    expect(gateways).toHaveLength(2);
    for (const gateway of gateways) {
      expect(leaves(own)).toContain(gateway);
      expect(leaves(issued)).not.toContain(gateway);
    }
  });

  test("is one with `acme` alone: its own authority stays as it is", () => {
    const local = { systems: '["pronto","grupo-gad"]', platform: "kubernetes" };
    const without = lowered(described(local));
    expect(lowered(described({ ...local, ...asking({ issuer: "letsencrypt" }) }))).toEqual(without);
    expect(certificates(own)).toEqual([]);
  });
});

describe("a cluster that is asked for certificates", () => {
  const { certManager } = wantedCluster(issued);

  /** What is said where it knows these kinds and has these issuers; undefined: nobody may list them. */
  const said = async (
    kinds: readonly string[],
    issuers: readonly string[] | undefined,
    of = certManager!,
  ): Promise<string> => {
    const kubectl: Kubectl = (...args) => {
      if (args[1] === "--raw") {
        return kinds.length === 0
          ? Promise.reject(new Error("Error from server (NotFound)"))
          : Promise.resolve(JSON.stringify({ resources: kinds.map((kind) => ({ kind })) }));
      }
      expect(args[1]).toBe("clusterissuers.cert-manager.io");
      const names = issuers?.map((name) => `clusterissuer.cert-manager.io/${name}`);
      return names === undefined
        ? Promise.reject(new Error("Forbidden"))
        : Promise.resolve(names.join("\n"));
    };
    const problems = await issuerProblems(kubectl, of);
    return problems.map(({ path, message, fix }) => `${path}: ${message}; ${fix}`).join("\n");
  };
  const KINDS = ["Certificate", "ClusterIssuer", "Issuer"];

  test("that has the issuer is taken, and so is one that shows none", async () => {
    expect(await said(KINDS, ["letsencrypt", "other"])).toBe("");
    expect(await said(KINDS, undefined)).toBe("");
  });

  test("without cert-manager is told so", async () => {
    expect(await said([], [])).toMatch(
      /kubernetes\.certManager: the cluster does not know Certificate .*pulumi config rm --path kubernetes\.certManager/,
    );
  });

  test("without the issuer is told which it has", async () => {
    expect(await said(KINDS, ["one", "two"])).toMatch(
      /certManager\.issuer: the cluster has no ClusterIssuer "letsencrypt"; it has one, two/,
    );
    expect(await said(KINDS, [])).toMatch(/it has none: make one/);
  });

  test("is not asked for an Issuer, whose namespace may not be there yet", async () => {
    expect(await said(KINDS, [], { issuer: "own", kind: "Issuer" })).toBe("");
  });
});
