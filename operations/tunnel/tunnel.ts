import { spawn } from "node:child_process";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { ExitCode, UserError } from "../errors";
import type { Invocation } from "../health/engine";

/**
 * Joins its standard input and output with a port of its own container, until one of them ends. For `sh -c`, with
 * the port as its argument; bash where there is one, else busybox' nc.
 */
export const RELAY = [
  "if command -v bash >/dev/null 2>&1; then",
  // Each side is a process, so that the end of one ends the other. A job in the background has no standard input.
  `exec bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1" 4<&0 || exit 1; cat <&4 >&3 & cat <&3 & wait -n; kill $(jobs -p) 2>/dev/null; exit 0' relay "$1";`,
  'else exec nc 127.0.0.1 "$1"; fi',
].join(" ");

/** The command that leads into a port of its container. */
export const relayTo = (port: number): string[] => ["sh", "-c", RELAY, "relay", String(port)];

/** What somebody opened on this machine. */
export interface Tunnel {
  /** On loopback. */
  readonly port: number;
  readonly close: () => Promise<void>;
}

export interface TunnelArgs {
  /** How one connection is made; asked anew after one that failed, since an instance may have been replaced. */
  readonly connect: () => Promise<Invocation>;
  /** Port on loopback that has to be had. */
  readonly port?: number;
  /** Port that is taken where it is free. */
  readonly preferred: number;
  /** Told why a connection could not be made. */
  readonly onFailure: (reason: string) => void;
}

/**
 * A port on this machine's loopback that leads into a container: each connection is a process, whose standard input
 * and output it is. Nothing is published.
 * @throws UserError where the wanted port is taken
 */
export async function openTunnel(args: TunnelArgs): Promise<Tunnel> {
  const open = new Set<Socket>();
  let way: Promise<Invocation> | undefined;
  const server = createServer((socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    // Whoever asked has gone.
    socket.on("error", () => socket.destroy());
    way ??= args.connect();
    const taken = way;
    const failed = (reason: string): void => {
      if (way === taken) way = undefined;
      socket.destroy();
      args.onFailure(reason);
    };
    taken.then(
      (invocation) => join(socket, invocation, failed),
      (error: unknown) => failed(error instanceof Error ? error.message : String(error)),
    );
  });
  await listen(server, args);
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        for (const socket of open) socket.destroy();
      }),
  };
}

/** Runs the command as long as the connection, and the other way round. */
function join(
  socket: Socket,
  { command, args, env }: Invocation,
  failed: (reason: string) => void,
): void {
  if (socket.destroyed) return;
  const child = spawn(command, args, { env: { ...process.env, ...env } });
  let said = "";
  let answered = false;
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
  child.stdout.once("data", () => (answered = true));
  child.stdin.on("error", () => undefined);
  socket.pipe(child.stdin);
  child.stdout.pipe(socket);
  socket.on("close", () => child.stdin.end());
  child.on("error", (error) => failed(error.message));
  child.on("close", (code) => {
    if (code !== 0 && !answered) {
      failed(said.trim().split("\n").at(-1) || `${command}: exit code ${code}`);
    }
    socket.end();
  });
}

async function listen(server: Server, { port, preferred }: TunnelArgs): Promise<void> {
  const on = (wanted: number): Promise<void> =>
    new Promise((ready, refused) => {
      server.once("error", refused);
      server.listen(wanted, "127.0.0.1", () => {
        server.off("error", refused);
        ready();
      });
    });
  try {
    await on(port ?? preferred);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    if (port === undefined) return on(0);
    throw new UserError(
      `Port ${port} of this machine is taken.`,
      "Leave --port out, or name another one.",
      ExitCode.usage,
    );
  }
}
