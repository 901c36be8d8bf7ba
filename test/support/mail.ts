import { createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { TLSSocket } from "node:tls";

/** A message as it came in. */
export interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  /** User and password that the sender gave, with a colon between them. */
  readonly login?: string;
  /** Whether all of it came over TLS. */
  readonly secure: boolean;
  /** Headers and body, as they were sent. */
  readonly text: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** Certificate and key, both PEM. */
export interface Identity {
  readonly certificate: string;
  readonly key: string;
}

/** A mail host that takes everything and delivers nothing: as much of SMTP (RFC 5321) as a sender needs. */
export class MailSink {
  readonly received: Mail[] = [];

  private constructor(
    private readonly server: Server,
    readonly port: number,
    private readonly tls: Identity | undefined,
  ) {}

  /**
   * @param address where it listens @default every address
   * @param tls offers STARTTLS (RFC 3207) with it
   */
  static async start(address = "0.0.0.0", tls?: Identity): Promise<MailSink> {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(0, address, resolve);
    });
    const sink = new MailSink(server, (server.address() as AddressInfo).port, tls);
    server.on("connection", (socket) => sink.converse(socket));
    return sink;
  }

  /** The `Subject` of a message, in one line. */
  static subject({ text }: Mail): string {
    const [, subject = ""] = /^Subject: (.*(?:\r\n[ \t].*)*)/im.exec(text) ?? [];
    return decodeWords(subject.replace(/\r\n[ \t]+/g, " "));
  }

  stop(): Promise<void> {
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  private converse(plain: Socket): void {
    let socket = plain;
    let buffer = "";
    let from = "";
    let to: string[] = [];
    let login: string | undefined;
    let reading = false;
    const answer = (line: string): void => void socket.write(`${line}\r\n`);
    const command = (line: string): void => {
      const verb = line.slice(0, 4).toUpperCase();
      const [, address = ""] = /<([^>]*)>/.exec(line) ?? [];
      if (verb === "DATA") {
        reading = true;
        answer("354 go on");
        return;
      }
      if (verb === "QUIT") {
        socket.end("221 bye\r\n");
        return;
      }
      if (verb === "AUTH") {
        const [, user, password] = Buffer.from(line.split(" ")[2] ?? "", "base64")
          .toString()
          .split("\0");
        login = `${user}:${password}`;
        answer("235 welcome");
        return;
      }
      if (verb === "STAR" && this.tls !== undefined) {
        answer("220 go on");
        const { certificate: cert, key } = this.tls;
        plain.removeAllListeners("data");
        socket = new TLSSocket(plain, { isServer: true, cert, key });
        listen();
        return;
      }
      if (verb === "EHLO") {
        const offers = this.tls !== undefined && socket === plain ? "250-STARTTLS\r\n" : "";
        socket.write(`250-sink\r\n${offers}250-AUTH PLAIN\r\n`);
      }
      if (verb === "MAIL") [from, to] = [address, []];
      if (verb === "RCPT") to.push(address);
      answer(["EHLO", "HELO", "MAIL", "RCPT", "RSET", "NOOP"].includes(verb) ? "250 ok" : "502 no");
    };
    const take = (chunk: Buffer): void => {
      buffer += chunk.toString();
      for (;;) {
        const end = reading ? "\r\n.\r\n" : "\r\n";
        const at = buffer.indexOf(end);
        if (at === -1) return;
        const part = buffer.slice(0, at);
        buffer = buffer.slice(at + end.length);
        if (reading) {
          reading = false;
          const text = part.replace(/^\.\./gm, ".");
          const by = login === undefined ? {} : { login };
          const secure = socket !== plain;
          this.received.push({ from, to, ...by, secure, text, at: Date.now() });
          answer("250 taken");
        } else command(part);
      }
    };
    const listen = (): void => {
      socket.on("error", () => socket.destroy());
      socket.on("data", take);
    };
    listen();
    answer("220 sink");
  }
}

/** Encoded words of a header (RFC 2047, Q encoding) as text. */
const decodeWords = (header: string): string =>
  header.replace(/\?=\s+=\?/g, "?==?").replace(/=\?utf-8\?q\?(.*?)\?=/gi, (_, word: string) =>
    decodeURIComponent(
      word
        .replace(/_/g, " ")
        .replace(/%/g, "%25")
        .replace(/=([0-9A-F]{2})/gi, "%$1"),
    ),
  );
