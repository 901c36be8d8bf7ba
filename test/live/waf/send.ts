import { randomUUID } from "node:crypto";
import { request } from "node:https";
import { Agent } from "node:https";
import { handshake, type Target, tlsOptions } from "../../support/https";
import type { WafRequest } from "./request";

export interface Sent {
  /** Of the request: what the logs know it by. */
  readonly id: string;
  /** 0 where the connection was closed without an answer. */
  readonly status: number;
  readonly body: string;
}

/** Sends one request on a connection of its own, exactly as it is written. */
export async function send(target: Target, of: WafRequest): Promise<Sent> {
  const id = randomUUID();
  if (of.raw !== undefined) return { id, ...(await sendRaw(target, of.raw, id)) };
  const [type, body] =
    of.json !== undefined
      ? ["application/json", Buffer.from(JSON.stringify(of.json))]
      : of.form !== undefined
        ? [
            "application/x-www-form-urlencoded",
            Buffer.from(new URLSearchParams(of.form).toString()),
          ]
        : [undefined, of.body === undefined ? undefined : Buffer.from(of.body)];
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        ...tlsOptions(target),
        path: of.path ?? "/api/v1/items?limit=1",
        method: of.method ?? "GET",
        agent: new Agent({ keepAlive: false }),
        timeout: 15_000,
        headers: {
          host: `${target.host}:${target.port}`,
          "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
          accept: "*/*",
          "x-request-id": id,
          ...(type === undefined ? {} : { "content-type": type }),
          ...(body === undefined ? {} : { "content-length": String(body.length) }),
          ...of.headers,
        },
      },
      (response) => {
        const pieces: Buffer[] = [];
        const done = (): void =>
          resolve({ id, status: response.statusCode ?? 0, body: Buffer.concat(pieces).toString() });
        response.on("data", (piece: Buffer) => pieces.push(piece));
        response.on("end", done);
        response.on("error", done);
      },
    );
    // A gateway may answer and close before it has taken all of a body.
    asked.on("error", (error: NodeJS.ErrnoException) =>
      ["EPIPE", "ECONNRESET"].includes(error.code ?? "")
        ? setTimeout(() => resolve({ id, status: 0, body: "" }), 100)
        : reject(error),
    );
    asked.on("timeout", () => asked.destroy(new Error(`${of.name}: no answer`)));
    asked.end(body);
  });
}

async function sendRaw(
  target: Target,
  raw: string,
  id: string,
): Promise<{ status: number; body: string }> {
  const socket = await handshake(target, { ALPNProtocols: ["http/1.1"] });
  const text = raw.replaceAll("{host}", `${target.host}:${target.port}`).replaceAll("{id}", id);
  return new Promise((resolve) => {
    let answer = "";
    const done = (): void => {
      socket.destroy();
      const [, status = "0"] = /^HTTP\/1\.1 (\d{3})/.exec(answer) ?? [];
      resolve({ status: Number(status), body: answer.slice(answer.indexOf("\r\n\r\n") + 4) });
    };
    socket.setTimeout(3_000, done);
    socket.on("data", (piece: Buffer) => (answer += piece.toString("latin1")));
    socket.on("close", done);
    socket.on("error", done);
    socket.write(text, "latin1");
  });
}
