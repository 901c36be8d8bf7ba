import { expectCode } from "../../support/commands";
import { measured } from "../../support/measurements";
import { expectNoOrphans } from "../../support/orphans";
import { until } from "../../support/poll";
import { noSecondTry } from "../../support/second-try";
import type { Live } from "./context";

/** Nothing changes where nothing was changed (AT-04). */
export function idempotence(live: Live): void {
  describe("without a change", () => {
    // A change that it shows is made by it.
    noSecondTry();

    test("up, preview with refresh, and refresh show none (AT-04)", async () => {
      const again = await live.stack.operate("up", "--expect-no-changes");
      expect(again.text).not.toMatch(/^ +[+~-]/m);
      expectCode(again, 0);
      measured("up without a change", { seconds: again.milliseconds / 1_000 });
      const refreshed = await live.stack.operate("refresh", "--expect-no-changes");
      expectCode(refreshed, 0);
      const preview = await live.stack.operate("preview", "--refresh", "--expect-no-changes");
      expectCode(preview, 0);
    });
  });
}

/** An interrupted `up`, the way down, the way up again (AT-04, GG-02). */
export function lifecycle(live: Live): void {
  const items = async (): Promise<number> => {
    const [row] = await live.engine.sql("db", "grupo_gad", "SELECT count(*) FROM items");
    return Number(row?.[0]);
  };
  const passwords = (): Promise<unknown> => live.stack.output("passwords", true);

  describe("the stack's own life", () => {
    test("an up killed half way is finished by the next: no orphan, no lost data (AT-04)", async () => {
      const before = { items: await items(), passwords: await passwords() };
      expect(before.items).toBeGreaterThan(1_000);
      live.stack.configure({
        "grupo-gad": {
          api: { jwtMinutes: 45 },
          requestsPerSecond: 80,
          environment: { NOTE: "fourth" },
        },
      });
      const running = live.stack.startUp();
      await until("the API is being updated", { within: 60_000 }, async () => {
        return live.engine.updating("api");
      });
      running.signal("SIGKILL");
      expectCode(await running.ended, 137);

      const again = await live.stack.atalaya("up");
      expect(`${again.stdout}${again.stderr}`).toContain("was interrupted");
      expectCode(again, 0);
      measured("up after a killed update", { seconds: Math.round(again.milliseconds / 1_000) });
      await live.engine.settled("api", 2);
      await expectNoOrphans(live.stack, live.engine);
      expect({ items: await items(), passwords: await passwords() }).toEqual(before);
      expectCode(await live.stack.operate("preview", "--refresh", "--expect-no-changes"), 0);
    });

    test("down keeps the data and its passwords, and says so (GG-14)", async () => {
      const before = { items: await items(), passwords: await passwords() };
      const down = await live.stack.atalaya("down");
      expectCode(down, 0);
      measured("down", { seconds: Math.round(down.milliseconds / 1_000) });
      const volumes = ["cache-data", "db-data", "edge-data"];
      expect(await live.engine.left()).toEqual(live.engine.kept(volumes));
      for (const volume of volumes) expect(down.stdout).toContain(volume);
      expect(down.stdout).toContain("db-admin-password");

      const up = await live.stack.atalaya("up");
      expectCode(up, 0);
      measured("up after down", { seconds: Math.round(up.milliseconds / 1_000) });
      expect(await items()).toBe(before.items);
      const after = (await passwords()) as Record<string, Record<string, string>>;
      const kept = (before.passwords as typeof after)["grupo-gad"]!;
      for (const name of ["db-admin-password", "cache-admin-password"]) {
        expect(after["grupo-gad"]![name] === kept[name]).toBe(true);
      }
      // The authority is the one that clients trust already: its key was in the volume.
      expect((await live.ask("/api/v1/items")).status).toBe(200);
    });

    test("down --all leaves nothing (AT-04)", async () => {
      const down = await live.stack.atalaya("down", "--all");
      expectCode(down, 0);
      expect(down.stdout).toContain("Nothing was kept");
      expect(await live.engine.left()).toEqual([]);
    });
  });
}
