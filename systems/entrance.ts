import type { TlsArgs } from "../components/gateway/gateway";
import type { Problem } from "../model/problems";
import type { Profile } from "./definition";

/** What every system has that the world may reach. */
interface Entrance {
  readonly domain: string;
  readonly acmeEmail?: string | undefined;
  readonly testHooks: boolean;
}

/** Outside dev: a name that people find, a certificate that they trust, nothing that breaks on purpose. */
export function publicEntrance(system: string, config: Entrance, profile: Profile): Problem[] {
  if (profile === "dev") return [];
  const fix = (path: string, value: string): string =>
    `pulumi config set --path '${system}.${path}' ${value}`;
  const problems: Problem[] = [];
  if (config.acmeEmail === undefined) {
    problems.push({
      path: "acmeEmail",
      message: `is missing: ${profile} gets its certificates from a public authority`,
      fix: fix("acmeEmail", "ops@example.org"),
    });
  }
  if (config.domain.endsWith(".localhost")) {
    problems.push({
      path: "domain",
      message: `is ${config.domain}, which only this machine finds`,
      fix: fix("domain", "shop.example.org"),
    });
  }
  if (config.testHooks) {
    problems.push({
      path: "testHooks",
      message: "breaks the service on purpose: never outside dev",
      fix: fix("testHooks", "false"),
    });
  }
  return problems;
}

/** A public authority where there is an address for its mail; else the gateway is its own. */
export const certificates = ({ acmeEmail }: Pick<Entrance, "acmeEmail">): TlsArgs =>
  acmeEmail === undefined ? { issuer: "internal" } : { issuer: "acme", email: acmeEmail };
