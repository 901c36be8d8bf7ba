import { randomBytes } from "node:crypto";
import { describeInTime } from "../support/deadline";
import { Swarm } from "../support/swarm";
import { freePorts, Workspace } from "../support/workspace";
import { loseDatabase } from "./cases/lost-volume";
import { BACKED_UP, restores } from "./cases/restores";

jest.setTimeout(600_000);

describeInTime("restores of GRUPO_GAD's database", 14, () => {
  let stack: Workspace;
  let engine: Swarm;

  beforeAll(async () => {
    const [http, https] = (await freePorts(2)) as [number, number];
    stack = await Workspace.create({
      config: { "grupo-gad": { ports: { http, https }, testHooks: true }, backups: BACKED_UP },
    });
    engine = new Swarm(stack.stack, "grupo-gad");
    await stack.setSecret("grupo-gad.secrets.secretKey", randomBytes(32).toString("base64url"));
    await stack.up();
  });

  afterAll(async () => {
    await stack?.remove();
  });

  restores(() => ({
    stack,
    engine,
    lose: (db) => loseDatabase(engine, db),
  }));
});
