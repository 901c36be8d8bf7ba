import type { SmtpConfig } from "./config";
import { readSecretLater } from "./secrets";
import { withTimeout } from "./timing";

/** What somebody writes through a contact form. */
export interface ContactMessage {
  readonly name: string;
  readonly email: string;
  readonly message: string;
}

const TIMEOUT_MS = 10_000;
/** The port on which TLS begins with the connection. */
const TLS_PORT = 465;

/**
 * Sends a message to `smtp.to`. Sender and recipient are the configuration's alone; who wrote is
 * named where an answer goes, and in the text.
 */
export async function sendMail(smtp: SmtpConfig, contact: ContactMessage): Promise<void> {
  // Loaded only where mail is sent, as the driver of MongoDB is.
  const { createTransport } = await import("nodemailer");
  // Read for each mail, so that a rotated login is found.
  const auth = smtp.login && {
    user: await readSecretLater(smtp.login.userFile),
    pass: await readSecretLater(smtp.login.passwordFile),
  };
  const from = smtp.from ?? auth?.user;
  const transport = createTransport({
    host: smtp.host,
    port: smtp.port,
    secure: smtp.port === TLS_PORT,
    requireTLS: !smtp.allowPlain,
    ...(auth && { auth }),
    dnsTimeout: TIMEOUT_MS,
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const { name, email, message } = contact;
  const sent = transport.sendMail({
    from,
    to: smtp.to,
    replyTo: { name, address: email },
    subject: `Message from ${name}`,
    text: `${name} <${email}> wrote:\n\n${message}\n`,
  });
  await withTimeout(sent, TIMEOUT_MS);
}

/** What a log may hold of a failure: a server's own words can quote the login or the mail. */
export function mailFailure(error: unknown): Record<string, unknown> {
  const { name, code, command, responseCode } = error as Record<string, unknown>;
  return { reason: code ?? name, command, responseCode };
}
