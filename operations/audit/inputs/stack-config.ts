import { fromConfig } from "../../../policies/engine/subject";
import type { Gathered } from "../gathered";
import { isRecord } from "../values";
import type { Node } from "../yaml";

/** Keys that a stack's file may have beside its configuration. */
const OTHERS = new Set(["secretsprovider", "encryptedkey", "encryptionsalt", "environment"]);

type StackFile = Readonly<Record<string, unknown>> & {
  readonly config: Readonly<Record<string, unknown>>;
};

/** Whether a document can only be a stack's file: a configuration whose keys have a program's name before them. */
export const isConfig = (value: unknown): value is StackFile =>
  isRecord(value) &&
  isRecord(value["config"]) &&
  Object.keys(value).every((key) => key === "config" || OTHERS.has(key)) &&
  Object.keys(value["config"]).every((key) => key.includes(":"));

/** Judges what `Pulumi.<stack>.yaml` configures. */
export function gatherConfig(
  value: StackFile,
  into: Gathered,
  { file, node }: { readonly file: string; readonly node?: Node },
): void {
  const stack = /Pulumi\.([^/\\]+)\.ya?ml$/.exec(file)?.[1] ?? file;
  const at = node?.get("config");
  into.add({ file, ...(at === undefined ? {} : { node: at }) }, (source) =>
    fromConfig(stack, value.config, source),
  );
}
