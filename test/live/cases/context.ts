import type { Engine } from "../../support/engine";
import type { Clients } from "../../support/clients";
import { type Answer, ask, type Ask, ROOTS, type Target } from "../../support/https";
import type { Versions } from "../../support/versions";
import type { Workspace } from "../../support/workspace";

/** Requests that one client may make in a second: low enough to be met, far above the load's share. */
export const REQUESTS_PER_SECOND = 60;

/** What the cases share: the stack, and how its gateway is reached. */
export class Live {
  /** Network clients with addresses of their own. */
  clients!: Clients;
  /** Later versions of the API; the engine has their images. */
  versions!: Versions;
  ports!: { http: number; https: number };
  target!: Target;
  /** A configured secret's value. */
  secretKey = "";

  stack!: Workspace;
  engine!: Engine;
  /** Address of the gateway. @default this machine */
  address?: string;

  /** @param host public name of the system */
  constructor(readonly host = "gad.localhost") {}

  /** Learns the gateway's certificate authority from the gateway itself. */
  async trust(kind: keyof typeof ROOTS = "caddy"): Promise<void> {
    const edge = await this.engine.one("edge");
    const root = await this.engine.exec(edge, ["cat", ROOTS[kind]]);
    if (root.code !== 0) throw new Error(root.stderr);
    this.target = {
      host: this.host,
      port: this.ports.https,
      ca: root.stdout,
      ...(this.address === undefined ? {} : { address: this.address }),
    };
  }

  /** One request through the gateway, on a connection of its own. */
  ask(path: string, options?: Ask): Promise<Answer> {
    return ask(this.target, path, options);
  }

  /** Creates an item through the API. */
  async create(name: string): Promise<number> {
    const answer = await this.ask("/api/v1/items", { method: "POST", json: { name } });
    if (answer.status !== 201) throw new Error(`POST /api/v1/items: ${answer.status}`);
    return (JSON.parse(answer.body.toString()) as { id: number }).id;
  }

  /** Name of an item as the API gives it; undefined when there is none. */
  async read(id: number): Promise<string | undefined> {
    const answer = await this.ask(`/api/v1/items/${id}`);
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw new Error(`GET /api/v1/items/${id}: ${answer.status}`);
    return (JSON.parse(answer.body.toString()) as { name: string }).name;
  }
}
