import type { Surroundings, SystemModel } from "../../model/system";
import { swarm } from "../../platforms/swarm/swarm";
import type { Profile, SystemDefinition } from "../../systems/definition";

/** Images by plain names, so that goldens do not change with a Dockerfile. */
export const IMAGES = {
  postgres: "atalaya/postgres:test",
  pgbouncer: "atalaya/pgbouncer:test",
  mongo: "atalaya/mongo:test",
  redis: "atalaya/redis:test",
  caddy: "atalaya/caddy:test",
  nginx: "atalaya/nginx:test",
  front: "atalaya/front:test",
  "reference-service": "atalaya/reference-service:test",
};

/** A system as a profile's stack describes it, with every secret given. */
export function describeSystem<Config>(
  definition: SystemDefinition<Config>,
  profile: Profile,
  config: object = {},
  { surroundings }: { surroundings: Surroundings } = swarm,
): SystemModel {
  return definition
    .build(definition.schema.parse(config), {
      profile,
      images: IMAGES,
      surroundings,
      secret: (name) => ({ kind: "configured", key: `${definition.name}.secrets.${name}` }),
    })
    .describe();
}
