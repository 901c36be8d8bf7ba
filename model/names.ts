import { isIP } from "node:net";
import type { Problem } from "./problems";

/** RFC 1123 label: what both engines, DNS and Pulumi accept as a name. */
const LABEL = /^[a-z](?:[a-z0-9-]*[a-z0-9])?$/;

/** Longest name of a component, so that derived names still fit into 63 characters. */
export const MAX_NAME = 30;

/** Names are identity: lower-case letters, digits and hyphens, a letter first. */
export function checkName(path: string, name: string): Problem[] {
  if (LABEL.test(name) && name.length <= MAX_NAME) return [];
  return [
    {
      path,
      message: `${JSON.stringify(name)} is no name: expected at most ${MAX_NAME} lower-case letters, digits and hyphens, a letter first`,
      fix: "choose such a name; it is part of every resource's identity",
    },
  ];
}

const HOST =
  /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** Whether a text is a DNS host name (ASCII, lower case; internationalised names in punycode). */
export const isHostName = (text: string): boolean => HOST.test(text);

/** Whether a number can be a TCP port. */
export const isPort = (port: number): boolean =>
  Number.isInteger(port) && port >= 1 && port <= 65_535;

/** Host and port of an address; what is no address is taken for a host, which then is refused as one. */
export function hostOf(address: string): { readonly host: string; readonly port: number } {
  if (!URL.canParse(address)) return { host: address, port: 443 };
  const { hostname, port, protocol } = new URL(address);
  return { host: hostname, port: port === "" ? (protocol === "http:" ? 80 : 443) : Number(port) };
}

/** Whether a text is a range of addresses (CIDR, IPv4 or IPv6), as every program reads it: no zone, no leading zero. */
export function isRange(text: string): boolean {
  const [, address = "", bits] = /^([\da-f:.]+)\/(0|[1-9]\d{0,2})$/i.exec(text) ?? [];
  const version = isIP(address);
  return version !== 0 && Number(bits) <= (version === 4 ? 32 : 128);
}

/**
 * Whether a range is more than anybody has: wider than the widest that are private, 10.0.0.0/8 (RFC 1918) and fc00::/7
 * (RFC 4193). Two halves of all addresses would be everybody, too.
 */
export function isTooWide(range: string): boolean {
  const [address = "", bits] = range.split("/");
  return Number(bits) < (isIP(address) === 4 ? 8 : 7);
}
