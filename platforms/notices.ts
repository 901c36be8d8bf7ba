import type { Problem } from "../model/problems";
import type { SystemModel } from "../model/system";
import type { Capabilities } from "./platform";

/** What a system asks for and a platform cannot do: said at every preview, so that nobody relies on it. */
export function unsupported(
  model: SystemModel,
  platform: string,
  can: Capabilities,
): readonly Problem[] {
  const notices: Problem[] = [];
  for (const { name, scale } of model.workloads) {
    if (!can.autoscaling && scale.max > scale.min) {
      notices.push({
        path: `${model.name}.${name}.scale`,
        message: `${platform} does not scale by load: ${scale.min} instances run, never ${scale.max}`,
      });
    }
  }
  if (!can.egressByHost && model.externals.length > 0) {
    notices.push({
      path: model.name,
      message: `${platform} cannot limit egress to hosts: whoever has a link to one (${model.externals.map((e) => e.host).join(", ")}) reaches any`,
    });
  }
  if (!can.portIsolation) {
    const consumers = (provider: string): Set<string> =>
      new Set(model.links.filter((l) => l.provider === provider).map((l) => l.consumer));
    const shared = model.components
      .filter(
        ({ name }) => consumers(name).size > 1 && model.workloads.some((w) => w.component === name),
      )
      .map(({ name }) => name);
    if (shared.length > 0) {
      notices.push({
        path: model.name,
        message: `${platform} cannot close single ports: consumers of one provider (${shared.join(", ")}) share its network and reach each other there`,
      });
    }
  }
  if (!can.volumeSize && model.volumes.length > 0) {
    notices.push({
      path: model.name,
      message: `${platform} does not enforce the size of volumes (${model.volumes.map((v) => v.name).join(", ")}): watch the disk`,
    });
  }
  return notices;
}
