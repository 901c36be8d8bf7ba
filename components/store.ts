import type { Container, Job, User, Workload } from "../model/system";
import type { LogFormat } from "../model/logs";
import { checkName } from "../model/names";
import { jsonText } from "../model/text";
import { bytes, type Size } from "../model/units";
import { rolling } from "./release";
import { type ResourceArgs, resources } from "./service";
import {
  type Description,
  type LinkGrant,
  type LinkRequest,
  type Placement,
  Provider,
  type ResolvedLink,
} from "./system";

/** What every kind of store says of itself once; the rest follows. */
export interface StoreKind {
  /** Class name, for example `Postgres`. */
  readonly kind: string;
  readonly port: number;
  /** The image's own user; the data directory belongs to it. */
  readonly user: User;
  /** Where the data volume is mounted. */
  readonly dataPath: string;
  /** Configuration file as the image reads it. */
  readonly confPath: string;
  /**
   * The image's own program. `init` makes an empty volume a database; `serve` runs the store and refuses an empty
   * volume; `health` exits 0 when it answers, `alive` also while it recovers; `access --grant | --revoke` makes its users match the list.
   */
  readonly program: string;
  /** The administrator's name. */
  readonly administrator: string;
  /** Default prefix of a consumer's variables. */
  readonly env: string;
  /** How its lines are read. */
  readonly log: LogFormat;
}

/** A link's own options, with the prefix of the variables that the consumer gets. */
export interface StoreLinkOptions {
  readonly env?: string;
}

/** A consumer's link to a store. */
export interface StoreLink<Options> {
  readonly link: ResolvedLink;
  readonly as: string;
  readonly options: Options;
}

/** What a store's instance decides for its workload. */
export interface StoreWorkload {
  readonly image: string;
  readonly version: string;
  readonly conf: string;
  readonly storage: Size;
  readonly resources: ResourceArgs;
  readonly scratch?: Container["scratch"];
  readonly stop: Container["stop"];
  /** Generated secrets that only the server itself reads: variable of the file's path → secret. @default none */
  readonly keys?: Readonly<Record<string, string>>;
  /** Another volume than the first one, and the job that makes it. @default the first one */
  readonly data?: { readonly volume: string; readonly job: string };
  /** What other parts of the component need in the server's own container. @default nothing */
  readonly more?: Pick<Workload, "environment" | "secrets" | "files" | "ports" | "facts">;
}

/** Which database, where somebody says so. */
interface DatabaseChoice {
  readonly database?: string;
}

/** Names of roles that are not a consumer's. */
const RESERVED = ["owner", "default", "public"];

const ACCESS_FILE = "access.json";

const TINY: ResourceArgs = {
  cpu: { reserve: 0.01, limit: 0.5 },
  memory: { reserve: "16 MiB", limit: "64 MiB" },
};

/**
 * A provider that keeps data and knows its consumers by name: a database, a cache.
 *
 * Every link has an identity of its own with its own generated password. A job makes the store
 * match the links before consumers start; another withdraws what no link asks for, once the
 * consumers have changed. Adding a consumer restarts nothing. Data and the administrator's password
 * inside it are protected.
 */
export abstract class Store<Options extends StoreLinkOptions> extends Provider {
  constructor(
    protected readonly store: StoreKind,
    name: string,
    placement: Placement,
  ) {
    super(store.kind, name, placement);
    // The jobs are consumers too: each needs the way to the store.
    const administration = { provider: this, as: store.administrator, env: "ADMIN" };
    this.system.addLinks(name, this.grantJob, [administration]);
    this.system.addLinks(name, this.revokeJob, [administration]);
  }

  protected request(as: string, options: Options, label: string): LinkRequest {
    return { provider: this, as, env: options.env ?? this.store.env, label, options };
  }

  /** The links of consumers, without the store's own jobs. */
  protected get links(): StoreLink<Options>[] {
    return this.linksThrough(this);
  }

  /** Those that lead to a provider: the store itself, or one in front of it. */
  protected linksThrough(provider: Provider): StoreLink<Options>[] {
    return this.system
      .linksTo(provider)
      .filter((link) => link.request.options !== undefined)
      .map((link) => ({ link, as: link.request.as, options: link.request.options as Options }));
  }

  protected passwordSecret(as: string): string {
    return `${this.name}-${as}-password`;
  }

  /** The database that a link opens, where a store has several: its own, else the component's, else the system's. */
  protected databaseOf(link: DatabaseChoice, component: DatabaseChoice): string {
    return link.database ?? component.database ?? this.system.name.replaceAll("-", "_");
  }

  protected checkGrants(to: Description, as: string, grants: readonly string[]): void {
    if (grants.length > 0) return;
    to.problem(this, `links.${as}.grants`, "is empty", 'give at least "read"');
  }

  /** The name under which a link's consumer logs in. */
  protected abstract login(as: string, options: Options): string;

  /** Variables beside host, port, user and password that a consumer gets, without prefix. */
  protected consumerVariables(_options: Options): Record<string, string> {
    return {};
  }

  private get adminSecret(): string {
    return `${this.name}-admin-password`;
  }

  private get initJob(): string {
    return `${this.name}-init`;
  }

  protected get grantJob(): string {
    return `${this.name}-grant`;
  }

  private get revokeJob(): string {
    return `${this.name}-revoke`;
  }

