import { Postgres } from "../../components/postgres/postgres";
import { in_, System } from "../../components/system";
import { NOTHING_RESTORED, type Restored } from "../../model/backup";
import type { SystemModel } from "../../model/system";
import { bringUp } from "../../operations/commands/up";
import { preview } from "../../operations/commands/preview";
import { ExitCode, UserError } from "../../operations/errors";
import { mayBeMade, protectedCopies, refuseForgotten } from "../../operations/stack/copies";
import type { StateResource } from "../../operations/stack/recovery-plan";
import { kubernetes } from "../../platforms/kubernetes/kubernetes";
import { swarm } from "../../platforms/swarm/swarm";
import { BACKUPS, IMAGES } from "../support/systems";

/** What the stack's file on this machine has. */
let described: SystemModel;
let resources: readonly StateResource[];

jest.mock("../../operations/setup/described", () => ({
  describedStack: () => ({ systems: [described] }),
}));
jest.mock("../../operations/setup/prepare", () => ({
  ...jest.requireActual<object>("../../operations/setup/prepare"),
  prepare: () => Promise.resolve({}),
}));
jest.mock("../../operations/setup/backend", () => ({
  prepareBackend: () => undefined,
  locksFolder: () => undefined,
}));
jest.mock("../../operations/stack/workspace", () => ({
  openStack: () => Promise.resolve({ name: "prod" }),
  deploymentOf: () => Promise.resolve({ resources }),
}));
const operate = jest.fn();
jest.mock("../../operations/stack/update", () => ({
  policyArgs: () => [],
  operate: () => operate() as unknown,
}));

const shop = (restored: Restored): SystemModel => {
  const system = new System("shop", {
    images: IMAGES,
    surroundings: swarm.surroundings,
    backups: { ...BACKUPS, restored: { shop: { db: restored } } },
  });
  new Postgres("db", { version: 15, storage: "1 GiB" }, in_(system));
  return system.describe();
};

const COPY = { number: 1, target: "latest", from: "offsite" } as const;
const served = (serves: number): Restored => ({ copies: [{ ...COPY, served: true }], serves });
const BESIDE: Restored = { copies: [{ ...COPY, served: false }], serves: 0, beside: 1 };

const TYPES: Readonly<Record<string, string>> = {
  volume: "docker:index/volume:Volume",
  service: "docker:index/service:Service",
  PersistentVolumeClaim: "kubernetes:core/v1:PersistentVolumeClaim",
  Job: "kubernetes:batch/v1:Job",
};

/** What a state has of a system, by the names that it is registered under. */
const stateOf = (
  objects: readonly { readonly key: string; readonly protect?: boolean }[],
  digest = "",
): StateResource[] =>
  objects.map(({ key, protect }) => {
    const [kind = "", name = ""] = key.split(":");
    const type = TYPES[kind] ?? `of:${kind}`;
    const urn = `urn:pulumi:prod::atalaya::${type}::shop-${kind.toLowerCase()}-${name}${digest}`;
    return { urn, type, ...(protect === undefined ? {} : { protect }) };
  });
const onSwarm = (model: SystemModel): StateResource[] =>
  stateOf(
    swarm.lower(model, { stack: "prod", images: { front: IMAGES.front } }).objects,
    "-0a1b2c3d4e",
  ).map((of) =>
    of.type === TYPES["volume"] ? { ...of, urn: of.urn.replace(/-0a1b2c3d4e$/, "") } : of,
  );
const onKubernetes = (model: SystemModel): StateResource[] =>
  stateOf(
    kubernetes.lower(model, {
      stack: "prod",
      entrance: { type: "load-balancer" },
      verticalAutoscaler: false,
    }).objects,
  );

const refusal = (): UserError | undefined => {
  try {
    refuseForgotten("prod", { resources });
    return undefined;
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
};

describe.each([
  ["Swarm", onSwarm],
  ["Kubernetes", onKubernetes],
])("a file that does not know of a restore, on %s", (_, stateFrom) => {
  beforeEach(() => operate.mockReset());

  test("is refused before anything is changed, with what to do", () => {
    resources = stateFrom(shop(served(1)));
    described = shop(NOTHING_RESTORED);
    const told = refusal()!;
    expect(told.exitCode).toBe(ExitCode.usage);
    expect(told.problem).toContain("shop/db was restored");
    expect(told.problem).toContain("Pulumi.prod.yaml on this machine does not say so");
    const [volume] = protectedCopies({ resources });
    expect(volume).toMatchObject({ system: "shop", component: "db", number: 1 });
    expect(told.fix).toContain(`npx atalaya pulumi -s prod state unprotect '${volume!.urn}'`);
  });

  test("nor one that has the copy as one that nobody ran on", () => {
    resources = stateFrom(shop(served(1)));
    described = shop(BESIDE);
    expect(refusal()?.problem).toContain("ran on copy 1");
  });

  test("neither by up nor by a preview does Pulumi get it", async () => {
    resources = stateFrom(shop(served(1)));
    described = shop(NOTHING_RESTORED);
    await expect(bringUp({ stack: "prod" })).rejects.toThrow("was restored");
    await expect(preview({ stack: "prod" })).rejects.toThrow("was restored");
    expect(operate).not.toHaveBeenCalled();
  });

  test("what the file knows passes, and so does what was given up on purpose", () => {
    for (const known of [served(1), served(0)]) {
      described = shop(known);
      resources = stateFrom(described);
      expect(refusal()).toBeUndefined();
    }
    described = shop(NOTHING_RESTORED);
    resources = stateFrom(shop(BESIDE));
    expect(refusal()).toBeUndefined();
    resources = stateFrom(shop(served(0))).map((of) => ({ ...of, protect: false }));
    expect(refusal()).toBeUndefined();
  });

  test("a copy's job is found under the name that it has there", () => {
    resources = stateFrom(shop(served(1)));
    expect(mayBeMade({ resources }, "shop", "db-copy-1")).toBe(true);
    expect(mayBeMade({ resources }, "shop", "db-copy-2")).toBe(false);
    resources = stateFrom(shop(NOTHING_RESTORED));
    expect(mayBeMade({ resources }, "shop", "db-copy-1")).toBe(false);
  });
});
