import type { Surroundings, SystemModel } from "../../model/system";
import { type kubernetes } from "../../platforms/kubernetes/kubernetes";
import { swarm } from "../../platforms/swarm/swarm";
import type { Profile, SystemDefinition, Watched } from "../../systems/definition";
import { nodes } from "../../systems/nodes";
import { observability } from "../../systems/observability";

/** Images by plain names, so that goldens do not change with a Dockerfile. */
export const IMAGES = {
  postgres: "atalaya/postgres:test",
  pgbouncer: "atalaya/pgbouncer:test",
  mongo: "atalaya/mongo:test",
  redis: "atalaya/redis:test",
  caddy: "atalaya/caddy:test",
  nginx: "atalaya/nginx:test",
  front: "atalaya/front:test",
  monitoring: "atalaya/monitoring:test",
  "reference-service": "atalaya/reference-service:test",
};

/** A system as a profile's stack describes it, with every secret given. */
export function describeSystem<Config>(
  definition: SystemDefinition<Config>,
  profile: Profile,
  config: object = {},
  { surroundings }: { surroundings: Surroundings } = swarm,
  more: { observed?: boolean; watched?: Watched } = {},
): SystemModel {
  return definition
    .build(definition.schema.parse(config), {
      profile,
      images: IMAGES,
      surroundings,
      ...more,
      secret: (name) => ({ kind: "configured", key: `${definition.name}.secrets.${name}` }),
    })
    .describe();
}

/** Systems with their configurations, and those that watch them after them, as a stack of that name has them. */
export function describeObserved(
  platform: typeof swarm | typeof kubernetes,
  profile: Profile,
  // Each configuration is parsed by its own system's schema.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  systems: readonly (readonly [system: SystemDefinition<any>, config: object])[],
  config: object = {},
): SystemModel[] {
  const watchers = [
    [nodes, {}],
    [observability, config],
  ] as const;
  const models: SystemModel[] = [];
  for (const [system, own] of [...systems, ...watchers]) {
    const watched: Watched = {
      mode: "full",
      systems: [...models],
      address: (of, workload) => platform.instances(profile, of, workload),
    };
    const more = { observed: true, ...(system.watches ? { watched } : {}) };
    models.push(describeSystem(system, profile, own, platform, more));
  }
  return models;
}
