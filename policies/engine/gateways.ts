import type { Config } from "./config";
import { resourceMatches } from "./evaluate";
import { podFact } from "./facts";
import { imageName } from "./stack";
import type { Subject } from "./subject";
import type { Pod } from "./view";

/** Names of the images of what stands between the world and a system. */
const GATEWAYS =
  /^(?:caddy|nginx|traefik|haproxy|envoy|gateway|ingress-nginx-controller|kong|front|kube-proxy)$/;

/** Whether a pod is made to be reached from outside: it says so, or its image does. */
export const isGateway = (pod: Pod): boolean =>
  podFact(pod, "role").value === "gateway" ||
  pod.containers.some((c) => c.role === "main" && GATEWAYS.test(imageName(c.image.value ?? "")));

/** Whether somebody configured that the world may reach an object. */
export const mayBeExposed = (config: Config, { kind, namespace, name }: Subject): boolean =>
  config.exposed.some((pattern) =>
    resourceMatches(pattern, { kind, ...(namespace === undefined ? {} : { namespace }), name }),
  );

/** An address that only the machine itself reaches. */
export const isLoopback = (address: string | undefined): boolean =>
  address !== undefined && (/^127\./.test(address) || address === "::1" || address === "localhost");
