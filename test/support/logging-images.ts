import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { imageTag } from "../../images/catalog";
import { buildEnvironment } from "../../operations/images/builder";
import { docker } from "../../operations/images/docker";
import { loki } from "../manifests/tools";
import { must, run } from "./commands";

/**
 * An application that says in each of its lines whose request it is about, as those that Pronto's teams write do: by
 * what the client's headers say, which go on to whoever is asked in turn. It is loaded in front of the reference
 * service, whose own lines they are.
 */
const JOURNAL = `
const { AsyncLocalStorage } = require("node:async_hooks");
const { Server } = require("node:http");
const about = new AsyncLocalStorage();
const emit = Server.prototype.emit;
Server.prototype.emit = function (event, request, ...rest) {
  if (event !== "request") return emit.call(this, event, request, ...rest);
  const { "x-session-id": session_id, "x-user": user } = request.headers;
  return about.run({ session_id, user }, () => emit.call(this, event, request, ...rest));
};
const send = globalThis.fetch;
globalThis.fetch = (url, options = {}) => {
  const { session_id, user } = about.getStore() ?? {};
  const own = { ...(session_id && { "x-session-id": session_id }), ...(user && { "x-user": user }) };
  return send(url, { ...options, headers: { ...options.headers, ...own } });
};
const path = require.resolve("pino");
const pino = require(path);
const made = (options, ...rest) => pino({ ...options, mixin: () => ({ ...about.getStore() }) }, ...rest);
require.cache[path].exports = Object.assign(made, pino, { pino: made, default: made });
`;

/** Images of the tests of logs, both from the reference service's, which has Node and curl. */
export class LoggingImages {
  /** Loki as its official image has it: the same program, user and folder. */
  readonly loki: string;
  /** The reference service, whose lines say whose request they are about. */
  readonly service: string;

  /** @param id tells the images of several runs apart */
  private constructor(id: string) {
    this.loki = `atalaya-test/loki:${id}`;
    this.service = `atalaya-test/reference-service:${id}-journal`;
  }

  static async create(id: string): Promise<LoggingImages> {
    const images = new LoggingImages(id);
    const base = `FROM ${imageTag("reference-service")}\nUSER 0\n`;
    await build(
      images.loki,
      {
        Dockerfile: `${base}COPY loki /usr/bin/loki\nRUN install -d -o 10001 -g 10001 /loki\nUSER 10001\nENTRYPOINT ["/usr/bin/loki"]\n`,
      },
      { loki: await loki() },
    );
    await build(images.service, {
      Dockerfile: `${base}COPY journal.js /app/\nUSER 10001\nENV NODE_OPTIONS=--require=/app/journal.js\n`,
      "journal.js": JOURNAL,
    });
    return images;
  }

  async remove(): Promise<void> {
    await run("docker", ["rmi", "--force", this.loki, this.service]);
  }
}

/** @param programs of this machine that are in it, by their names there */
async function build(
  reference: string,
  files: Readonly<Record<string, string>>,
  programs: Readonly<Record<string, string>> = {},
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "atalaya-image-"));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    for (const [name, path] of Object.entries(programs)) copyFileSync(path, join(folder, name));
    const env = { ...process.env, ...(await buildEnvironment(docker())) };
    await must("docker", ["build", "--quiet", "--tag", reference, folder], { env });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
