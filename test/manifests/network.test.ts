import { isDeepStrictEqual } from "node:util";
import { OBSERVER } from "../../model/observability";
import { runnables, type SystemModel } from "../../model/system";
import { kubernetes } from "../../platforms/kubernetes/kubernetes";
import type { PrometheusOperator } from "../../platforms/kubernetes/monitors";
import type { Manifest } from "../../platforms/kubernetes/objects";
import { systems } from "../../systems";
import { grupoGad } from "../../systems/grupo-gad";
import type { Profile } from "../../systems/definition";
import { pronto } from "../../systems/pronto";
import { BACKUPS, describeObserved, describeSystem, OPERATOR } from "../support/systems";
import { judge } from "./cyclonus";
import { BUILD_MS, cyclonus } from "./tools";
import { declared, type Open, openOf, type Question, questions } from "./traffic";

jest.setTimeout(120_000);

let program: string;
beforeAll(async () => {
  program = await cyclonus();
}, BUILD_MS);

interface Rendered {
  readonly model: SystemModel;
  readonly policies: readonly Manifest[];
  readonly asked: readonly Question[];
}

function rendered(model: SystemModel, profile: Profile, operator?: PrometheusOperator): Rendered {
  const { objects } = kubernetes.lower(model, {
    stack: profile,
    entrance: { type: "load-balancer" },
    verticalAutoscaler: false,
    ...(operator === undefined ? {} : { prometheusOperator: operator }),
  });
  return {
    model,
    policies: objects.map((o) => o.manifest).filter(({ kind }) => kind === "NetworkPolicy"),
    asked: questions(model, objects, operator),
  };
}

/** What is open as the model says. */
const declaredOpen = (model: SystemModel, asked: readonly Question[]): Open =>
  openOf(
    asked,
    asked.map((question) => declared(model, question)),
  );

const plain = systems.filter(({ watches }) => !watches);

interface Case {
  readonly name: string;
  readonly describe: (profile: Profile) => SystemModel;
  readonly operator?: PrometheusOperator;
}

/** Each system as it is without configuration, with every secret given; of a watched stack also who watches. */
const everySystem: readonly Case[] = [
  ...plain.map((system) => ({
    name: system.name,
    // A definition takes the configuration that its own schema made: the pairing is by construction.
    // eslint-disable-next-line @typescript-eslint/no-explicit-any
    describe: (profile: Profile) => describeSystem<any>(system, profile, {}, kubernetes),
  })),
  {
    name: "grupo-gad, backed up",
    describe: (profile: Profile) =>
      describeSystem(grupoGad, profile, {}, kubernetes, { backups: BACKUPS }),
  },
  ...systems.map(({ name }) => ({
    name: `${name}, watched`,
    describe: (profile: Profile) =>
      describeObserved(
        kubernetes,
        profile,
        plain.map((system) => [system, {}] as const),
        {},
        {},
      ).find((model) => model.name === name)!,
  })),
  // Of each kind one: a system with all kinds of targets, the machines, who asks from outside.
  ...["pronto", "nodes", OBSERVER.system].map((name) => ({
    name: `${name}, watched by the cluster's operator`,
    operator: OPERATOR,
    describe: (profile: Profile) =>
      describeObserved(
        ...([kubernetes, profile, [[pronto, {}]]] as const),
        ...([{}, undefined, true] as const),
      ).find((model) => model.name === name)!,
  })),
];

/**
 * What the rendered network policies allow, as cyclonus computes it, against what the links and the ways
 * between systems say (FV-10).
 */
describe.each(everySystem)("$name", (system) => {
  describe.each(["dev", "staging", "prod"] satisfies Profile[])("on %s", (profile) => {
    const { model, policies, asked } = rendered(system.describe(profile), profile, system.operator);

    test("everything that runs and every link is asked about", () => {
      const own = asked.filter(({ from }) => from.role === "own");
      expect([...new Set(own.map(({ from }) => from.name))].sort()).toEqual(
        runnables(model)
          .map(({ name }) => name)
          .sort(),
      );
      const silent = model.links.filter((link) => {
        const its = own.filter(
          ({ from, to }) => from.name === link.consumer && to.role !== "names",
        );
        return declaredOpen({ ...model, links: [link] }, its).passes.length === 0;
      });
      expect(silent).toEqual([]);
    });

    test("what is open is what the links say, no more and no less, at each end", async () => {
      const { answers, warnings } = await judge(program, policies, asked);
      expect(openOf(asked, answers)).toEqual(declaredOpen(model, asked));
      expect(warnings).toEqual([]);
    });
  });

  test("that is no longer so when any one of the policies is missing", async () => {
    const { model, policies, asked } = rendered(system.describe("prod"), "prod", system.operator);
    // Few of the questions are enough to notice.
    const few = asked.filter(
      ({ from, to, protocol }) =>
        protocol === "TCP" &&
        (from.role !== "other" || from.elsewhere !== undefined) &&
        (to.role !== "other" || to.elsewhere !== undefined),
    );
    const right = declaredOpen(model, few).passes;
    const unnoticed: string[] = [];
    for (const policy of policies) {
      const others = policies.filter((other) => other !== policy);
      const { answers } = await judge(program, others, few);
      if (isDeepStrictEqual(openOf(few, answers).passes, right)) {
        unnoticed.push(policy.metadata.name);
      }
    }
    expect(policies.length).toBeGreaterThan(1);
    expect(unnoticed).toEqual([]);
  });
});
