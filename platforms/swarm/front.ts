import type { Workload } from "../../model/system";

/** Connections: two buffers of 16 KiB each are half the memory limit. */
const CONNECTIONS = 4_000;

/** … of one client: those that do nothing are nobody's requests, and would take the place of everybody else's. */
const CLIENT_CONNECTIONS = CONNECTIONS / 4;

/**
 * The front: a thin TCP proxy that holds the host's ports while gateways behind it come and go.
 * It hands on the client's address by the PROXY protocol. Every setting was measured: with them an
 * update of the gateway lost no request (`docs/architecture.md`).
 * @param gateway found under its name; each instance's readiness is asked, so that one which shuts down
 *   and answers 503 gets nothing new
 */
export function frontConfig(gateway: Workload): string {
  const { ready } = gateway.health;
  const check = "http" in ready ? `check port ${ready.http.port}` : "check check-send-proxy";
  const lines = [
    "global",
    "  log stdout format raw local0 notice",
    `  maxconn ${CONNECTIONS}`,
    // Shorter than the grace that the engine gives.
    "  hard-stop-after 10s",
    "",
    "defaults",
    "  mode tcp",
    "  log global",
    "  option dontlognull",
    "  timeout connect 1s",
    "  timeout client 1h",
    "  timeout server 1h",
    "  timeout client-fin 10s",
    "  timeout server-fin 10s",
    "  retries 5",
    "  option redispatch 1",
    "  option clitcpka",
    "  option srvtcpka",
    "",
    "resolvers engine",
    "  nameserver dns 127.0.0.11:53",
    "  accepted_payload_size 8192",
    "  resolve_retries 2",
    "  timeout resolve 500ms",
    "  timeout retry 500ms",
    "  hold valid 1s",
    "  hold obsolete 0s",
    "",
    "listen health",
    "  mode http",
    "  bind 127.0.0.1:8404",
    "  timeout client 5s",
    "  timeout server 5s",
    "  monitor-uri /health",
  ];
  lines.push("", "backend clients", "  stick-table type ip size 20k expire 1m store conn_cur");
  for (const { port, proxies } of gateway.exposures) {
    lines.push(
      "",
      `listen port-${port}`,
      `  bind :${port}`,
      // A line has room for 64 words.
      ...proxies.map((range) => `  acl many src ${range}`),
      `  tcp-request connection track-sc0 src table clients${proxies.length > 0 ? " unless many" : ""}`,
      `  tcp-request connection reject if { sc0_conn_cur gt ${CLIENT_CONNECTIONS} }`,
      // One client stays with one instance, so that its rate limit is counted in one place.
      "  balance source",
      "  hash-type consistent",
      ...("http" in ready ? [`  option httpchk GET ${ready.http.path}`] : []),
      `  default-server send-proxy-v2 ${check} inter 500ms fall 1 rise 1 observe layer4 error-limit 1 on-error mark-down resolvers engine resolve-prefer ipv4 init-addr none`,
      // Room for an update that starts first.
      `  server-template gateway ${gateway.scale.max + 2} ${gateway.name}:${port}`,
    );
  }
  return `${lines.join("\n")}\n`;
}
