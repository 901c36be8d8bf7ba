import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { catalog, imageTag } from "../../images/catalog";
import { cacheFolder } from "../../operations/project";
import { filesUnder } from "../../operations/setup/toolchain-build";
import { must, run } from "./commands";
import { ROOT } from "./workspace";

const SOURCES = join(ROOT, "test", "cluster");

/** A Kubernetes cluster for tests. */
export interface Cluster {
  readonly kubeconfig: string;
  readonly kubectl: string;
  /** Folders with its programs, where they are not on the PATH. */
  readonly bin: readonly string[];
  /** Address at which load balancers answer. */
  readonly address: string;
  /** Address at which its pods reach this machine. */
  readonly outside: string;
  /** Brings images of this machine's Docker engine to the nodes. */
  load(...images: string[]): Promise<void>;
  /** Installs the VerticalPodAutoscaler and runs it. @returns ends it and removes it */
  startVerticalAutoscaler(): Promise<() => Promise<void>>;
  stop(): Promise<void>;
}

/** The cluster of `ATALAYA_TEST_KUBECONFIG`, or one of our own on this machine, which wants root and Linux. */
export const startCluster = (): Promise<Cluster> => {
  const given = process.env["ATALAYA_TEST_KUBECONFIG"];
  return given ? Promise.resolve(clusterOfYours(given)) : clusterOfOurs();
};

function clusterOfYours(kubeconfig: string): Cluster {
  return {
    kubeconfig,
    kubectl: "kubectl",
    bin: [],
    address: process.env["ATALAYA_TEST_ADDRESS"] ?? "127.0.0.1",
    outside: process.env["ATALAYA_TEST_OUTSIDE"] ?? "127.0.0.1",
    load: async (...images) => {
      // For example `kind load docker-image`.
      const command = process.env["ATALAYA_TEST_LOAD"];
      if (!command) throw new Error("ATALAYA_TEST_LOAD has to name what loads images into nodes");
      await must("sh", ["-c", `${command} "$@"`, "sh", ...images]);
    },
    startVerticalAutoscaler: () =>
      Promise.reject(new Error("the cases of the VerticalPodAutoscaler want a cluster of ours")),
    stop: () => Promise.resolve(),
  };
}

/**
 * Built once. The test files of one run share one, which the first of them starts and the run's end stops
 * (`test/cluster/begin.ts`); anybody else has one for himself.
 */
async function clusterOfOurs(): Promise<Cluster> {
  await checkMachine();
  const programs = await built();
  const shared = process.env[SHARED_STATE];
  const state = shared ?? mkdtempSync(join(tmpdir(), "atalaya-cluster-"));
  const started = join(state, "started");
  if (!existsSync(started)) {
    try {
      const images = await savedImages();
      await must("bash", [join(SOURCES, "up.sh"), programs, state, ...images]);
      writeFileSync(started, "");
    } catch (error) {
      const log = join(state, "log", "node.log");
      const said = existsSync(log) ? readFileSync(log, "utf8").slice(-2_000) : "";
      await stopCluster(state);
      throw new Error(`the test cluster did not start: ${String(error)}\n${said}`, {
        cause: error,
      });
    }
  }
  return {
    kubeconfig: join(state, "pki", "admin.kubeconfig"),
    kubectl: join(programs, "bin", "kubectl"),
    bin: [join(programs, "bin")],
    address: "10.99.0.2",
    outside: "10.99.0.1",
    load: async (...images) => {
      const copy = 'node=$1; shift; docker save "$@" | ctr -a "$node" -n k8s.io images import -';
      const node = join(state, "run", "containerd.sock");
      await must("bash", ["-o", "pipefail", "-c", copy, "bash", node, ...images]);
    },
    startVerticalAutoscaler: async () => {
      const vertical = async (what: "start" | "stop"): Promise<void> => {
        await must("bash", [join(SOURCES, "vertical.sh"), what, programs, state]);
      };
      await vertical("start");
      return () => vertical("stop");
    },
    stop: () => (shared === undefined ? stopCluster(state) : Promise.resolve()),
  };
}

/** Names the folder of the cluster that the files of one run share. */
export const SHARED_STATE = "ATALAYA_TEST_CLUSTER_STATE";

/** Ends the cluster that has its state in a folder, if there is one, and removes the folder. */
export async function stopCluster(state: string): Promise<void> {
  await run("bash", [join(SOURCES, "down.sh"), state]);
}

/** @throws Error that says what this machine lacks for a cluster of our own */
async function checkMachine(): Promise<void> {
  const other = "or name a cluster of yours by ATALAYA_TEST_KUBECONFIG";
  if (process.platform !== "linux" || process.getuid?.() !== 0) {
    throw new Error(`the test cluster wants root on Linux; run it so, ${other}`);
  }
  const packages: Record<string, string> = {
    containerd: "containerd",
    runc: "runc",
    conntrack: "conntrack",
    iptables: "iptables",
    jq: "jq",
    openssl: "openssl",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
  };
  const missing: string[] = [];
  for (const [program, name] of Object.entries(packages)) {
    const found = await run("sh", [
      "-c",
      'PATH="$PATH:/usr/sbin:/sbin" command -v "$1"',
      "sh",
      program,
    ]);
    if (found.code !== 0) missing.push(name);
  }
  if (missing.length > 0) {
    throw new Error(`the test cluster lacks: apt-get install ${missing.join(" ")}; ${other}`);
  }
}

/** Where Kubernetes' programs are kept, by the hash of what decides about them. */
function programsFolder(): string {
  const hash = createHash("sha256");
  for (const file of [
    "build.sh",
    ...filesUnder(join(SOURCES, "modules")).map((f) => `modules/${f}`),
  ]) {
    hash.update(`${file}\0`).update(readFileSync(join(SOURCES, file)));
  }
  return join(cacheFolder(), "cluster", hash.digest("hex").slice(0, 16));
}

/** What the first start of a cluster of our own takes beside the start itself. */
export const minutesToBuild = (): number =>
  process.env["ATALAYA_TEST_KUBECONFIG"] || existsSync(join(programsFolder(), "complete")) ? 0 : 24;

/** Kubernetes' programs, built from the pinned modules. */
async function built(): Promise<string> {
  const folder = programsFolder();
  if (existsSync(join(folder, "complete"))) return folder;
  process.stderr.write("  building Kubernetes' programs: about 20 min, once\n");
  mkdirSync(folder, { recursive: true });
  await must("bash", [join(SOURCES, "build.sh"), folder], { timeoutMs: 40 * 60_000 });
  return folder;
}

/** Our images as archives, by their tags: a new node starts without any. */
async function savedImages(): Promise<string[]> {
  const folder = join(cacheFolder(), "cluster", "images");
  mkdirSync(folder, { recursive: true });
  const wanted = new Map(
    catalog
      .filter(({ name }) => name !== "front")
      .map(({ name }) => {
        const tag = imageTag(name);
        return [join(folder, `${tag.replaceAll(/[/:]/g, "_")}.tar`), tag] as const;
      }),
  );
  for (const file of readdirSync(folder).map((name) => join(folder, name))) {
    if (!wanted.has(file)) rmSync(file);
  }
  for (const [file, tag] of wanted) {
    if (existsSync(file)) continue;
    await must("docker", ["save", "--output", `${file}.part`, tag]);
    renameSync(`${file}.part`, file);
  }
  return [...wanted.keys()];
}
