import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { previewUpgrade, type Recorded, type Upgrade } from "../recorded/recorded";
import { ROOT } from "../support/workspace";

jest.setTimeout(180_000);

const FOLDER = join(ROOT, "test", "recorded");
const files = readdirSync(FOLDER).filter((name) => name.endsWith(".json"));

/**
 * What may be made anew on an engine, because its content is another under another name, or its work is done
 * again. Everything else keeps data, or requests would be lost with it.
 */
const REPLACEABLE =
  /^(?:docker:index\/(?:secret:Secret|serviceConfig:ServiceConfig)|kubernetes:(?:core\/v1:ConfigMap|batch\/v1:Job))$/;
/** One-shot jobs on Swarm, which are services there, and what belongs to a job alone: it goes when the job does. */
const JOBS = "(?:init|grant|revoke|migrate|authority|check)";
const JOB = new RegExp(
  `docker:index/service:Service::.*-${JOBS}(?:-[0-9a-f]{10})?$|-network-.*-${JOBS}-alone$|-serviceaccount-.*-${JOBS}$`,
);

const RANGE = /\b\d+\.\d+\.\d+\.\d+\/\d+/g;

/** Of a kind: those that the upgrade makes; all there are where it makes none. */
function made(
  { state }: Recorded,
  steps: Upgrade["steps"],
  kind: RegExp,
): { urn: string; inputs: Readonly<Record<string, unknown>> }[] {
  const news = steps
    .filter(({ op, urn }) => !op.startsWith("delete") && kind.test(urn))
    .map(({ urn, newState }) => ({ urn, inputs: newState?.inputs ?? {} }));
  const there = state.deployment.resources
    .filter(({ urn }) => kind.test(urn))
    .map(({ urn, inputs = {} }) => ({ urn, inputs }));
  return news.length > 0 ? news : there;
}

/** The gateway believes what the front's own network says of clients, and no other (GG-04, PR-12). */
function expectFrontAlone(recorded: Recorded, steps: Upgrade["steps"]): void {
  const network = recorded.state.deployment.resources.find(({ urn }) =>
    /-network-edge-front$/.test(urn),
  );
  const [range] = network!.outputs!["ipamConfigs"] as [{ subnet: string }];
  const data = made(recorded, steps, /-config-edge-config-[0-9a-f]{10}$/).map(({ inputs }) =>
    Buffer.from(String(inputs["data"]), "base64").toString(),
  );
  expect(data).not.toEqual([]);
  for (const text of data) expect(new Set(text.match(RANGE))).toEqual(new Set([range.subnet]));
}

/** Only what a person may set back has a version of its own: each is time of every preview. */
function expectFewVersions(recorded: Recorded, steps: Upgrade["steps"]): void {
  const names = made(recorded, steps, /random:index\/randomId:RandomId/).map(({ urn }) =>
    urn.split("::").at(-1)!,
  );
  expect(names).not.toEqual([]);
  const others = names.filter(
    (name) =>
      !/-secret-(?:.*-access|.*-key|.*-users|.*-smtp-(?:user|password))-version$|-migrate-/.test(
        name,
      ),
  );
  expect(others).toEqual([]);
}

/** Stacks of earlier versions, upgraded to this one: as a preview, without an engine (AT-04). */
test.each(files)("%s: an upgrade replaces and deletes nothing that holds data", async (file) => {
  const recorded = JSON.parse(readFileSync(join(FOLDER, file), "utf8")) as Recorded;
  const { steps, changeSummary } = await previewUpgrade(recorded);
  const kept = new Set(
    recorded.state.deployment.resources.filter(({ protect }) => protect).map(({ urn }) => urn),
  );
  // Volumes, and the passwords that stand in their data.
  expect(kept.size).toBeGreaterThanOrEqual(4);
  const bad = steps
    .filter(({ op }) => /replace|delete/.test(op))
    .filter(
      ({ urn, oldState }) =>
        kept.has(urn) || !(REPLACEABLE.test(oldState?.type ?? "") || JOB.test(urn)),
    );
  expect(bad.map(({ op, urn }) => `${op} ${urn.split("::").at(-1)!}`)).toEqual([]);
  if (file.endsWith(".swarm.json")) {
    expectFrontAlone(recorded, steps);
    expectFewVersions(recorded, steps);
  }
  // The state was understood: much of it is there and stays. What is read at a start has new names where secrets have.
  expect(changeSummary["same"]).toBeGreaterThanOrEqual(30);
});

test.each(["grupo-gad", "flores-victoria", "pronto"])(
  "there are recorded states of %s",
  (system) => {
    for (const platform of ["swarm", "kubernetes"]) {
      expect(files.filter((name) => name.endsWith(`.${system}.${platform}.json`))).not.toEqual([]);
    }
  },
);
