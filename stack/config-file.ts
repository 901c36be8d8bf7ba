import { existsSync, readFileSync } from "node:fs";
import { parse } from "yaml";
import { isSealed, type RawConfig } from "./config";

/**
 * A stack's configuration as its file has it, without Pulumi: an encrypted value stays what it is,
 * `{ secure: … }`, which says that there is one.
 * @param file `Pulumi.<stack>.yaml`; one that is not there says nothing, so all defaults hold
 * @throws Error when it is no YAML
 */
export function readConfigFile(file: string, project: string): RawConfig {
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  const document = (parse(text) ?? {}) as { config?: unknown };
  const config = (document.config ?? {}) as Record<string, unknown>;
  const prefix = `${project}:`;
  const own = Object.entries(config).filter(([key]) => key.startsWith(prefix));
  const values = new Map(own.map(([key, value]) => [key.slice(prefix.length), value]));
  return {
    withoutSecrets: true,
    values: Object.fromEntries(
      [...values].map(([key, value]) => [
        key,
        typeof value === "string" ? value : JSON.stringify(value),
      ]),
    ),
    isSecret: (key, path = []) => {
      const value = path.reduce<unknown>(
        (of, step) => (of as Record<string, unknown> | undefined)?.[step],
        values.get(key),
      );
      return isSealed(value);
    },
  };
}
