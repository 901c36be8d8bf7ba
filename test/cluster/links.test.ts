import { Live } from "../live/cases/context";
import { links, LINKS_CONFIG, LINKS_PROGRAM } from "../live/cases/links";
import { minutesToBuild } from "../support/cluster";
import { describeInTime } from "../support/deadline";
import { Stage } from "./stage";

jest.setTimeout(600_000);

describeInTime("a system whose links change, on Kubernetes", 7 + minutesToBuild(), () => {
  const live = new Live();
  const stage = new Stage(live, "links", LINKS_PROGRAM);

  beforeAll(async () => {
    await stage.begin(LINKS_CONFIG);
  }, 1_800_000);

  afterAll(async () => {
    await stage.end();
  });

  // What a schedule starts there is a pod for each run.
  links(live, { lasting: ["clock"] });
});
