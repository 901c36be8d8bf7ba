import { Service } from "../../components/service";
import { in_ } from "../../components/system";
import type { SystemModel } from "../../model/system";
import { kubernetes } from "../../platforms/kubernetes/kubernetes";
import type { Manifest } from "../../platforms/kubernetes/objects";
import { swarm } from "../../platforms/swarm/swarm";
import { describeStack } from "../../stack/describe";
import { reserve } from "../../stack/reservations";
import { systems } from "../../systems";
import { floresVictoria } from "../../systems/flores-victoria";
import { emptyShop, serviceArgs } from "../support/shop";
import { describeSystem } from "../support/systems";

/** Three quarters of a laptop of two cores and 8 GiB: the rest is for updates, the engine and who sits before it. */
const ROOM = { cores: 1.5, mebibytes: 6 * 2 ** 10 };

/** All three systems, as `up` describes them without any other setting. */
const laptop = (platform: "swarm" | "kubernetes", more: object): readonly SystemModel[] => {
  const values = {
    platform,
    systems: JSON.stringify(["flores-victoria", "grupo-gad", "pronto"]),
    // Three entrances on one address.
    "flores-victoria": JSON.stringify({ ports: { http: 8081, https: 8441 } }),
    pronto: JSON.stringify({ ports: { http: 8082, https: 8442 } }),
    ...more,
  };
  return describeStack("dev", { values, isSecret: () => false }, systems).systems;
};

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);

/** What stands on a single node of Swarm, its jobs with it. */
function reservedOnSwarm(models: readonly SystemModel[]): typeof ROOM {
  const reserved = models
    .flatMap((model) => swarm.lower(model, { stack: "dev", images: { front: "front" } }).objects)
    .flatMap((object) =>
      object.type !== "service"
        ? []
        : Array.from(
            { length: object.replicas === "one a node" ? 1 : object.replicas },
            () => object.resources.reservation,
          ),
    );
  return {
    cores: sum(reserved.map(({ nanoCpus }) => nanoCpus)) / 1e9,
    mebibytes: sum(reserved.map(({ memoryBytes }) => memoryBytes)) / 2 ** 20,
  };
}

/** Cores of all pods on a single node of Kubernetes, without those that end. */
function requestedOnKubernetes(models: readonly SystemModel[]): number {
  const site = {
    stack: "dev",
    entrance: { type: "node-port" as const },
    verticalAutoscaler: false,
  };
  const pods = models
    .flatMap((model) => kubernetes.lower(model, site).objects.map(({ manifest }) => manifest))
    .filter(({ kind }) => ["Deployment", "StatefulSet", "DaemonSet"].includes(kind));
  return sum(pods.map(cores));
}

function cores({ spec }: Manifest): number {
  const { replicas = 1, template } = spec as {
    readonly replicas?: number;
    readonly template: {
      readonly spec: {
        readonly containers: readonly { resources: { requests: { cpu: string } } }[];
      };
    };
  };
  const [, amount, milli] = /^(\d+)(m?)$/.exec(
    template.spec.containers[0]!.resources.requests.cpu,
  )!;
  return (replicas * Number(amount)) / (milli === "m" ? 1_000 : 1);
}

describe("a laptop has room for all three systems", () => {
  const backups = JSON.stringify({ local: {} });
  test.each([
    ["monitoring: lean", { monitoring: "lean" }],
    ["monitoring: full", { monitoring: "full" }],
    ["all of it", { monitoring: "full", logs: "on", backups }],
  ])("with %s", (_, more) => {
    const { cores: taken, mebibytes } = reservedOnSwarm(laptop("swarm", more));
    expect(taken).toBeLessThanOrEqual(ROOM.cores);
    expect(mebibytes).toBeLessThanOrEqual(ROOM.mebibytes);
    expect(requestedOnKubernetes(laptop("kubernetes", more))).toBeLessThanOrEqual(ROOM.cores);
  });

  test.each(["lean", "full"])(
    "with monitoring: %s, and all of it a second time while it is replaced",
    (monitoring) => {
      const { cores: taken } = reservedOnSwarm(laptop("swarm", { monitoring }));
      expect(2 * taken).toBeLessThanOrEqual(2);
    },
  );
});

describe("what dev reserves", () => {
  const cpuOf = (model: SystemModel): Record<string, { reserve: number; limit: number }> =>
    Object.fromEntries(model.workloads.map(({ name, resources }) => [name, resources.cpu]));
  const shop = (scale: { min: number; max: number }, reserved: number): SystemModel => {
    const system = emptyShop();
    const { memory } = serviceArgs().resources;
    const resources = { cpu: { reserve: reserved, limit: 1 }, memory };
    new Service("api", serviceArgs({ scale, resources }), in_(system));
    return system.describe();
  };

  test("is a fifth of the CPU that was asked for, with all limits and all memory as they were", () => {
    const asked = shop({ min: 2, max: 2 }, 0.1);
    const [api] = asked.workloads;
    const reserved = reserve(asked, "dev");
    expect(reserved).toEqual({
      ...asked,
      workloads: [{ ...api, resources: { ...api!.resources, cpu: { reserve: 0.02, limit: 1 } } }],
    });
  });

  test("is whole for what scales by it", () => {
    const config = { services: { "cart-service": { max: 3 } } };
    const { "cart-service": scaling, "user-service": fixed } = cpuOf(
      describeSystem(floresVictoria, "dev", config),
    );
    expect(scaling).toEqual({ reserve: 0.05, limit: 1 });
    expect(fixed).toEqual({ reserve: 0.01, limit: 1 });
  });

  test("is never less than an engine takes", () => {
    expect(cpuOf(reserve(shop({ min: 1, max: 1 }, 0.002), "dev"))["api"]!.reserve).toBe(0.001);
  });

  test.each(["staging", "prod"] as const)("is no matter of %s", (profile) => {
    const asked = shop({ min: 1, max: 1 }, 0.1);
    expect(reserve(asked, profile)).toEqual(asked);
  });
});
