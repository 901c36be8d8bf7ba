import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { ProblemsError } from "../../model/problems";
import { readStackFile, stackFiles } from "../../operations/setup/stack-file";
import { configOf } from "../../stack/config-file";
import { type DescribedStack, describeStack } from "../../stack/describe";
import { clusterProblems, type WantedCluster } from "../../stack/kubernetes/preflight";
import { NotOnKubernetes, renderStack } from "../../stack/render";
import { systems } from "../../systems";

const ROOT = join(__dirname, "..", "..");
const folder = mkdtempSync(join(tmpdir(), "atalaya-render-"));
afterAll(() => rmSync(folder, { recursive: true }));

const file = (text: string, name = "Pulumi.prod.yaml"): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

const PROD = `config:
  atalaya:profile: prod
  atalaya:platform: kubernetes
  atalaya:registry: { server: ghcr.io/example, username: pull }
  atalaya:registryPassword: { secure: "v1:aaaa:bbbb" }
  atalaya:grupo-gad:
    domain: gad.example.org
    acmeEmail: ops@example.org
    secrets:
      secretKey: { secure: "v1:cccc:dddd" }
`;

const described = (folderOf: string, stack: string): DescribedStack =>
  describeStack(stack, configOf(readStackFile(folderOf, stack).config ?? {}, "atalaya"), systems);

describe("atalaya render", () => {
  const render = (text: string): ReturnType<typeof renderStack> => {
    file(text);
    return renderStack(described(folder, "prod"));
  };

  test("needs no value of a secret, not even that it is set", () => {
    const { files } = render(PROD);
    const text = files.map((f) => f.text).join("");
    expect(text).not.toMatch(/v1:(?:aaaa|cccc)/);
    const kinds = files
      .filter((f) => f.path.endsWith(".yaml"))
      .flatMap((f) => parseAllDocuments(f.text).map((d) => d.get("kind")));
    expect(kinds).toContain("Deployment");
    expect(kinds).not.toContain("Secret");
    expect(text).toContain("grupo-gad.secrets.jwtSecretKey");
  });

  test("still checks the rest of the configuration, all at once", () => {
    const broken = PROD.replace("domain:", "domian:").replace("ops@example.org", "ops");
    let problems: readonly { path: string }[] = [];
    try {
      render(broken);
    } catch (error) {
      if (!(error instanceof ProblemsError)) throw error;
      problems = error.problems;
    }
    expect(problems.map((p) => p.path).sort()).toEqual(["grupo-gad.acmeEmail", "grupo-gad.domian"]);
  });

  test("says so where a stack has no manifests", () => {
    expect(() => render(PROD.replace("kubernetes", "swarm"))).toThrow(NotOnKubernetes);
  });
});

describe("the stacks of this checkout", () => {
  test.each(stackFiles(ROOT))("%s lacks nothing but its secrets", (stack) => {
    expect(() => described(ROOT, stack)).not.toThrow();
  });

  test("production differs from staging in values alone: the same objects, by name (FV-01)", () => {
    const names = (stack: string): string[] =>
      renderStack(described(ROOT, stack))
        .files.flatMap((f) => parseAllDocuments(f.text))
        .map((d) => d.toJS() as { kind?: string; metadata?: { name: string } })
        .filter(({ kind, metadata }) => kind !== undefined && metadata !== undefined)
        // A content's digest is no name of its own; budgets are for what has several instances.
        .filter(({ kind }) => kind !== "PodDisruptionBudget")
        .map(({ kind, metadata }) => `${kind} ${metadata!.name.replace(/-[0-9a-f]{10}$/, "")}`)
        .map((text) => text.replace(` ${stack}-`, " "))
        .sort();
    expect(names("prod")).toEqual(names("staging"));
    expect(names("prod").length).toBeGreaterThan(80);
  });
});

describe("what is asked of a kubeconfig before a cluster is", () => {
  const config = file(
    "contexts: [{ name: staging }, { name: production }]\ncurrent-context: staging\n",
    "kubeconfig",
  );
  const wanted = (more: Partial<WantedCluster>): WantedCluster => ({
    kubeconfig: config,
    contextRequired: true,
    namespaces: [],
    storageClasses: [],
    verticalAutoscaler: false,
    ownImages: [],
    registry: true,
    ...more,
  });
  const first = async (more: Partial<WantedCluster>): Promise<string> => {
    const problems = await clusterProblems(wanted(more));
    expect(problems).toHaveLength(1);
    return `${problems[0]!.path}: ${problems[0]!.message} ${problems[0]!.fix}`;
  };

  test("a file that is not there", async () => {
    expect(await first({ kubeconfig: join(folder, "none") })).toMatch(/^kubernetes: there is no/);
  });

  test("a context that is not there, with the one that was meant", async () => {
    expect(await first({ context: "prodction" })).toMatch(/did you mean "production"/);
  });

  test("no context named, where a stack is shared", async () => {
    expect(await first({})).toMatch(/kubernetes\.context: is missing.*staging, production/);
  });

  test("no current context on a laptop", async () => {
    const none = file("contexts: [{ name: kind }]\n", "kubeconfig-none");
    expect(await first({ kubeconfig: none, contextRequired: false })).toMatch(/use-context/);
  });

  test("no YAML", async () => {
    expect(await first({ kubeconfig: file("a: [", "broken") })).toMatch(/is no YAML/);
  });
});
