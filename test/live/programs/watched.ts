import { z } from "zod";
import { CaddyGateway } from "../../../components/gateway/caddy/caddy";
import { perClient } from "../../../components/gateway/gateway";
import { Service } from "../../../components/service";
import { in_, System } from "../../../components/system";
import { deploy } from "../../../stack";
import { systems } from "../../../systems";
import type { SystemDefinition } from "../../../systems/definition";
import { port } from "../../../systems/fields";

const schema = z.strictObject({
  ports: z.strictObject({ http: port(), https: port() }),
});

/** A gateway whose certificate somebody else issues, beside the systems of the checkout. */
const counter: SystemDefinition<z.infer<typeof schema>> = {
  name: "counter",
  schema,
  secrets: {
    certificate: { about: "PEM", generate: "never" },
    key: { about: "PEM", generate: "never" },
  },
  build({ ports }, context) {
    const system = new System("counter", context);
    const till = new Service(
      "till",
      {
        image: context.images["reference-service"],
        port: 8000,
        health: { live: "/health/live", ready: "/health/ready" },
        resources: {
          cpu: { reserve: 0.01, limit: 0.5 },
          memory: { reserve: "64 MiB", limit: "128 MiB" },
        },
      },
      in_(system),
    );
    new CaddyGateway(
      "entry",
      {
        hosts: { "counter.localhost": till },
        tls: {
          issuer: "files",
          certificates: {
            "*": { certificate: context.secret("certificate")!, key: context.secret("key")! },
          },
        },
        rateLimit: perClient(50, "1 s"),
        ports,
      },
      in_(system),
    );
    return system;
  },
};

export = deploy([counter, ...systems]);
