import { type IncomingHttpHeaders } from "node:http";
import { Agent, request, type RequestOptions } from "node:https";
import { connect as tlsConnect, type ConnectionOptions, type TLSSocket } from "node:tls";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Ask {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** @default a connection of its own */
  readonly agent?: Agent;
  /** Milliseconds. @default 15 s */
  readonly timeoutMs?: number;
}

/** Where each kind of gateway keeps the certificate of its own authority. */
export const ROOTS = {
  caddy: "/data/caddy/pki/authorities/local/root.crt",
  nginx: "/data/nginx/authority/root.crt",
} as const;

/** Where a gateway is found. Certificates are verified against its authority, never ignored. */
export interface Target {
  /** Name in the URL and in the certificate. */
  readonly host: string;
  /** Address that the name stands for. @default 127.0.0.1 */
  readonly address?: string;
  readonly port: number;
  /** The authority's certificate (PEM). */
  readonly ca: string;
}

/** Options that lead a TLS connection to the target. */
export function tlsOptions(target: Target): ConnectionOptions & { port: number } {
  return {
    host: target.address ?? "127.0.0.1",
    port: target.port,
    servername: target.host,
    ca: target.ca,
  };
}

/** One request; the path goes out exactly as it is written. */
export function ask(target: Target, path: string, options: Ask = {}): Promise<Answer> {
  const body = options.json === undefined ? undefined : JSON.stringify(options.json);
  const settings: RequestOptions = {
    ...tlsOptions(target),
    path,
    method: options.method ?? "GET",
    agent: options.agent ?? new Agent({ keepAlive: false }),
    timeout: options.timeoutMs ?? 15_000,
    headers: {
      host: `${target.host}:${target.port}`,
      ...(body === undefined
        ? {}
        : {
            "content-type": "application/json",
            "content-length": String(Buffer.byteLength(body)),
          }),
      ...options.headers,
    },
  };
  return new Promise((resolve, reject) => {
    const asked = request(settings, (response) => {
      const pieces: Buffer[] = [];
      response.on("data", (piece: Buffer) => pieces.push(piece));
      response.on("error", reject);
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(pieces),
        }),
      );
    });
    asked.on("timeout", () =>
      asked.destroy(Object.assign(new Error("timeout"), { code: "TIMEOUT" })),
    );
    asked.on("error", reject);
    asked.end(body);
  });
}

/** A TLS handshake; the caller ends the connection. */
export function handshake(target: Target, options: ConnectionOptions = {}): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = tlsConnect({ ...tlsOptions(target), ...options }, () => resolve(socket));
    socket.on("error", reject);
  });
}
