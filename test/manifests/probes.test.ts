import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { blackboxConfig, targetsOf } from "../../components/observability/targets";
import { swarm } from "../../platforms/swarm/swarm";
import { selfSigned } from "../support/certificates";
import { until } from "../support/poll";
import { watchedShop } from "../support/watched";
import { freePorts } from "../support/workspace";
import { program } from "./monitoring-tools";
import { BUILD_MS } from "./tools";

jest.setTimeout(60_000);

/** A real blackbox_exporter with our modules, asked with the words that Prometheus uses. */
const systems = watchedShop();
const modules = targetsOf({
  systems,
  address: (system, workload) => swarm.instances("dev", system, workload),
  containers: (system, workload) => swarm.containers("dev", system, workload),
  blackbox: 9115,
});

const HOST = "shop.example.org";
/** What the gateway answers to who wants a WebSocket: a line of status. */
let answer = "";
let asked: string[] = [];
/** The host that each handshake was for: a gateway has a certificate for no other. */
let named: unknown[] = [];

let folder: string;
let gateway: Server;
let blackbox: ChildProcess;
let address: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "atalaya-probes-"));
  const { certificate, key } = await selfSigned(HOST);
  gateway = createServer({ cert: certificate, key }, (_, response) => response.end());
  gateway.on("secureConnection", ({ servername }) => named.push(servername));
  gateway.on("upgrade", (request, socket, head) => {
    asked.push(`${request.headers.host} ${request.url} ${head.length}`);
    // What was opened stays open: whoever asks has to leave by itself.
    socket.on("error", () => undefined).write(`HTTP/1.1 ${answer}\r\n\r\n`);
  });
  await new Promise<void>((listens) => gateway.listen(0, "127.0.0.1", listens));
  writeFileSync(join(folder, "blackbox.yml"), stringify(blackboxConfig(systems)));
  const [port] = await freePorts(1);
  address = `http://127.0.0.1:${port}`;
  blackbox = spawn(
    await program("blackbox_exporter"),
    [`--config.file=${join(folder, "blackbox.yml")}`, `--web.listen-address=127.0.0.1:${port}`],
    { stdio: "ignore" },
  );
  await until("blackbox_exporter answers", { within: 30_000 }, () =>
    fetch(`${address}/-/healthy`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
}, BUILD_MS);

afterAll(async () => {
  blackbox.kill();
  gateway.closeAllConnections();
  await new Promise((closed) => gateway.close(closed));
  rmSync(folder, { recursive: true });
});

const gatewayAt = (): string => `127.0.0.1:${(gateway.address() as AddressInfo).port}`;

/** What comes of a question, by a target's module. */
async function metrics(name: string, at: string): Promise<string> {
  const { params } = modules.find((target) => target.name === name)!;
  const query = new URLSearchParams({ target: at });
  for (const [key, values] of Object.entries(params!)) values.forEach((v) => query.append(key, v));
  const response = await fetch(`${address}/probe?${query.toString()}`);
  return response.text();
}

/** Whether it is well. */
const probe = async (name: string, at = gatewayAt()): Promise<string | undefined> =>
  /^probe_success (\d)$/m.exec(await metrics(name, at))?.[1];

test.each([
  ["101 Switching Protocols", "1"],
  ["401 Unauthorized", "1"],
  ["403 Forbidden", "0"],
  ["404 Not Found", "0"],
  ["503 Service Unavailable", "0"],
])("a WebSocket that is answered by %s is %s", async (status, well) => {
  answer = status;
  asked = [];
  named = [];
  expect(await probe(`shop/edge/${HOST}/ws`)).toBe(well);
  // The whole request, and not a byte more: that would be a frame that breaks the WebSocket.
  expect(asked).toEqual([`${HOST} /ws 0`]);
  expect(named).toEqual([HOST]);
});

test("a front is well where a handshake succeeds through it, whoever vouches for the certificate", async () => {
  named = [];
  expect(await probe(`shop/edge-front/${HOST}`)).toBe("1");
  expect(named).toEqual([HOST]);
});

test("when a certificate ends is known of one that nobody vouches for, which gets no usable answer", async () => {
  const end = /^probe_ssl_earliest_cert_expiry \S+$/m;
  const verified = await metrics(`shop/edge/${HOST}`, `https://${gatewayAt()}/`);
  expect(verified).toMatch(/^probe_success 0$/m);
  expect(verified).not.toMatch(end);
  named = [];
  expect(await metrics(`shop/edge/certificate of ${HOST}`, gatewayAt())).toMatch(end);
  expect(named).toEqual([HOST]);
});

test("a front is not well where nobody listens", async () => {
  const [nobody] = await freePorts(1);
  expect(await probe(`shop/edge-front/${HOST}`, `127.0.0.1:${nobody}`)).toBe("0");
});
