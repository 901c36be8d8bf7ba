import { ATTACKS, NOT_STOPPED } from "./attacks";
import { HONEST } from "./honest";
import type { WafRequest } from "./request";

/** What became of one request. */
export interface Seen {
  /** 0 where the connection was closed without an answer. */
  readonly status: number;
  /** Numbers of the rules that matched, as the log has them; less the one that adds the others up. */
  readonly rules: readonly number[];
}

/** `docs/waf.md`: what was sent, from the data, and what became of it, in the data's order. */
export function wafPage(seen: {
  readonly attacks: readonly Seen[];
  readonly notStopped: readonly Seen[];
  readonly honest: readonly Seen[];
}): string {
  const { attacks, notStopped, honest } = seen;
  return [
    HEAD,
    ...heading("class", "attack", "status", "rules that matched"),
    ...rows(ATTACKS, attacks, (attack, { status, rules }) => [
      ...[attack.class, attack.name, status],
      rules.join(", ") || "Nginx itself",
    ]),
    BETWEEN,
    ...heading("attack", "status", "rules that matched"),
    ...rows(NOT_STOPPED, notStopped, ({ name }, { status, rules }) => [
      ...[name, status],
      rules.join(", ") || "none",
    ]),
    AFTER,
    ...heading("request", "method", "status", "rules that matched, below the threshold"),
    ...rows(HONEST, honest, (request, { status, rules }) => [
      ...[request.name, request.method ?? "GET", status],
      rules.join(", ") || "none",
    ]),
    "",
  ].join("\n");
}

/** What the page has of each request, without what became of it. */
export const sentRows = (page: string): string[] =>
  page
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .map((line) => line.replace(/ \| [^|]* \| [^|]*\|$/, ""));

const heading = (...cells: readonly string[]): string[] => [
  `| ${cells.join(" | ")} |`,
  `|${" --- |".repeat(cells.length)}`,
];

function rows<R extends WafRequest>(
  requests: readonly R[],
  seen: readonly Seen[],
  cells: (request: R, seen: Seen) => readonly (string | number)[],
): string[] {
  return requests.map((request, i) => {
    const texts = cells(request, seen[i]!).map((cell) => String(cell).replaceAll("|", "\\|"));
    return `| ${texts.join(" | ")} |`;
  });
}

const HEAD = `# The firewall: what it refuses, and what it lets through

What \`NginxGateway\` did with requests of our own: paranoia 1, threshold 5, no exclusion; Nginx 1.26 with
ModSecurity 3 and the OWASP Core Rule Set 3.3.7 of Debian trixie. The requests are data
(\`test/live/waf\`); \`test/live/gateway.test.ts\` sends them, and writes this page with \`UPDATE_GOLDEN=1\`.
Rule 949110, which adds the others up, is left out.

How to begin: \`waf: { mode: "detect" }\` for a week; the log then has an entry of \`"logger":"firewall"\` for each
request that would have been refused, with its rules and where they matched, never with what was sent. Where a rule
is wrong about an honest request, exclude it below its path and for its parameter alone
(\`exclusions: [{ path: "/posts", rules: [941160], parameters: ["json.html"] }]\`), then \`mode: "block"\`.

## Refused

403 is the firewall's. 400 and 413 without a rule are Nginx's own: it does not take that for a request.
`;

const BETWEEN = `
## Not stopped at paranoia 1

Nobody may rely on the firewall for these: the services themselves have to refuse them.
`;

const AFTER = `
## Honest requests that pass

The status is the service's answer: 404 and 415 say that the reference service has no such item or takes no such
body, not that the gateway refused it.
`;
