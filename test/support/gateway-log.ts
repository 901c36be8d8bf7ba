import { until } from "./poll";

/**
 * Whose request a gateway, of either kind, says in its log that it was.
 * @param path nobody else's
 * @param log what the gateway has printed until now
 */
export async function clientOf(path: string, log: () => Promise<string>): Promise<string> {
  const { value } = await until(`${path} was logged`, { within: 10_000 }, async () => {
    const lines = (await log()).split("\n").filter((line) => line.includes(`${path}"`));
    return lines.map((line) => /"client(?:_ip)?":"([^"]+)"/.exec(line)?.[1]).find(Boolean);
  });
  return value;
}
