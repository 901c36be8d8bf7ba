import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { isIP } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { must } from "./commands";

/**
 * A certificate that vouches for itself for so many days, and its key, both PEM: made for this run.
 * @param host a name, or an address: some clients take that for a name like any other
 */
export async function selfSigned(
  host: string,
  days = 2,
): Promise<{ certificate: string; key: string }> {
  const folder = mkdtempSync(join(tmpdir(), "atalaya-certificate-"));
  const names = [...(isIP(host) === 0 ? [] : [`IP:${host}`]), `DNS:${host}`];
  try {
    await must("openssl", [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
      ...["-keyout", join(folder, "key"), "-out", join(folder, "crt"), "-days", String(days)],
      ...["-subj", `/CN=${host}`, "-addext", `subjectAltName=${names.join()}`],
    ]);
    return {
      certificate: readFileSync(join(folder, "crt"), "utf8"),
      key: readFileSync(join(folder, "key"), "utf8"),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A certificate and a key that is not its own, both PEM: made for this run. */
export async function mismatched(host: string): Promise<{ certificate: string; key: string }> {
  const { certificate } = await selfSigned(host);
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  return { certificate, key: privateKey.export({ type: "pkcs8", format: "pem" }).toString() };
}
