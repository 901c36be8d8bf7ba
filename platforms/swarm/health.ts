import type { Health, Probe } from "../../model/system";
import { goDuration } from "./durations";
import type { SwarmContainer } from "./objects";

/** Memory that every container may write to, whatever its root allows. */
const MARK = "/dev/shm/.atalaya-ready";

/**
 * Each check is a new process in the container, a tenth of a second of processor time: every two or three seconds, those of
 * three systems kept 1.7 of two cores busy. So who was well this often in a row is asked after a rest of some seconds more,
 * and without one after the first check that fails. By then the update that brought it is long over (`Release.monitor`).
 */
const TRUSTED = 10;
const REST = 8;

/**
 * Swarm has one check, which decides both whether an update goes on and whether a container is
 * restarted. It passes once the service was ready, and from then on means live, so that a cache
 * that goes away does not kill every API (`design.md`, decision 8).
 */
export function healthCheck(health: Health): NonNullable<SwarmContainer["health"]> {
  const [ready, live] = [health.ready, health.live].map((probe) => bounded(probe, health.timeout));
  // The mark has how often it was well in a row. That is forgotten before it is asked again, so that a check which hangs and is
  // ended counts as one that failed; and where it can't be written, who is well is well.
  const test = [
    `if [ -e ${MARK} ]; then read n < ${MARK}`,
    `[ "\${n:-0}" -lt ${TRUSTED} ] || sleep ${REST}`,
    `{ true > ${MARK}; } 2>/dev/null`,
    `{ ${live}; } && { echo $((\${n:-0} + 1)) > ${MARK} || :; }`,
    `else { ${ready}; } && : > ${MARK}; fi`,
  ];
  return {
    test: ["CMD-SHELL", test.join("; ")],
    interval: goDuration(health.interval),
    // Probes have a limit of their own: this one is for what does not keep it.
    timeout: goDuration(health.timeout + REST),
    retries: health.retries,
    startPeriod: goDuration(health.startPeriod),
  };
}

/** Commands are our own images', which have GNU's `timeout`. */
const bounded = (probe: Probe, limit: number): string =>
  "command" in probe ? `timeout ${limit} ${shell(probe, limit)}` : shell(probe, limit);

/** One probe, as a check of Docker's has it. @param timeout seconds */
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
    `elif command -v wget >/dev/null 2>&1; then wget -q -t 1 -T ${limit} -O /dev/null ${url}`,
    `elif command -v python3 >/dev/null 2>&1; then python3 -c "import urllib.request as u; u.urlopen('${url}', timeout=${limit})"`,
    `else node -e "fetch('${url}', { signal: AbortSignal.timeout(${limit * 1_000}) }).then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"; fi`,
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
