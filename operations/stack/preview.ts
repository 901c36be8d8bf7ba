import { type Leftover, objectKind, type StateResource } from "./recovery-plan";

interface PreviewStep {
  readonly op: string;
  readonly urn: string;
  readonly newState?: Pick<StateResource, "type" | "inputs">;
}

/** The engine objects that an update would create, in the order in which they could be removed. */
export function leftoversOfPreview(json: string): readonly Leftover[] {
  let steps: readonly PreviewStep[];
  try {
    steps = (JSON.parse(json) as { readonly steps?: readonly PreviewStep[] }).steps ?? [];
  } catch {
    // The preview failed; its reason is the update's, which has been shown.
    return [];
  }
  const created = steps.flatMap(({ op, urn, newState }): Leftover[] => {
    const kind = newState && objectKind(newState.type);
    const name = newState?.inputs?.name;
    return op === "create" && kind !== undefined && typeof name === "string"
      ? [{ kind, name, urn }]
      : [];
  });
  const order = ["service", "secret", "config", "network", "volume"];
  return order.flatMap((kind) => created.filter((leftover) => leftover.kind === kind));
}
