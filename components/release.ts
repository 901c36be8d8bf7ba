import type { Release } from "../model/system";
import { type Duration, seconds } from "../model/units";

/**
 * Instances are replaced one after another, each watched before the next; where the new version
 * does not become well, the engine brings the old one back and `up` fails.
 * @param options.monitor how long a new instance is watched @default "12 s", longer than a service that dies takes to be found out
 * @param options.timeout until an update that has not converged has failed @default "5 min"
 */
export function rolling(
  options: { version?: string; monitor?: Duration; timeout?: Duration } = {},
): Release {
  return {
    strategy: "rolling",
    version: options.version ?? "",
    monitor: seconds(options.monitor ?? "12 s"),
    timeout: seconds(options.timeout ?? "5 min"),
  };
}