  override grant(link: LinkRequest): LinkGrant {
    const administrator = link.options === undefined;
    const secret = administrator ? this.adminSecret : this.passwordSecret(link.as);
    const variables: Record<string, string> = {
      HOST: this.name,
      PORT: String(this.store.port),
      USER: administrator ? link.as : this.login(link.as, link.options as Options),
      PASSWORD_FILE: `/run/secrets/${secret}`,
      ...(administrator ? {} : this.consumerVariables(link.options as Options)),
    };
    return {
      environment: Object.fromEntries(
        Object.entries(variables).map(([key, value]) => [`${link.env}_${key}`, value]),
      ),
      secrets: [{ secret, file: secret }],
      ports: [this.store.port],
      startAfter: administrator ? [this.name] : [this.name, this.grantJob],
    };
  }

  /** Adds the workload with its volume, configuration and administrator's password. */
  protected describeWorkload(to: Description, of: StoreWorkload): void {
    const { name, store } = this;
    const { more } = of;
    to.volumes.push({
      name: this.volume,
      component: name,
      size: to.check(this, "storage", () => bytes(of.storage), 0),
      access: "exclusive",
      protect: true,
    });
    const keys = Object.entries({ ADMIN_PASSWORD_FILE: this.adminSecret, ...of.keys });
    for (const [, secret] of keys) {
      to.secrets.push({
        name: secret,
        component: name,
        source: { kind: "generated", length: 32, protect: true },
      });
    }
    to.files.push({ name: `${name}-conf`, component: name, content: of.conf });
    to.reads(this, store.log);
    const workload: Workload = {
      name,
      component: name,
      image: of.image,
      command: [store.program, "serve"],
      environment: {
        ...Object.fromEntries(
          keys.map(([variable, secret]) => [variable, `/run/secrets/${secret}`]),
        ),
        ...more?.environment,
      },
      secrets: [...keys.map(([, secret]) => ({ secret, file: secret })), ...(more?.secrets ?? [])],
      files: [{ file: `${name}-conf`, path: store.confPath }, ...(more?.files ?? [])],
      volumes: [{ volume: of.data?.volume ?? this.volume, path: store.dataPath }],
      scratch: of.scratch ?? [{ path: "/tmp", size: bytes("16 MiB") }],
      user: store.user,
      resources: resources(to, this, of.resources),
      stop: of.stop,
      ports: [{ name: store.env.toLowerCase(), port: store.port }, ...(more?.ports ?? [])],
      health: {
        ready: { command: [store.program, "health"] },
        live: { command: [store.program, "alive"] },
        interval: 5,
        timeout: 5,
        retries: 5,
        // A recovery after a crash can take long, and killing it would start it over.
        startPeriod: 3_600,
      },
      scale: { min: 1, max: 1 },
      singleton: true,
      exposures: [],
      startAfter: [this.initJob, ...(of.data ? [of.data.job] : [])],
      release: rolling({ version: of.version }),
      ...(more?.facts === undefined ? {} : { facts: more.facts }),
    };
    to.workloads.push(workload);
    to.jobs.push(this.initialisation(workload));
  }

  /**
   * Makes an empty volume a database, once. The server itself never does: it refuses an empty volume
   * on another node instead of starting without data.
   */
  private initialisation(server: Workload): Job {
    return {
      name: this.initJob,
      component: this.name,
      purpose: "makes an empty volume a database",
      image: server.image,
      command: [this.store.program, "init"],
      environment: {},
      secrets: [],
      files: [],
      volumes: [{ volume: this.volume, path: this.store.dataPath }],
      scratch: server.scratch,
      user: server.user,
      resources: server.resources,
      stop: { grace: 10 },
      startAfter: [],
      timeout: 120,
    };
  }

  protected get volume(): string {
    return `${this.name}-data`;
  }

  /**
   * Adds a password for each link, the list of what the links ask for, and the two jobs that make
   * the store match it.
   * @param wanted JSON for the image's `access` command; holes stand for verifiers
   */
  protected describeAccess(to: Description, image: string, wanted: unknown): void {
    const { name } = this;
    const access = `${name}-access`;
    const seen = new Set<string>();
    for (const { as, link } of this.links) {
      to.problems.push(...checkName(`${to.system.name}.${this.name}.links.${as}`, as));
      if (seen.has(as) || RESERVED.includes(as) || as === this.store.administrator) {
        to.problem(
          this,
          `links.${as}`,
          `the name is taken (consumer ${link.consumer})`,
          "every consumer has an identity of its own: give the link another name",
        );
        continue;
      }
      seen.add(as);
      to.secrets.push({
        name: this.passwordSecret(as),
        component: name,
        source: { kind: "generated", length: 32, protect: false },
      });
    }
    to.secrets.push({
      name: access,
      component: name,
      source: { kind: "derived", content: jsonText(wanted) },
    });
    const consumers = [...new Set(this.links.map(({ link }) => link.consumer))];
    to.jobs.push(
      this.accessJob(to, image, this.grantJob, "--grant", "gives every link its access", []),
      this.accessJob(to, image, this.revokeJob, "--revoke", "withdraws what no link asks for", [
        this.grantJob,
        ...consumers.filter((consumer) => !this.system.isSchedule(consumer)),
      ]),
    );
  }

  private accessJob(
    to: Description,
    image: string,
    job: string,
    mode: string,
    purpose: string,
    after: readonly string[],
  ): Job {
    const administration = to.consume(job);
    return {
      name: job,
      component: this.name,
      purpose,
      image,
      command: [this.store.program, "access", mode],
      environment: {
        ...administration.environment,
        ACCESS_FILE: `/run/secrets/${ACCESS_FILE}`,
      },
      secrets: [...administration.secrets, { secret: `${this.name}-access`, file: ACCESS_FILE }],
      files: [],
      volumes: [],
      scratch: [{ path: "/tmp", size: bytes("16 MiB") }],
      user: this.store.user,
      resources: resources(to, this, TINY),
      stop: { grace: 10 },
      startAfter: [...administration.startAfter, ...after],
      timeout: 120,
    };
  }
}
