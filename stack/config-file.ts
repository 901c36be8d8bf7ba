import { isSealed, type RawConfig } from "./config";

/**
 * A stack's configuration as its file has it, without Pulumi: an encrypted value stays what it is,
 * `{ secure: … }`, which says that there is one.
 * @param config what stands below `config` in `Pulumi.<stack>.yaml`, of this and of other projects
 */
export function configOf(config: Readonly<Record<string, unknown>>, project: string): RawConfig {
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
