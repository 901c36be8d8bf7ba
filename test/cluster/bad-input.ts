import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import type { Live } from "../live/cases/context";
import type { Kubernetes } from "../support/kubernetes";
import type { Workspace } from "../support/workspace";
import type { Stage } from "./stage";

interface KubeConfig {
  readonly clusters: { cluster: { server: string } }[];
  readonly users: { user: object }[];
}

/** A cluster that cannot have a stack: said clearly, nothing half made. */
export function badInput(stage: Stage): void {
  let stack: Workspace;
  let engine: Kubernetes;

  /** A copy of the cluster's kubeconfig, changed. */
  const kubeconfig = (name: string, change: (config: KubeConfig) => void): string => {
    const config = parse(readFileSync(engine.kubeconfig, "utf8")) as KubeConfig;
    change(config);
    const file = join(stack.folder, `${name}.kubeconfig`);
    writeFileSync(file, stringify(config), { mode: 0o600 });
    return file;
  };

  /** Tries an `up`; it has to fail with all of these, and to leave nothing. */
  async function refused(settings: object, ...says: RegExp[]): Promise<void> {
    stack.configure({ kubernetes: settings });
    const failed = await stack.operate("up");
    stack.configure({
      kubernetes: {
        ...Object.fromEntries(Object.keys(settings).map((key) => [key, undefined])),
        kubeconfig: engine.kubeconfig,
      },
    });
    expect(failed.code).not.toBe(0);
    for (const said of says) expect(failed.text).toMatch(said);
    expect(failed.text).not.toMatch(/\n\s+at .*\.[jt]s:\d+/);
    expect(await engine.left()).toEqual([]);
  }

  describe("bad input", () => {
    beforeAll(async () => {
      ({ stack, engine } = await stage.another());
    });

    afterAll(() => stack.discard());

    test("a context that is not there, with those that are", async () => {
      await refused(
        { context: "prodution" },
        /kubernetes\.context: there is no context "prodution"/,
      );
    });

    test("a cluster that does not answer", async () => {
      const elsewhere = kubeconfig("elsewhere", ({ clusters }) => {
        // Nobody listens there.
        clusters[0]!.cluster.server = "https://127.0.0.1:1";
      });
      await refused(
        { kubeconfig: elsewhere },
        /does not answer.*refused/,
        /is the network or VPN up/,
      );
    });

    test("a missing CRD and a missing storage class, both at once", async () => {
      await refused(
        { verticalAutoscaler: true, storageClass: "gold" },
        /does not know VerticalPodAutoscaler/,
        /has no storage class "gold"/,
        /2 problems/,
      );
    });

    test("a user who may not make the namespace", async () => {
      await engine.kubectl("create", "serviceaccount", "nobody", "--namespace", "default");
      const token = await engine.kubectl("create", "token", "nobody", "--namespace", "default");
      const poor = kubeconfig("poor", ({ users }) => {
        users[0]!.user = { token: token.trim() };
      });
      await refused({ kubeconfig: poor }, /this user may not create namespaces/);
    });

    test("a namespace that is somebody else's", async () => {
      const { namespace } = engine;
      await engine.kubectl("create", "namespace", namespace);
      await refused({}, /was not made by atalaya/);
      await engine.kubectl("delete", "namespace", namespace);
    });
  });
}

/** A quota of the cluster's owner that an update does not fit in. */
export function tightQuota(live: Live, engine: () => Kubernetes): void {
  describe("a quota that is too small", () => {
    test("fails the update with its name; the old version serves on, and the next up goes through", async () => {
      const running = (await engine().running()).length;
      await engine().kubectl("create", "quota", "tiny", `--hard=pods=${running}`);
      const service = (settings: object): object => ({
        "flores-victoria": { services: { "review-service": settings } },
      });
      live.stack.configure({ ...service({ environment: { NOTE: "2" }, updateTimeout: "30 s" }) });
      const failed = await live.stack.atalaya("up");
      expect({ code: failed.code, text: failed.stdout + failed.stderr }).toEqual({
        code: 4,
        text: expect.stringMatching(/review-service: .*exceeded quota: tiny/) as unknown,
      });
      expect((await live.ask("/api/reviews")).status).toBe(200);
      await engine().kubectl("delete", "quota", "tiny");
      const mended = await live.stack.atalaya("up");
      expect({ code: mended.code, text: mended.stdout + mended.stderr }).toMatchObject({ code: 0 });
      expect((await live.ask("/api/reviews")).status).toBe(200);
    });
  });
}
