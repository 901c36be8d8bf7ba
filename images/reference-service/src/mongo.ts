import type { Db, MongoClient } from "mongodb";
import type { MongoConfig } from "./config";
import { readSecretLater } from "./secrets";
import { withTimeout } from "./timing";

/** A request may not hang on MongoDB: longest wait for a connection, and for an answer. */
const TIMEOUT_MS = 5_000;
const IDLE_MS = 30_000;

/** MongoDB's code for a login that it does not accept. */
const AUTHENTICATION_FAILED = 18;

/** A client, and the password that it was made with. */
interface Login {
  readonly client: MongoClient;
  readonly password: string;
}

/** The address without any credentials. Its database is the default of `authSource`. */
export function mongoUrl({ host, port, name, options }: MongoConfig): string {
  return `mongodb://${host}:${port}/${encodeURIComponent(name)}?${options}`;
}

/** Opens nothing yet: a client connects with its first command. */
export async function newMongoClient(
  mongo: MongoConfig,
  password: string,
  appName: string,
  poolMax: number,
): Promise<MongoClient> {
  // Loaded only where it is used: the driver takes memory of every worker.
  const { MongoClient } = await import("mongodb");
  return new MongoClient(mongoUrl(mongo), {
    appName,
    auth: { username: mongo.user, password },
    maxPoolSize: poolMax,
    maxIdleTimeMS: IDLE_MS,
    connectTimeoutMS: TIMEOUT_MS,
    serverSelectionTimeoutMS: TIMEOUT_MS,
    waitQueueTimeoutMS: TIMEOUT_MS,
    // Also what drops a connection whose peer vanished without closing it.
    socketTimeoutMS: TIMEOUT_MS,
  });
}

/**
 * A pool of connections to MongoDB. The driver takes a password once for a whole client, so a
 * rotated one is found by making another client when the login is refused.
 */
export class MongoConnection {
  #login: Promise<Login> | undefined;

  constructor(
    private readonly mongo: MongoConfig,
    private readonly appName: string,
    private readonly poolMax: number,
  ) {}

  /** Does `work` within five seconds. It is begun again when the password was changed meanwhile. */
  async run<T>(work: (database: Db) => Promise<T>): Promise<T> {
    return withTimeout(this.#attempt(work), TIMEOUT_MS);
  }

  async close(): Promise<void> {
    await this.#login?.then(({ client }) => client.close()).catch(() => undefined);
  }

  async #attempt<T>(work: (database: Db) => Promise<T>): Promise<T> {
    const login = (this.#login ??= this.#open());
    const { client, password } = await login;
    try {
      return await work(client.db());
    } catch (error) {
      if ((error as { code?: unknown }).code !== AUTHENTICATION_FAILED) throw error;
      if ((await readSecretLater(this.mongo.passwordFile)) === password) throw error;
      this.#retire(login);
      return this.#attempt(work);
    }
  }

  #open(): Promise<Login> {
    const login = readSecretLater(this.mongo.passwordFile).then(async (password) => ({
      client: await newMongoClient(this.mongo, password, this.appName, this.poolMax),
      password,
    }));
    // A file that could not be read is tried again by whoever asks next.
    login.catch(() => this.#retire(login));
    return login;
  }

  /** Closes it for all, once those who still have a connection are through. */
  #retire(login: Promise<Login>): void {
    if (this.#login !== login) return;
    this.#login = undefined;
    const close = () => void login.then(({ client }) => client.close()).catch(() => undefined);
    setTimeout(close, TIMEOUT_MS).unref();
  }
}
