import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { cacheFolder } from "../../operations/project";
import { onPath } from "../../operations/process";
import { must } from "../support/commands";

/** Programs that judge, and the packages of Debian and Ubuntu that have them. */
const PACKAGES = {
  promtool: "prometheus",
  prometheus: "prometheus",
  "prometheus-blackbox-exporter": "prometheus-blackbox-exporter",
  amtool: "prometheus-alertmanager",
  "prometheus-alertmanager": "prometheus-alertmanager",
} as const;

/**
 * How Alertmanager is started: it reads its templates below /usr/share, so that one which is not installed sees
 * its package's files there.
 * @throws Error that says what this machine lacks
 */
export async function alertmanagerCommand(): Promise<[command: string, ...args: string[]]> {
  const path = await program("prometheus-alertmanager");
  if (path === (await onPath("prometheus-alertmanager"))) return [path];
  const share = join(dirname(path), "..", "share");
  const script = 'mount --bind "$1" /usr/share && shift && exec "$@"';
  return ["unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh", share, path];
}

/**
 * Path of a program: the one that is installed, else the package's, unpacked into a folder of ours: installing
 * it would start a server.
 * @throws Error that says what this machine lacks
 */
export async function program(name: keyof typeof PACKAGES): Promise<string> {
  const installed = await onPath(name);
  if (installed !== undefined) return installed;
  const of = PACKAGES[name];
  const parent = join(cacheFolder(), "manifests");
  const folder = join(parent, `debian-${of}`);
  if (!existsSync(folder)) {
    if ((await onPath("apt-get")) === undefined) {
      throw new Error(`${name} is not installed: https://prometheus.io/download`);
    }
    mkdirSync(parent, { recursive: true });
    const made = mkdtempSync(join(parent, "unpack-"));
    // Readable for apt's own user, which downloads.
    await must("chmod", ["0777", made]);
    await must("apt-get", ["download", of], { cwd: made, timeoutMs: 120_000 });
    await must("sh", ["-c", "dpkg-deb -x ./*.deb . && rm ./*.deb"], { cwd: made });
    try {
      renameSync(made, folder);
    } catch (error) {
      // Another test file was quicker.
      if (!existsSync(folder)) throw error;
      rmSync(made, { recursive: true });
    }
  }
  return join(folder, "usr", "bin", name);
}
