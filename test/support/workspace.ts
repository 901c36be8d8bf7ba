import { randomBytes } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { parse, stringify } from "yaml";
import { pulumiHome } from "../../operations/project";
import { readEvents, type UpdateReport } from "../../operations/stack/events";
import { type CommandOptions, must, type Ran, run, type Running, start } from "./commands";
import { sweep } from "./swarm";

/** This checkout. */
export const ROOT = join(__dirname, "..", "..");

/** What an update did. */
export interface Updated extends Ran, UpdateReport {
  /** Standard output and standard error. */
  readonly text: string;
}

/** A part of the stack's configuration, by key below the project's name. */
export type ConfigPatch = Readonly<Record<string, unknown>>;

/** What neither belongs to a checkout's sources nor to a stack of its own. */
const LEFT_OUT = /^(?:node_modules|\.git|coverage|dist|Pulumi\..+\.yaml)$/;

/**
 * A stack for one test file: a copy of this checkout in a temporary folder with a state, a passphrase
 * and a Pulumi home of its own, so that nothing of it touches the checkout or the person's stacks.
 */
export class Workspace {
  /** Everything that the commands printed so far: no secret may be in it. */
  transcript = "";

  private constructor(
    /** Of the copy. */
    readonly folder: string,
    readonly stack: string,
    readonly env: NodeJS.ProcessEnv,
    private readonly parent: string,
  ) {}

  /**
   * @param options.main the Pulumi program, relative to the checkout @default the checkout's own
   * @param options.config configuration by key below the project's name
   * @param options.passphrase of the stack's secrets @default a random one
   * @param options.stack its name @default `t` and four random hexadecimal digits
   */
  static async create(options: {
    main?: string;
    config?: ConfigPatch;
    passphrase?: string;
    stack?: string;
  }): Promise<Workspace> {
    const parent = mkdtempSync(join(tmpdir(), "atalaya-live-"));
    const folder = join(parent, "checkout");
    cpSync(ROOT, folder, {
      recursive: true,
      filter: (source) => source === ROOT || !LEFT_OUT.test(basename(source)),
    });
    symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"), "dir");
    if (options.main !== undefined) {
      const file = join(folder, "Pulumi.yaml");
      writeFileSync(
        file,
        stringify({ ...(parse(readFileSync(file, "utf8")) as object), main: options.main }),
      );
    }
    const stack = options.stack ?? `t${randomBytes(2).toString("hex")}`;
    const env: NodeJS.ProcessEnv = {
      ...process.env,
      PULUMI_BACKEND_URL: pathToFileURL(mkdir(join(parent, "state"))).href,
      PULUMI_CONFIG_PASSPHRASE: options.passphrase ?? randomBytes(16).toString("hex"),
      PULUMI_CONFIG_PASSPHRASE_FILE: "",
      PULUMI_SKIP_UPDATE_CHECK: "true",
      PULUMI_HOME: home(parent),
      // So that its event log is complete.
      PULUMI_DEBUG_COMMANDS: "true",
      XDG_STATE_HOME: join(parent, "xdg"),
      NO_COLOR: "1",
      CI: "true",
    };
    delete env["PULUMI_CONFIG_PASSPHRASE_FILE"];
    delete env["PULUMI_STACK"];
    delete env["FORCE_COLOR"];
    const workspace = new Workspace(folder, stack, env, parent);
    workspace.configure({
      // Grafana runs by its official image, which nothing stands in for: who has it says so.
      ...(options.config?.["monitoring"] === undefined
        ? {}
        : { observability: { dashboards: false } }),
    });
    workspace.configure(options.config ?? {});
    await workspace.pulumi("stack", "init", stack);
    return workspace;
  }

  /** The stack's configuration file. */
  get configFile(): string {
    return join(this.folder, `Pulumi.${this.stack}.yaml`);
  }

  /** Merges plain values into the configuration; `undefined` takes one out. */
  configure(patch: ConfigPatch): void {
    const file = existsSync(this.configFile)
      ? (parse(readFileSync(this.configFile, "utf8")) as Record<string, unknown>)
      : {};
    const named = Object.fromEntries(
      Object.entries(patch).map(([key, value]) => [`atalaya:${key}`, value]),
    );
    const config = merge((file["config"] ?? {}) as Record<string, unknown>, named);
    writeFileSync(this.configFile, stringify({ ...file, config }));
  }

  /** Sets a sensitive value; it travels through standard input. */
  async setSecret(path: string, value: string): Promise<void> {
    await must("pulumi", ["config", "set", "--secret", "--path", path, "--stack", this.stack], {
      ...this.options,
      input: value,
    });
  }

  /** Runs a Pulumi command that has to succeed. */
  async pulumi(...args: string[]): Promise<string> {
    const ran = await this.keep(run("pulumi", args, this.options));
    if (ran.code !== 0) {
      throw new Error(
        `pulumi ${args.join(" ")}: exit code ${ran.code}\n${ran.stdout}${ran.stderr}`,
      );
    }
    return ran.stdout.trim();
  }

