import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../support/commands";
import { ROOT, Workspace } from "../support/workspace";
import { PASSPHRASE, type Recorded } from "../recorded/recorded";

jest.setTimeout(180_000);

const FOLDER = join(ROOT, "test", "recorded");
const files = readdirSync(FOLDER).filter((name) => name.endsWith(".swarm.json"));

interface Step {
  readonly op: string;
  readonly urn: string;
  readonly oldState?: { readonly type: string; readonly protect?: boolean };
}

/** What may be made anew: its work is done again, or its content is another under another name. */
const REPLACEABLE = /^docker:index\/(?:secret:Secret|serviceConfig:ServiceConfig)$/;

/** Stacks of earlier versions, upgraded to this one: as a preview, without an engine (AT-04). */
test.each(files)("%s: an upgrade replaces and deletes nothing that holds data", async (file) => {
  const recorded = JSON.parse(readFileSync(join(FOLDER, file), "utf8")) as Recorded;
  const workspace = await Workspace.create({ config: recorded.config, passphrase: PASSPHRASE });
  try {
    const state = join(workspace.folder, "state.json");
    writeFileSync(
      state,
      JSON.stringify(recorded.state).replaceAll(recorded.stack, workspace.stack),
    );
    await workspace.pulumi("stack", "import", "--stack", workspace.stack, "--file", state);
    const preview = await run(
      "pulumi",
      ["preview", "--stack", workspace.stack, "--non-interactive", "--json"],
      {
        cwd: workspace.folder,
        env: { ...workspace.env, DOCKER_HOST: "unix:///nonexistent/docker.sock" },
      },
    );
    expect({ code: preview.code, text: preview.code === 0 ? "" : preview.stdout }).toEqual({
      code: 0,
      text: "",
    });
    const { steps, changeSummary } = JSON.parse(preview.stdout) as {
      steps: Step[];
      changeSummary: Record<string, number>;
    };
    const gone = steps.filter(({ op }) => /replace|delete/.test(op));
    const jobs = /-(?:init|grant|revoke|migrate|authority)$/;
    const bad = gone.filter(
      ({ urn, oldState }) =>
        oldState?.protect === true || !(REPLACEABLE.test(oldState?.type ?? "") || jobs.test(urn)),
    );
    expect(bad.map(({ op, urn }) => `${op} ${urn.split("::").at(-1)!}`)).toEqual([]);
    // The state was understood: most of it is there and stays.
    expect(changeSummary["same"]).toBeGreaterThan(30);
  } finally {
    workspace.discard();
  }
});

test("there is a recorded state of each system", () => {
  for (const system of ["grupo-gad"]) {
    expect(files.filter((name) => name.includes(`.${system}.`)).length).toBeGreaterThan(0);
  }
});
