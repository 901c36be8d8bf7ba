import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";
import { pino } from "pino";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import { serverWith } from "./server.fixture";

const folder = mkdtempSync(join(tmpdir(), "mail-"));
const USER = "shop@example.org";
const PASSWORD = "correct-horse";
const MESSAGE = { name: "Ana", email: "ana@example.org", message: "Hello\n.\nand goodbye" };

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** A mail server that takes one login and keeps what it was given, until the test ends. */
async function mailServer(t: TestContext, options: SMTPServerOptions) {
  const seen = { logins: 0, recipients: [] as string[], texts: [] as string[] };
  const server = new SMTPServer({
    disableReverseLookup: true,
    onAuth({ username, password }, _session, done) {
      seen.logins++;
      if (username === USER && password === PASSWORD) done(null, { user: username });
      else done(new Error(`no login for ${username} with ${password}`));
    },
    onData(stream, { envelope }, done) {
      let text = "";
      stream.on("data", (chunk: Buffer) => (text += chunk.toString("utf8")));
      stream.on("end", () => {
        seen.recipients.push(...envelope.rcptTo.map(({ address }) => address));
        seen.texts.push(text);
        done();
      });
    },
    ...options,
  });
  // A client that goes away over the certificate is what a test wants.
  server.on("error", () => undefined);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.server.address() as AddressInfo;
  let closed: Promise<void> | undefined;
  const close = () => (closed ??= new Promise((resolve) => server.close(resolve)));
  t.after(close);
  return { port, seen, close };
}

const environment = (port: number): Record<string, string> => ({
  RESOURCE_PATH: "/api/contact",
  // An address, since nodemailer asks the network for names, also for this machine's.
  SMTP_HOST: "127.0.0.1",
  SMTP_PORT: String(port),
  SMTP_USER_FILE: file("user", `${USER}\n`),
  SMTP_PASSWORD_FILE: file("password", `${PASSWORD}\n`),
  MAIL_TO: "owner@example.org",
});

const post = (payload: object) => ({ method: "POST" as const, url: "/api/contact", payload });

/** A certificate for this machine, which only who is told so trusts. */
function certificate(): { key: Buffer; cert: Buffer; certFile: string } {
  const [keyFile, certFile] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2";
  execFileSync(
    "openssl",
    [
      ...request.split(" "),
      ...["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
      ...["-keyout", keyFile, "-out", certFile],
    ],
    { stdio: "ignore" },
  );
  return { key: readFileSync(keyFile), cert: readFileSync(certFile), certFile };
}

test("a message goes out by mail, and nothing in it is a header", async (t) => {
  const mails = await mailServer(t, { hideSTARTTLS: true, allowInsecureAuth: true });
  const { app } = await serverWith({ ...environment(mails.port), SMTP_ALLOW_PLAIN: "true" });
  for (const url of ["/api/contact", "/api/contact/"]) {
    const form = await app.inject(url);
    assert.equal(form.statusCode, 200);
    assert.deepEqual(form.json(), { accepts: ["name", "email", "message"] });
  }
  for (const wrong of [
    {},
    { ...MESSAGE, name: "Ana\r\nBcc: eve@example.org" },
    { ...MESSAGE, name: "Ana\u2028Bcc: eve@example.org" },
    { ...MESSAGE, email: "ana" },
    { ...MESSAGE, email: "ana@example.org\nBcc: eve@example.org" },
    { ...MESSAGE, email: "ana@example.org, eve@example.org" },
    { ...MESSAGE, message: "" },
    { ...MESSAGE, to: "eve@example.org" },
  ]) {
    assert.equal((await app.inject(post(wrong))).statusCode, 400, JSON.stringify(wrong));
  }
  assert.equal(mails.seen.logins, 0);

  assert.equal((await app.inject(post(MESSAGE))).statusCode, 202);
  const tricky = { ...MESSAGE, name: 'Ünï "x" <eve@example.org>, eve@example.org' };
  assert.equal((await app.inject(post(tricky))).statusCode, 202);
  assert.deepEqual(mails.seen.recipients, ["owner@example.org", "owner@example.org"]);
  const [plain = "", quoted = ""] = mails.seen.texts;
  assert.match(plain, /^From: shop@example.org\r$/m);
  assert.match(plain, /^To: owner@example.org\r$/m);
  assert.match(plain, /^Reply-To: Ana <ana@example.org>\r$/m);
  assert.match(plain, /Hello\r\n\.\r\nand goodbye/);
  assert.doesNotMatch(quoted, /^(Bcc|Cc):/im);
  // A header's line that begins with a space goes on with the one before.
  assert.match(quoted.replaceAll("\r\n ", " "), /^Reply-To: [^<]*<ana@example.org>\r$/m);
  await app.close();
});

test("a login and a mail go through TLS to a trusted server or not at all", async (t) => {
  const { key, cert, certFile } = certificate();
  const open = await mailServer(t, { hideSTARTTLS: true, allowInsecureAuth: true });
  const encrypted = await mailServer(t, { key, cert });
  for (const mails of [open, encrypted]) {
    const { app } = await serverWith(environment(mails.port));
    const answer = await app.inject(post(MESSAGE));
    assert.equal(answer.statusCode, 502);
    assert.deepEqual(answer.json(), { error: "the mail server failed" });
    assert.equal((await app.inject("/health/ready")).statusCode, 200);
    assert.equal(mails.seen.logins, 0);
    await app.close();
  }
  // Node takes further authorities only at its start.
  const send = `
    const { loadConfig } = require("./src/config");
    require("./src/mail").sendMail(loadConfig(process.env).smtp, ${JSON.stringify(MESSAGE)});`;
  await promisify(execFile)(process.execPath, ["--import", "tsx", "-e", send], {
    cwd: join(__dirname, ".."),
    env: { ...process.env, ...environment(encrypted.port), NODE_EXTRA_CA_CERTS: certFile },
  });
  assert.deepEqual(encrypted.seen.recipients, ["owner@example.org"]);
});

test("a refused login and a server that is away are told without their words", async (t) => {
  const lines: string[] = [];
  const log = pino({ level: "debug" }, { write: (line: string) => void lines.push(line) });
  const mails = await mailServer(t, { hideSTARTTLS: true, allowInsecureAuth: true });
  const wrong = { SMTP_ALLOW_PLAIN: "true", SMTP_PASSWORD_FILE: file("wrong", "tr0ub4dor") };
  const { app } = await serverWith({ ...environment(mails.port), ...wrong }, { log });
  assert.equal((await app.inject(post(MESSAGE))).statusCode, 502);
  assert.equal(mails.seen.logins, 1);
  // Without a restart: the files are read for each mail.
  file("wrong", PASSWORD);
  assert.equal((await app.inject(post(MESSAGE))).statusCode, 202);
  await mails.close();
  assert.equal((await app.inject(post(MESSAGE))).statusCode, 502);
  const text = lines.join("");
  assert.match(text, /"reason":"EAUTH"/);
  assert.match(text, /ECONNREFUSED|ESOCKET|ECONNECTION/);
  for (const secret of ["tr0ub4dor", PASSWORD, USER, "goodbye"]) assert(!text.includes(secret));
  await app.close();
});