  /** `pulumi up`, `preview`, `refresh` or `destroy`; a failure is a result. */
  async operate(
    operation: "up" | "preview" | "refresh" | "destroy",
    ...args: string[]
  ): Promise<Updated> {
    const log = join(this.parent, `events-${randomBytes(4).toString("hex")}.jsonl`);
    const ran = await this.keep(
      run(
        "pulumi",
        [
          ...[operation, "--stack", this.stack, "--non-interactive", "--event-log", log],
          ...(operation === "preview" ? [] : ["--yes", "--skip-preview"]),
          ...args,
        ],
        this.options,
      ),
    );
    const events = readEvents(existsSync(log) ? readFileSync(log, "utf8") : "");
    return { ...ran, ...events, text: `${ran.stdout}\n${ran.stderr}` };
  }

  /**
   * `pulumi up` that has to succeed.
   * @throws Error with all that it said
   */
  async up(patch: ConfigPatch = {}): Promise<Updated> {
    this.configure(patch);
    const updated = await this.operate("up");
    if (updated.code !== 0) throw new Error(`pulumi up failed:\n${updated.text}`);
    return updated;
  }

  /** Starts `pulumi up` without waiting for it. */
  startUp(): Running {
    return start(
      "pulumi",
      ["up", "--yes", "--skip-preview", "--non-interactive", "--stack", this.stack],
      this.options,
    );
  }

  /** The `atalaya` command of the copy, on this stack. */
  atalaya(
    command: "up" | "down" | "preview" | "render" | "health",
    ...args: string[]
  ): Promise<Ran> {
    return this.keep(
      run(
        process.execPath,
        [
          join(this.folder, "operations", "atalaya.mjs"),
          command,
          "-s",
          this.stack,
          ...(["render", "health"].includes(command) ? [] : ["--yes"]),
          ...args,
        ],
        this.options,
      ),
    );
  }

  /** Starts `atalaya open …` of the copy, on this stack, without waiting for its end. */
  startOpen(page: string, ...args: string[]): Running {
    const command = [join(this.folder, "operations", "atalaya.mjs"), "open", page];
    return start(process.execPath, [...command, "-s", this.stack, ...args], this.options);
  }

  /** `atalaya backup …` of the copy, on this stack. */
  backup(what: string, ...args: string[]): Promise<Ran> {
    const command = [join(this.folder, "operations", "atalaya.mjs"), "backup", what];
    return this.keep(run(process.execPath, [...command, "-s", this.stack, ...args], this.options));
  }

  /** A stack output. Secret ones only with `reveal`; they are kept out of the transcript. */
  async output<T>(name: string, reveal = false): Promise<T> {
    const text = await must(
      "pulumi",
      [
        ...["stack", "output", name, "--json", "--stack", this.stack],
        ...(reveal ? ["--show-secrets"] : []),
      ],
      this.options,
    );
    return JSON.parse(text) as T;
  }

  /** Removes the folder of a stack that never had anything in an engine. */
  discard(): void {
    rmSync(this.parent, { recursive: true, force: true });
  }

  /** Removes everything: the stack with its protected data, what it left in the engine, the folder. */
  async remove(): Promise<void> {
    const options = { ...this.options };
    await run("pulumi", ["cancel", "--yes", "--stack", this.stack], options);
    await run("pulumi", ["state", "unprotect", "--all", "--yes", "--stack", this.stack], options);
    await run("pulumi", ["destroy", "--yes", "--skip-preview", "--stack", this.stack], options);
    await sweep(this.stack);
    rmSync(this.parent, { recursive: true, force: true });
  }

  private get options(): CommandOptions {
    return { cwd: this.folder, env: this.env };
  }

  private async keep(running: Promise<Ran>): Promise<Ran> {
    const ran = await running;
    this.transcript += `${ran.stdout}\n${ran.stderr}\n`;
    return ran;
  }
}

/** As many TCP ports as asked for that nobody listens on. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.on("error", reject);
          server.listen(0, "0.0.0.0", () => {
            const address = server.address();
            if (address === null || typeof address === "string") reject(new Error("no port"));
            else resolve(address.port);
          });
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** A Pulumi home of its own that has the plugins which were downloaded before. */
function home(parent: string): string {
  const own = mkdir(join(parent, "home"));
  const plugins = join(pulumiHome(), "plugins");
  if (existsSync(plugins)) symlinkSync(plugins, join(own, "plugins"), "dir");
  return own;
}

function mkdir(folder: string): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return folder;
}

function merge(
  base: Readonly<Record<string, unknown>>,
  patch: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(patch)) {
    if (value === undefined) delete merged[key];
    else if (isObject(value) && isObject(merged[key])) merged[key] = merge(merged[key], value);
    else merged[key] = value;
  }
  return merged;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
