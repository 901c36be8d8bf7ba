import { explainShortage, shortageOf, toTheLast, waits } from "../../operations/stack/room";

/** As docker 28 prints tasks of an engine 20.10. */
const task = (of: object): string =>
  JSON.stringify({
    CurrentState: "Running 3 minutes ago",
    DesiredState: "Running",
    Error: "",
    ID: "w0xk1v2rjm9e8h7q6a5s4d3f2",
    Image: "atalaya/reference-service:8f1c2d3e4f50",
    Name: "staging-grupo-gad-api.1",
    Node: "shop-1",
    Ports: "",
    ...of,
  });

const unplaced = (name: string, reason: string): string =>
  task({
    CurrentState: "Pending 4 minutes ago",
    Error: `"no suitable node (${reason})"`,
    Name: name,
    Node: "",
  });

const ROOM = "insufficient resources on 1 node";

const service = (
  name: string,
  stack: string | undefined,
  reserves: { cores: number; mebibytes: number } | undefined,
  more: { constraints?: string[]; port?: number } = {},
): object => ({
  ID: `id-of-${name}`,
  Spec: {
    Name: name,
    Labels: stack === undefined ? {} : { "atalaya.stack": stack },
    TaskTemplate: {
      Resources:
        reserves === undefined
          ? {}
          : {
              Limits: { NanoCPUs: 1_000_000_000, MemoryBytes: 536_870_912 },
              Reservations: {
                NanoCPUs: reserves.cores * 1e9,
                MemoryBytes: reserves.mebibytes * 2 ** 20,
              },
            },
      Placement: more.constraints === undefined ? {} : { Constraints: more.constraints },
    },
    EndpointSpec:
      more.port === undefined
        ? { Mode: "dnsrr" }
        : {
            Mode: "dnsrr",
            Ports: [{ Protocol: "tcp", TargetPort: 8443, PublishedPort: more.port }],
          },
  },
});

const services = JSON.stringify([
  service("staging-grupo-gad-api", "staging", { cores: 0.5, mebibytes: 128 }),
  service("dev-pronto-db", "dev", { cores: 1, mebibytes: 1024 }),
  service("dev-pronto-order", "dev", { cores: 0.25, mebibytes: 256 }),
  service("portainer", undefined, undefined),
]);

const nodes = JSON.stringify([
  {
    ID: "n1",
    Description: {
      Hostname: "shop-1",
      Resources: { NanoCPUs: 2_000_000_000, MemoryBytes: 4_101_234_688 },
    },
  },
]);

const placed = [
  task({}),
  task({ Name: "dev-pronto-db.1" }),
  task({ Name: "dev-pronto-order.1" }),
  // Not well yet, but it has its place.
  task({ Name: "dev-pronto-order.2", CurrentState: "Starting 2 seconds ago" }),
  // Its place is free again.
  task({ Name: "dev-pronto-order.3", CurrentState: "Failed 2 seconds ago" }),
  // One task a node: named by the node's id.
  task({ Name: "portainer.x1y2z3" }),
].join("\n");

const tasks = `${task({})}\n${unplaced("staging-grupo-gad-api.2", ROOM)}\n${unplaced("staging-grupo-gad-api.3", ROOM)}\n`;

const whole = (of: { problem: string; fix: string } | undefined): string =>
  `${of?.problem}\n${of?.fix}`;

describe("services that find no node", () => {
  it("are counted with what they reserve, beside what the node has and who reserves it", () => {
    const shortage = shortageOf({ tasks, services, nodes, placed });
    expect(whole(explainShortage("staging", shortage))).toBe(
      [
        "The engine found no node for staging-grupo-gad-api.",
        "staging-grupo-gad-api: 2 instances wait; each reserves 0.5 CPU cores and 128 MiB. The engine: no suitable node (insufficient resources on 1 node)",
        "shop-1 has 2 CPU cores and 3911 MiB; reserved there are 2 CPU cores and 1664 MiB (dev 1.5 CPU cores and 1536 MiB; staging 0.5 CPU cores and 128 MiB).",
        "Have it reserve less: fewer instances, a smaller profile, smaller reservations (docs/configuration.md); or take another stack down: npx atalaya down -s dev.",
        "Then run this again.",
      ].join("\n"),
    );
  });

  it("are no others: neither those that run nor those that are only being placed", () => {
    expect(waits(tasks)).toBe(true);
    const being = task({ CurrentState: "Pending 1 second ago", Node: "" });
    expect(waits(`${task({})}\n${being}`)).toBe(false);
    expect(waits("")).toBe(false);
    // Given up by the engine before it had a node.
    const over = { ...(JSON.parse(unplaced("a.1", ROOM)) as object), DesiredState: "Shutdown" };
    expect(waits(JSON.stringify(over))).toBe(false);
    const shortage = shortageOf({ tasks: task({}), services, nodes, placed });
    expect(explainShortage("staging", shortage)).toBeUndefined();
  });

  it("may want another node, or a port that is taken: other words, and nothing of amounts", () => {
    const shortage = shortageOf({
      tasks: [
        unplaced("dev-pronto-db.1", "scheduling constraints not satisfied on 1 node"),
        unplaced("dev-pronto-edge-front.1", "host-mode port already in use on 1 node"),
        unplaced("dev-pronto-order.1", "1 node not available for new tasks"),
      ].join("\n"),
      services: JSON.stringify([
        service("dev-pronto-db", "dev", undefined, { constraints: ["node.hostname==shop-2"] }),
        service("dev-pronto-edge-front", "dev", undefined, { port: 443 }),
        service("dev-pronto-order", "dev", undefined),
      ]),
      nodes,
      placed: "",
    });
    const said = whole(explainShortage("dev", shortage));
    expect(said).toContain(
      "dev-pronto-db may run where node.hostname==shop-2 alone; there are shop-1.",
    );
    expect(said).toContain("dev-pronto-edge-front wants port 443 of the node");
    expect(said).toContain("`docker node ls`");
    expect(said).not.toMatch(/shop-1 has|reserve less/);
  });

  it("stay known when the provider has taken them away, and no longer once they have one", () => {
    const { unplaced: waiting } = shortageOf({ tasks, services, nodes, placed });
    const [api] = waiting;
    expect(toTheLast([], waiting, tasks)).toEqual([api]);
    expect(toTheLast(waiting, waiting, tasks)).toEqual([api]);
    expect(toTheLast(waiting, [], task({ Name: "staging-grupo-gad-db.1" }))).toEqual([api]);
    expect(toTheLast(waiting, [], task({}))).toEqual([]);
  });
});
