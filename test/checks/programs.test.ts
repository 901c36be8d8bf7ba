import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { BUILD_MS, go } from "../../operations/setup/parts";
import { must } from "../support/commands";
import { inReferenceService } from "../support/reference-service";
import { ROOT } from "../support/workspace";

/** The programs inside of our images, by the tests that lie beside them. */
jest.setTimeout(BUILD_MS);

const IMAGES = join(ROOT, "images");

/** Folders of Go modules that have tests. */
const inGo = new Set(
  readdirSync(IMAGES, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith("_test.go"))
    .map((path) => moduleOf(dirname(path))),
);

/** A module's packages lie in its folder and below. */
function moduleOf(folder: string): string {
  return existsSync(join(IMAGES, folder, "go.mod")) ? folder : moduleOf(dirname(folder));
}

test.each([...inGo])("%s, in Go", async (name) => {
  const said = await go(join(IMAGES, name), ["test", "-mod=readonly", "./..."]);
  expect(said).toMatch(/^ok\s/m);
});

test("the reference service, in TypeScript", () =>
  inReferenceService(async (folder, env) => {
    await must("npm", ["run", "typecheck"], { cwd: folder });
    // Those of its stores want servers: test/live/stores.test.ts has them.
    const said = await must("npm", ["test"], { cwd: folder, env });
    expect(Number(/\bpass (\d+)/.exec(said)?.[1])).toBeGreaterThan(40);
  }));
