/** Describes, lowers and writes: what `atalaya render` does. usage: render.ts COUNT FOLDER */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { kubernetes } from "../../platforms/kubernetes/kubernetes";
import { renderSystem } from "../../platforms/kubernetes/render";
import { describeServices, SITE } from "./services";

const [count = "10", folder = "."] = process.argv.slice(2);
const model = describeServices(Number(count));
for (const file of renderSystem(model, kubernetes.lower(model, SITE).objects)) {
  const path = join(folder, file.path);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, file.text);
}
