import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { must } from "../../../operations/process";
import { go, goProgram, made, type Part } from "../../../operations/setup/parts";

const part = (name: string): Part => ({
  name,
  sources: join(__dirname, "tools", name),
  kept: "compared",
});

/** kube-score, from its module. */
export const kubeScorePath = (): Promise<string> =>
  goProgram(part("kube-score"), "github.com/zegl/kube-score/cmd/kube-score");

/** What writes the chart of `helm create`, rendered. */
export async function helmCreatePath(): Promise<string> {
  const helm = part("helm");
  const folder = await made(helm, (into) =>
    go(helm.sources, ["build", "-mod=readonly", "-o", join(into, helm.name), "."]),
  );
  return join(folder, helm.name);
}

/** The folder of checkov's packages; nothing of them runs before its hash was compared. */
export function checkovFolder(): Promise<string> {
  const checkov = part("checkov");
  const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"];
  return made(checkov, (into) =>
    must("python3", [
      ...[...pip, "--only-binary=:all:", "--require-hashes", "--target", into],
      ...["--requirement", join(checkov.sources, "requirements.txt")],
    ]),
  );
}

/** cdk8s-plus, which nothing else needs. */
export function installCdk8s(): void {
  if (existsSync(join(__dirname, "node_modules", "cdk8s-plus-33"))) return;
  const { status } = spawnSync("npm", ["ci", "--no-audit", "--no-fund", "--silent"], {
    cwd: __dirname,
    stdio: "inherit",
  });
  if (status !== 0) throw new Error("npm ci failed");
}
