import { randomBytes } from "node:crypto";
import { Agent, type RequestOptions, request } from "node:https";
import { isIP } from "node:net";
import { performance } from "node:perf_hooks";
import type { TLSSocket } from "node:tls";

/** What a gateway is asked for. */
export interface Target {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** Where it is found instead of by its name. */
  readonly address?: string;
}

/** What a client gets from it. */
export interface Answer {
  readonly status: number;
  /** Median of {@link ATTEMPTS} requests over one connection, from sent to the head of the answer. */
  readonly seconds: number;
  /** Seconds until its certificate ends. */
  readonly certificate: number;
  /** Why a client would not trust the certificate. */
  readonly untrusted?: string;
}

/** Times a first request alone says little: connections behind the gateway may have to be made. */
const ATTEMPTS = 3;

const HEADERS = { accept: "*/*", "user-agent": "atalaya-health" };

const optionsOf = ({ host, port, path, address }: Target): RequestOptions => ({
  host: address ?? host,
  port,
  path,
  servername: isIP(host) === 0 ? host : "",
  headers: { ...HEADERS, host: port === 443 ? host : `${host}:${port}` },
  // What is wrong with a certificate is part of the answer.
  rejectUnauthorized: false,
});

/** Asks a gateway as a client would. @throws Error of Node, with a code */
export async function askHttps(target: Target, signal: AbortSignal): Promise<Answer> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  try {
    const answers: Omit<Answer, "seconds">[] = [];
    const times: number[] = [];
    for (let i = 0; i < ATTEMPTS; i++) {
      const { took, ...answer } = await once({ ...optionsOf(target), agent, signal });
      answers.push(answer);
      times.push(took);
    }
    const seconds = times.sort((a, b) => a - b)[Math.floor(ATTEMPTS / 2)]!;
    return { ...answers[0]!, seconds };
  } finally {
    agent.destroy();
  }
}

const once = (options: RequestOptions): Promise<Omit<Answer, "seconds"> & { took: number }> =>
  new Promise((resolve, reject) => {
    let start = performance.now();
    const asked = request({ ...options, method: "GET" }, (response) => {
      const took = (performance.now() - start) / 1_000;
      const { socket } = response as unknown as { socket: TLSSocket };
      const seen = { status: response.statusCode ?? 0, took, ...trustOf(socket) };
      response
        .resume()
        .on("end", () => resolve(seen))
        .on("error", reject);
    });
    asked.on("socket", (socket) => {
      // People come with a connection for many requests.
      if (socket.connecting) socket.once("secureConnect", () => (start = performance.now()));
    });
    asked.on("error", reject).end();
  });

function trustOf(socket: TLSSocket): Pick<Answer, "certificate" | "untrusted"> {
  const ends = Date.parse(socket.getPeerCertificate().valid_to);
  const certificate = (ends - Date.now()) / 1_000;
  if (socket.authorized) return { certificate };
  const why: unknown = socket.authorizationError;
  return { certificate, untrusted: why instanceof Error ? why.message : String(why) };
}

/** Opens a WebSocket and leaves at once. @returns the status of the answer, 101 where it was opened */
export const askUpgrade = (target: Target, signal: AbortSignal): Promise<number> =>
  new Promise((resolve, reject) => {
    const options = optionsOf(target);
    const asked = request({
      ...options,
      signal,
      agent: false,
      headers: {
        ...(options.headers as Record<string, string>),
        connection: "Upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": randomBytes(16).toString("base64"),
      },
    });
    asked.on("upgrade", (_response, socket) => {
      // What becomes of the connection from here on is no part of the answer, nor waited for.
      socket.on("error", () => undefined);
      // A close frame without a reason, masked as a client's has to be.
      socket.end(Buffer.from([0x88, 0x80, 0, 0, 0, 0]), () => socket.destroy());
      resolve(101);
    });
    asked.on("response", (response) => {
      response.destroy();
      resolve(response.statusCode ?? 0);
    });
    asked.on("error", reject).end();
  });
