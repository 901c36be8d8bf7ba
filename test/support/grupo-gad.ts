import type { Surroundings, SystemModel } from "../../model/system";
import { swarm } from "../../platforms/swarm/swarm";
import type { Profile } from "../../systems/definition";
import { grupoGad } from "../../systems/grupo-gad";

/** Images by plain names, so that goldens do not change with a Dockerfile. */
export const IMAGES = {
  postgres: "atalaya/postgres:test",
  redis: "atalaya/redis:test",
  caddy: "atalaya/caddy:test",
  front: "atalaya/front:test",
  "reference-service": "atalaya/reference-service:test",
};

/** GRUPO_GAD as a profile's stack describes it, with every secret given. */
export function describeGrupoGad(
  profile: Profile,
  config: object = {},
  { surroundings }: { surroundings: Surroundings } = swarm,
): SystemModel {
  return grupoGad
    .build(grupoGad.schema.parse(config), {
      profile,
      images: IMAGES,
      surroundings,
      secret: (name) => ({ kind: "configured", key: `grupo-gad.secrets.${name}` }),
    })
    .describe();
}
