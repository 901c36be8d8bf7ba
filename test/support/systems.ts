import type { BackupsArgs } from "../../model/backup";
import type { Surroundings, SystemModel } from "../../model/system";
import { type kubernetes } from "../../platforms/kubernetes/kubernetes";
import type { PrometheusOperator } from "../../platforms/kubernetes/monitors";
import { swarm } from "../../platforms/swarm/swarm";
import { reserve } from "../../stack/reservations";
import type { Profile, SystemDefinition, Watched } from "../../systems/definition";
import { logs } from "../../systems/logs";
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
  "log-agent": "atalaya/log-agent:test",
  "reference-service": "atalaya/reference-service:test",
};

/** Backups on a volume and in a bucket, as a stack of production has them. */
export const BACKUPS: BackupsArgs = {
  stack: "prod",
  repositories: [
    { kind: "local", name: "local", storage: "20 GiB" },
    {
      kind: "s3",
      name: "offsite",
      endpoint: "s3.eu-west-1.amazonaws.com",
      bucket: "copies",
      region: "eu-west-1",
      accessKey: { kind: "configured", key: "backups.s3.offsite.accessKey" },
      secretKey: { kind: "configured", key: "backups.s3.offsite.secretKey" },
    },
  ],
  every: 4,
  from: 3,
  keep: "35 d",
  drill: "monthly",
};

/** The Prometheus Operator of a cluster, as kube-prometheus-stack installs it. */
export const OPERATOR: PrometheusOperator = {
  labels: { release: "kube-prometheus-stack" },
  namespace: "monitoring",
  pods: { "app.kubernetes.io/name": "prometheus" },
};

/** Secrets of who watches that nothing in its configuration goes with. */
const unused = (config: {
  readonly mail?: { readonly user?: string };
  readonly slackChannel?: string;
  readonly heartbeat?: string;
}): string[] => [
  ...(config.mail?.user === undefined ? ["mailPassword"] : []),
  ...(config.slackChannel === undefined ? ["slackUrl"] : []),
  ...(config.heartbeat === undefined ? ["heartbeatUrl"] : []),
];

/**
 * A system as a profile's stack describes it, with every secret given that it names.
 * @param more.unset secrets that are not given; by default those that few stacks have, or that the configuration has no use for
 */
export function describeSystem<Config>(
  definition: SystemDefinition<Config>,
  profile: Profile,
  config: object = {},
  { surroundings }: { surroundings: Surroundings } = swarm,
  more: {
    observed?: boolean;
    handedOver?: boolean;
    logged?: boolean;
    watched?: Watched;
    backups?: BackupsArgs;
    unset?: readonly string[];
  } = {},
): SystemModel {
  const { unset = ["sentryDsn", ...unused(config)], ...rest } = more;
  const system = definition.build(definition.schema.parse(config), {
    profile,
    images: IMAGES,
    surroundings,
    ...rest,
    secret: (name) =>
      unset.includes(name)
        ? undefined
        : { kind: "configured", key: `${definition.name}.secrets.${name}` },
  });
  return reserve(system.describe(), profile);
}

/**
 * Systems with their configurations, and those that watch them after them, as a stack of that name has them.
 * @param logged configuration of who keeps logs; nobody does without
 * @param handedOver the cluster's operator collects
 */
export function describeObserved(
  platform: typeof swarm | typeof kubernetes,
  profile: Profile,
  // Each configuration is parsed by its own system's schema.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  systems: readonly (readonly [system: SystemDefinition<any>, config: object])[],
  config: object = {},
  logged?: object,
  handedOver = false,
): SystemModel[] {
  const watchers = [
    ...(logged === undefined ? [] : [[logs, logged] as const]),
    [nodes, {}],
    [observability, config],
  ] as const;
  const models: SystemModel[] = [];
  for (const [system, own] of [...systems, ...watchers]) {
    const watched: Watched = {
      mode: "full",
      systems: [...models],
      address: (of, workload) => platform.instances(profile, of, workload),
      containers: (of, workload) => platform.containers(profile, of, workload),
      logFiles: platform.logFiles(profile),
    };
    const more = {
      observed: true,
      handedOver,
      logged: logged !== undefined,
      ...(system.watches ? { watched } : {}),
    };
    models.push(describeSystem(system, profile, own, platform, more));
  }
  return models;
}
