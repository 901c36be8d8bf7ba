import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { FastifyInstance } from "fastify";
import type { WebSocket } from "ws";
import { counters } from "../metrics";

const PING_MS = 20_000;

/** A message as text gives what its JSON says, or itself. */
export function parseMessage(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/**
 * `/ws/connect`: says `{"type":"hello"}`, then answers each message with
 * `{"type":"echo","id","data","at"}`. A client that misses a ping is dropped.
 */
export function webSocketRoutes(app: FastifyInstance): void {
  app.get("/ws/connect", { websocket: true, schema: { hide: true } }, (socket: WebSocket) => {
    const send = (message: object) => socket.send(JSON.stringify(message));
    let alive = true;
    counters.webSockets.inc();
    const ping = setInterval(() => {
      if (!alive) return socket.terminate();
      alive = false;
      socket.ping();
    }, PING_MS);
    socket.on("pong", () => (alive = true));
    socket.on("error", () => socket.terminate());
    socket.on("close", () => {
      clearInterval(ping);
      counters.webSockets.dec();
    });
    socket.on("message", (data, isBinary) => {
      if (isBinary) return socket.close(1003, "text only");
      // Text frames come as one Buffer: the server sets no other binary type.
      const received = parseMessage((data as Buffer).toString("utf8"));
      send({ type: "echo", id: randomUUID(), data: received, at: new Date().toISOString() });
    });
    send({ type: "hello", instance: hostname() });
  });
}
