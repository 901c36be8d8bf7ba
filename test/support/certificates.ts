import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { must } from "./commands";

/** A certificate and a key that is not its own, both PEM: made for this run. */
export async function mismatched(host: string): Promise<{ certificate: string; key: string }> {
  const folder = mkdtempSync(join(tmpdir(), "atalaya-certificate-"));
  try {
    await must("openssl", [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
      ...["-keyout", join(folder, "key"), "-out", join(folder, "crt"), "-days", "2"],
      ...["-subj", `/CN=${host}`, "-addext", `subjectAltName=DNS:${host}`],
    ]);
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
    return {
      certificate: readFileSync(join(folder, "crt"), "utf8"),
      key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
