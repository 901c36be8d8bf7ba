import type { Field } from "./field";

const ACTIONS = ["httpGet", "tcpSocket", "grpc", "exec"] as const;

/** What a probe asks, as text to compare; undefined without a probe. */
export function actionOf(probe: Field): string | undefined {
  const action = ACTIONS.find((kind) => probe.get(kind).present);
  return action === undefined ? undefined : JSON.stringify([action, probe.get(action).value]);
}

/** Seconds of failure that a probe puts up with: Kubernetes' defaults are 10 s and 3 times. */
export const patience = (probe: Field): number =>
  (probe.get("periodSeconds").number ?? 10) * (probe.get("failureThreshold").number ?? 3);
