import { cpSync, mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ModuleKind, ScriptTarget, transpileModule } from "typescript";
import { imageTag } from "../../images/catalog";
import { buildEnvironment } from "../../operations/images/builder";
import { docker } from "../../operations/images/docker";
import { must, run } from "./commands";

/** What a played Loki is made of. */
const PARTS = ["loki-main", "loki-store", "loki", "played-logql", "otlp"] as const;

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

/** Images of the tests of logs, both from the reference service's, which has Node. */
export class LoggingImages {
  /** Plays Loki: see `LokiStore`. */
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
    const loki: Record<string, string> = {
      Dockerfile: `${base}COPY . /played\nRUN install -d -o 10001 -g 10001 /loki\nUSER 10001\nENTRYPOINT ["node", "/played/loki-main.js"]\n`,
    };
    for (const part of PARTS) loki[`${part}.js`] = compiled(part);
    await build(images.loki, loki, ["yaml"]);
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

const compiled = (part: string): string =>
  transpileModule(readFileSync(join(__dirname, `${part}.ts`), "utf8"), {
    compilerOptions: { module: ModuleKind.CommonJS, target: ScriptTarget.ES2022 },
  }).outputText;

/** @param packages of this checkout that are in it, which need no others */
async function build(
  reference: string,
  files: Readonly<Record<string, string>>,
  packages: readonly string[] = [],
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "atalaya-image-"));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    for (const name of packages) {
      const to = join(folder, "node_modules", name);
      mkdirSync(dirname(to), { recursive: true });
      cpSync(dirname(require.resolve(`${name}/package.json`)), to, { recursive: true });
    }
    const env = { ...process.env, ...(await buildEnvironment(docker())) };
    await must("docker", ["build", "--quiet", "--tag", reference, folder], { env });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
