import { describeInTime } from "../support/deadline";
import { Swarm } from "../support/swarm";
import { Workspace } from "../support/workspace";
import { Live } from "./cases/context";
import { links, LINKS_CONFIG, LINKS_PROGRAM } from "./cases/links";

jest.setTimeout(600_000);

describeInTime("a system whose links change", 6, () => {
  const live = new Live();

  beforeAll(async () => {
    live.stack = await Workspace.create({ main: LINKS_PROGRAM, config: LINKS_CONFIG });
    live.engine = new Swarm(live.stack.stack, "links");
  });

  afterAll(async () => {
    await live.stack?.remove();
  });

  links(live, { lasting: ["clock", "clock-tick"] });
});
