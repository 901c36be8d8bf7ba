import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { must, run } from "../../../operations/process";
import { checkovFolder, kubeScorePath } from "./tools";

/** One violation that another engine reports. */
export interface PeerFinding {
  /** As our rules' references name it: `CKV_K8S_16`, `kube-score pod-probes`. */
  readonly check: string;
  /** Name of the file, without its folder. */
  readonly file: string;
  readonly kind: string;
  readonly name: string;
}

export interface PeerCheck {
  readonly check: string;
  readonly title: string;
}

/** An engine that judges Kubernetes manifests. */
export interface Peer {
  readonly name: string;
  version(): Promise<string>;
  /** Everything that it can check. */
  checks(): Promise<readonly PeerCheck[]>;
  judge(files: readonly string[]): Promise<readonly PeerFinding[]>;
}

const LONG_MS = 15 * 60_000;

interface KubeScoreObject {
  readonly type_meta: { readonly kind: string };
  readonly object_meta: { readonly name: string };
  readonly file_name: string;
  readonly checks: readonly {
    readonly check: { readonly id: string };
    /** 10 is all right, 7 nearly, 5 a warning, 1 critical. */
    readonly grade: number;
    readonly skipped: boolean;
  }[];
}

const ALL_RIGHT = 7;

/** Instead of a check: it could not read the file, which is a way of seeing that something is wrong. */
const REFUSED = "refused";

const kubeScore: Peer = {
  name: "kube-score",
  version: () =>
    Promise.resolve(
      /kube-score v(\S+)/.exec(
        readFileSync(join(__dirname, "tools", "kube-score", "go.mod"), "utf8"),
      )![1]!,
    ),
  checks: async () =>
    (await kubeScoreList()).map(([id, , title]) => ({ check: `kube-score ${id}`, title })),
  async judge(files) {
    const optional = (await kubeScoreList())
      .filter(([, , , kind]) => kind === "optional")
      .flatMap(([id]) => ["--enable-optional-test", id]);
    // Ends with 1 where it finds something.
    const { stdout, stderr } = await run(
      await kubeScorePath(),
      ["score", "--output-format", "json", ...optional, ...files],
      { timeoutMs: LONG_MS },
    );
    if (stdout === "") {
      // One that it cannot read stops it for all.
      const [file, ...more] = files;
      if (file === undefined) throw new Error(stderr);
      if (more.length === 0) return [{ check: REFUSED, file: basename(file), kind: "", name: "" }];
      const half = Math.ceil(files.length / 2);
      return [
        ...(await kubeScore.judge(files.slice(0, half))),
        ...(await kubeScore.judge(files.slice(half))),
      ];
    }
    return (JSON.parse(stdout) as KubeScoreObject[]).flatMap((object) =>
      object.checks
        .filter(({ grade, skipped }) => !skipped && grade < ALL_RIGHT)
        .map(({ check }) => ({
          check: `kube-score ${check.id}`,
          file: basename(object.file_name),
          kind: object.type_meta.kind,
          name: object.object_meta.name,
        })),
    );
  },
};

type Listed = readonly [id: string, target: string, title: string, kind: string];

/** Lines of id, what it looks at, a sentence that may hold commas, and whether it has to be asked for. */
async function kubeScoreList(): Promise<readonly Listed[]> {
  const text = await must(await kubeScorePath(), ["list"]);
  return text
    .trim()
    .split("\n")
    .map((line): Listed => {
      const [id = "", target = "", ...rest] = line.split(",");
      return [id, target, rest.slice(0, -1).join(",").trim(), rest.at(-1) ?? ""];
    });
}

interface CheckovReport {
  readonly results: {
    readonly failed_checks: readonly {
      readonly check_id: string;
      readonly file_path: string;
      /** `Kind.namespace.name`; a pod that it makes of a workload has more behind the name. */
      readonly resource: string;
    }[];
  };
}

const checkov: Peer = {
  name: "checkov",
  version: async () => (await python(["--version"])).trim(),
  async checks() {
    const listed = await python(["--list", "--framework", "kubernetes"]);
    const titles = new Map<string, string>();
    for (const line of listed.split("\n")) {
      const [, , id = "", , , title = ""] = line.split("|").map((cell) => cell.trim());
      if (/^CKV2?_K8S_\d+$/.test(id)) titles.set(id, title);
    }
    return [...titles].map(([check, title]) => ({ check, title }));
  },
  async judge(files) {
    const out = await python([
      ...["--framework", "kubernetes", "--output", "json", "--quiet", "--compact"],
      ...["--skip-download", "--soft-fail", ...files.flatMap((file) => ["--file", file])],
    ]);
    const { results } = JSON.parse(out) as CheckovReport;
    return results.failed_checks.map(({ check_id, file_path, resource }) => {
      const [kind = "", , ...name] = resource.split(".");
      return { check: check_id, file: basename(file_path), kind, name: name.join(".") };
    });
  },
};

async function python(args: readonly string[]): Promise<string> {
  const folder = await checkovFolder();
  const { code, stdout, stderr } = await run("python3", ["-m", "checkov.main", ...args], {
    env: { PYTHONPATH: folder, LOG_LEVEL: "CRITICAL" },
    cwd: folder,
    timeoutMs: LONG_MS,
  });
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

export const peers: readonly Peer[] = [checkov, kubeScore];
