import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PASSPHRASE, type Recorded } from "../recorded/recorded";
import { ROOT, Workspace } from "../support/workspace";

jest.setTimeout(180_000);

const RECORDED = join(ROOT, "test", "recorded", "2026-11-22.grupo-gad.swarm.json");

let workspace: Workspace;

/** A stack that runs, by its recorded state. */
beforeAll(async () => {
  const recorded = JSON.parse(readFileSync(RECORDED, "utf8")) as Recorded;
  workspace = await Workspace.create({ config: recorded.config, passphrase: PASSPHRASE });
  // Nobody answers there: a preview in CI has no engine.
  workspace.env["DOCKER_HOST"] = "unix:///nonexistent/docker.sock";
  const state = join(workspace.folder, "state.json");
  writeFileSync(state, JSON.stringify(recorded.state).replaceAll(recorded.stack, workspace.stack));
  await workspace.pulumi("stack", "import", "--stack", workspace.stack, "--file", state);
});

afterAll(() => workspace.discard());

const summary = async (): Promise<{ code: number; text: string }> => {
  const { code, stdout } = await workspace.atalaya("preview", "--markdown");
  return { code, text: stdout };
};

test("a preview that takes no data away says what changes (AT-04)", async () => {
  workspace.configure({ "grupo-gad": { api: { min: 3, max: 3 } } });
  const { code, text } = await summary();
  expect({ code, text }).toMatchObject({ code: 0 });
  expect(text).toMatch(new RegExp(`^### Preview of stack \`${workspace.stack}\`\n`));
  expect(text).not.toContain("CAUTION");
  expect(text).toMatch(/\| update \| [1-9]\d* \|/);
  expect(text).toMatch(/\| same \| [1-9]\d* \|/);
  expect(text).toMatch(/\| update \| `Service` \| `grupo-gad-service-api` \| `[^|]*mode/);
});

test("a system that goes away takes its data with it: that stands on top, and Pulumi's no below", async () => {
  workspace.configure({ systems: ["flores-victoria"], "grupo-gad": undefined });
  const { code, text } = await summary();
  expect(code).not.toBe(0);
  expect(text).toMatch(/^### Preview of stack `.+`: failed\n\n> \[!CAUTION\]\n> \*\*Data: look at/);
  expect(text).toMatch(/> - \*\*delete\*\* `Volume` `[^`]*db[^`]*`: protected: `up` refuses/);
  expect(text).toContain("cannot be deleted");
});
