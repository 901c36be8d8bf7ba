import type { Health, Probe } from "../../model/system";

/** Memory that every container may write to, whatever its root allows. */
const MARK = "/dev/shm/.atalaya-ready";

/**
 * Swarm has one check, which decides both whether an update goes on and whether a container is
 * restarted. It passes once the service was ready, and from then on means live, so that a cache
 * that goes away does not kill every API (`design.md`, decision 8).
 */
export function healthTest(health: Health): string[] {
  if (JSON.stringify(health.ready) === JSON.stringify(health.live)) {
    return probeTest(health.live, health.timeout);
  }
  const ready = shell(health.ready, health.timeout);
  const live = shell(health.live, health.timeout);
  return ["CMD-SHELL", `if [ -e ${MARK} ]; then ${live}; else { ${ready}; } && : > ${MARK}; fi`];
}

/** One probe as a check. @param timeout seconds */
export function probeTest(probe: Probe, timeout: number): string[] {
  return "command" in probe ? ["CMD", ...probe.command] : ["CMD-SHELL", shell(probe, timeout)];
}

function shell(probe: Probe, timeout: number): string {
  if ("command" in probe) return probe.command.map(quote).join(" ");
  const url = `http://127.0.0.1:${probe.http.port}${probe.http.path}`;
  const limit = Math.max(1, Math.floor(timeout));
  // Images of other teams carry different tools: the first one found asks.
  return [
    `if command -v curl >/dev/null 2>&1; then curl -fsS -m ${limit} -o /dev/null ${url}`,
    `elif command -v wget >/dev/null 2>&1; then wget -q -T ${limit} -O /dev/null ${url}`,
    `elif command -v python3 >/dev/null 2>&1; then python3 -c "import urllib.request as u; u.urlopen('${url}', timeout=${limit})"`,
    `else node -e "fetch('${url}').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"; fi`,
  ].join("; ");
}

/**
 * The check of a job: it waits for the mark that the work leaves, so that the end is seen at once, and
 * then takes half a minute for each of the checks that go on while the container sleeps, since each
 * is a process. For an interval of 1 s and a timeout over 30 s.
 */
export function jobTest(done: string): string {
  const seen = `${done}-seen`;
  const wait = `n=120; until [ -e ${done} ]; do n=$((n - 1)); [ $n -gt 0 ] || exit 1; sleep 0.25; done`;
  return `[ -e ${seen} ] && exec sleep 30; ${wait}; : > ${seen}`;
}

/** One word for a POSIX shell, whatever it contains. */
export const quote = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
