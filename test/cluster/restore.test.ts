import { Live } from "../live/cases/context";
import { BACKED_UP, restores } from "../live/cases/restores";
import { minutesToBuild } from "../support/cluster";
import { expectCode } from "../support/commands";
import { describeInTime } from "../support/deadline";
import type { Kubernetes } from "../support/kubernetes";
import { measured } from "../support/measurements";
import { until } from "../support/poll";
import { Stage } from "./stage";

jest.setTimeout(600_000);

describeInTime("restores of GRUPO_GAD's database on Kubernetes", 17 + minutesToBuild(), () => {
  const live = new Live();
  const stage = new Stage(live, "grupo-gad");
  let engine: Kubernetes;

  beforeAll(async () => {
    engine = await stage.begin({ "grupo-gad": { testHooks: true }, backups: BACKED_UP });
    const { milliseconds } = await live.stack.up();
    measured("first up of a backed up Grupo GAD on Kubernetes", {
      seconds: Math.round(milliseconds / 1_000),
    });
  }, 1_800_000);

  afterAll(async () => {
    await stage.end();
  });

  restores(() => ({
    stack: live.stack,
    engine,
    // Not its files alone: the claim goes as well, and what had been bound to it is nobody's.
    lose: async (db) => {
      await engine.exec(db, ["bash", "-c", "rm -rf /var/lib/postgresql/15; kill -9 -1"]);
      const killed = Date.now();
      await engine.kubectl("delete", "persistentvolumeclaim", "db-data", "--wait=false");
      // A pod that is done keeps a claim, too.
      await engine.kubectl(
        ...["delete", "pods", "--selector", "app.kubernetes.io/name in (db,db-init)"],
        ...["--grace-period=0", "--force"],
      );
      await until("the claim is gone", { within: 60_000 }, async () => {
        const claim = ["persistentvolumeclaim", "db-data", "--ignore-not-found"];
        return (await engine.kubectl("get", ...claim)) === "";
      });
      return killed;
    },
  }));

  test("in the place of the lost claim refresh and up make an empty one, which nobody uses", async () => {
    const { stack } = live;
    const [before] = await engine.sql("db", "grupo_gad", "SELECT count(*), max(n) FROM p");
    const ids = await engine.ids("db");
    expectCode(await stack.operate("refresh"), 0);
    // The file as the command has left it.
    const up = await stack.operate("up");
    expectCode(up, 0);
    expect(up.changes["create"]).toBe(1);
    expectCode(await stack.operate("preview", "--refresh", "--expect-no-changes"), 0);
    expect(await engine.ids("db")).toEqual(ids);
    expect(await engine.sql("db", "grupo_gad", "SELECT count(*), max(n) FROM p")).toEqual([before]);
  });
});
