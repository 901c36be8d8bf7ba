import type { Certificate } from "../../model/system";

/** The cert-manager of a cluster, by the issuer that it is asked through. */
export interface CertManager {
  readonly issuer: string;
  /** An `Issuer` has to be in the namespace of each system that has a gateway. */
  readonly kind: "ClusterIssuer" | "Issuer";
}

/** cert-manager's group of kinds. */
export const CERT_MANAGER = "cert-manager.io";

/** Spec of cert-manager's Certificate; its Secret has the certificate's own name. */
export const certificateSpec = (
  { name, hosts }: Certificate,
  { issuer, kind }: CertManager,
): object => ({
  secretName: name,
  dnsNames: [...hosts],
  issuerRef: { group: CERT_MANAGER, kind, name: issuer },
  // Said, since cert-manager kept a key for ever by default until 1.18.
  privateKey: { algorithm: "ECDSA", size: 256, rotationPolicy: "Always" },
  usages: ["digital signature", "server auth"],
});
