import { performance } from "node:perf_hooks";
import type { HealthCheck, HealthQuestion } from "../../model/health";
import { OBSERVER, OPENS, USABLE } from "../../model/observability";
import type { SystemModel, Workload } from "../../model/system";
import { probeTest } from "../../platforms/swarm/health";
import type { RunResult } from "../process";
import {
  CannotAsk,
  type EngineState,
  type HealthEngine,
  type Instance,
  lastLine,
  type WorkloadState,
} from "./engine";
import { type Answer, askHttps, askUpgrade } from "./https";

/** A check of a stack; those of the engine itself are of no system. */
export interface StackCheck extends HealthCheck {
  readonly system?: string;
}

/** What came of a check. */
export interface Asked {
  readonly check: StackCheck;
  /** Undefined where nobody could say. */
  readonly value: number | undefined;
  /** Why there is none, or what stands behind it. */
  readonly note?: string;
  readonly seconds: number;
}

interface Found {
  readonly value: number;
  readonly note?: string;
}

/** Exit code of a command that was ended when its time was over. */
const TIMED_OUT = 124;

/** Where a Prometheus of the operator listens. */
const OPERATORS_PORT = 9090;

/** Commands that run at once: more would slow down the machine whose answers are timed. */
const AT_ONCE = 8;

/** Asks all checks of a stack side by side. One that hangs is given up after its time, and holds nobody up. */
export async function askAll(
  checks: readonly StackCheck[],
  systems: readonly SystemModel[],
  engine: HealthEngine,
  timeoutMs: number,
): Promise<readonly Asked[]> {
  const asker = new Asker(systems, engine, timeoutMs);
  return Promise.all(
    checks.map(async (check) => {
      const start = performance.now();
      const seconds = (): number => (performance.now() - start) / 1_000;
      try {
        const found = await asker.ask(check);
        if (Number.isNaN(found.value)) throw new CannotAsk("what was answered is no number");
        return { check, ...found, seconds: seconds() };
      } catch (error) {
        if (!(error instanceof CannotAsk)) throw error;
        return { check, value: undefined, note: error.message, seconds: seconds() };
      }
    }),
  );
}

class Asker {
  private readonly atOnce = limited(AT_ONCE);
  private readonly known = new Map<string, Promise<unknown>>();

  constructor(
    private readonly systems: readonly SystemModel[],
    private readonly engine: HealthEngine,
    private readonly timeoutMs: number,
  ) {}

  ask({ ask, system = "", component }: StackCheck): Promise<Found> {
    switch (ask.kind) {
      case "engine":
        return this.askEngine(ask.what);
      case "workload":
        return this.askWorkload(system, ask);
      case "ready":
        return this.askReady(system, ask.workload);
      case "https":
        return this.askGateway(system, component, ask);
      case "query":
        return this.askPrometheus(ask.expr);
    }
  }

  /** What several checks look at is asked once. */
  private shared<T>(key: string, ask: () => Promise<T>): Promise<T> {
    const known = (this.known.get(key) as Promise<T> | undefined) ?? this.inTime(ask());
    this.known.set(key, known);
    return known;
  }

  private inTime<T>(answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new CannotAsk(this.late)), this.timeoutMs);
      answer.then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }

  private state(): Promise<EngineState> {
    return this.shared("engine", () => this.engine.state(this.timeoutMs));
  }

  private async askEngine(what: "answers" | "nodes"): Promise<Found> {
    if (what === "answers") {
      try {
        await this.state();
        return { value: 1 };
      } catch (error) {
        if (!(error instanceof CannotAsk)) throw error;
        return { value: 0, note: error.message };
      }
    }
    const { nodesNotReady } = await this.state();
    if (nodesNotReady === undefined) throw new CannotAsk("nodes may not be listed from here");
    return { value: nodesNotReady };
  }

  private async workload(system: string, workload: string): Promise<WorkloadState | undefined> {
    return (await this.state()).workloads.get(`${system}/${workload}`);
  }

  private async askWorkload(
    system: string,
    { workload, what }: Extract<HealthQuestion, { kind: "workload" }>,
  ): Promise<Found> {
    const state = await this.workload(system, workload);
    if (what === "instances") {
      return state === undefined
        ? { value: 0, note: "the engine does not know it" }
        : { value: state.instances.length };
    }
    if (state === undefined) throw new CannotAsk("the engine does not know it");
    return { value: what === "updates" ? Number(state.hanging) : state[what] };
  }

  private async askReady(system: string, workload: string): Promise<Found> {
    const { health } = this.declared(system, workload);
    const { there, elsewhere } = await this.reachable(system, workload);
    const [form, ...command] = probeTest(health.ready, health.timeout);
    const whole = form === "CMD-SHELL" ? ["sh", "-c", ...command] : command;
    const results = await Promise.all(there.map((of) => this.exec(of, whole)));
    // One that does not say that it is ready is not, as its platform sees it too.
    const silent = results.filter(({ code }) => code === TIMED_OUT).length;
    const value = results.filter(({ code }) => code !== 0).length;
    // Those that were heard say nothing of the others.
    if (value === 0 && elsewhere > 0) {
      throw new CannotAsk(`${elsewhere} of its instances run on nodes that are not asked`);
    }
    return {
      value,
      ...(silent === 0 ? {} : { note: `${silent} gave ${this.late}` }),
    };
  }

  private declared(system: string, workload: string): Workload {
    const model = this.systems.find(({ name }) => name === system);
    return model!.workloads.find(({ name }) => name === workload)!;
  }

  /** Instances of a workload in which commands can be run, and how many others there are. */
  private async reachable(
    system: string,
    workload: string,
  ): Promise<{ readonly there: readonly Instance[]; readonly elsewhere: number }> {
    const { instances = [] } = (await this.workload(system, workload)) ?? {};
    if (instances.length === 0) throw new CannotAsk("no instance of it runs");
    const there = instances.filter(({ reachable }) => reachable);
    const elsewhere = instances.length - there.length;
    if (there.length === 0) throw new CannotAsk("its instances run on nodes that are not asked");
    return { there, elsewhere };
  }

  /** @throws CannotAsk where the image lacks the program */
  private async exec(instance: Instance, command: readonly string[]): Promise<RunResult> {
    const result = await this.atOnce(() => this.engine.exec(instance, command, this.timeoutMs));
    if (result.code === 126 || result.code === 127) {
      throw new CannotAsk(`its image has no program to ask with (exit code ${result.code})`);
    }
    return result;
  }

  private get late(): string {
    return `no answer within ${this.timeoutMs / 1_000} s`;
  }

  private async askGateway(
    system: string,
    component: string,
    { what, host, port, path, verify }: Extract<HealthQuestion, { kind: "https" }>,
  ): Promise<Found> {
    // Such a name means one's own machine everywhere (RFC 6761); the engine may be another one.
    const address = /(?:^|\.)localhost$/.test(host)
      ? await this.shared(`entrance ${system}/${component}`, () =>
          this.engine.entrance(system, component, this.timeoutMs),
        )
      : undefined;
    const target = { host, port, path, ...(address === undefined ? {} : { address }) };
    const signal = AbortSignal.timeout(this.timeoutMs);
    const key = `${what === "upgrade" ? "wss" : "https"}://${host}:${port}${path}`;
    try {
      if (what === "upgrade") {
        const status = await this.shared(key, () => askUpgrade(target, signal));
        return { value: Number(OPENS.includes(status)), note: `status ${status}` };
      }
      return judged(what, await this.shared(key, () => askHttps(target, signal)), verify);
    } catch (error) {
      const why = error instanceof CannotAsk ? error.message : codeOf(error);
      // That nobody answers is the answer to whether it is usable.
      if (what === "usable" || what === "upgrade") return { value: 0, note: why };
      throw new CannotAsk(why);
    }
  }

  private async askPrometheus(expr: string): Promise<Found> {
    const { instance, port } = await this.prometheus().catch((error: unknown) => {
      if (!(error instanceof CannotAsk)) throw error;
      throw new CannotAsk(`Prometheus: ${error.message}`);
    });
    const url = `http://localhost:${port}`;
    const { code, stdout, stderr } = await this.exec(instance, [
      "promtool",
      "query",
      "instant",
      "--format=json",
      url,
      expr,
    ]);
    if (code === TIMED_OUT) throw new CannotAsk(`Prometheus: ${this.late}`);
    if (code !== 0) throw new CannotAsk(`Prometheus: ${lastLine(stderr) ?? `exit code ${code}`}`);
    return { value: valueOf(stdout) };
  }

  /** Where it is asked: the stack's own, or whoever collects in its place. @throws CannotAsk */
  private async prometheus(): Promise<{ readonly instance: Instance; readonly port: number }> {
    const { prometheus: its } = this.engine;
    if (its !== undefined) {
      const instance = await this.shared("prometheus", () => its(this.timeoutMs));
      return { instance, port: OPERATORS_PORT };
    }
    const { ports } = this.declared(OBSERVER.system, OBSERVER.metrics);
    const { there } = await this.reachable(OBSERVER.system, OBSERVER.metrics);
    return { instance: there[0]!, port: ports[0]!.port };
  }
}

/** What a client's answer says of one of the things that are asked of a gateway. */
function judged(
  what: "usable" | "time" | "certificate",
  { status, seconds, certificate, untrusted }: Answer,
  verify: boolean,
): Found {
  if (what === "time") return { value: seconds };
  if (what === "certificate") return { value: certificate };
  if (verify && untrusted !== undefined) return { value: 0, note: `certificate: ${untrusted}` };
  return { value: Number(USABLE.includes(status)), note: `status ${status}` };
}

/** Of an instant query with one value, as promtool prints it. @throws CannotAsk */
export function valueOf(json: string): number {
  const results = JSON.parse(json) as readonly { readonly value: readonly [number, string] }[];
  if (results.length === 0) throw new CannotAsk("no metric says it");
  const value = Number(results[0]!.value[1]);
  if (results.length > 1) throw new CannotAsk("its metrics give more than one number");
  return value;
}

const codeOf = (error: unknown): string => {
  const { code, name, message } = error as NodeJS.ErrnoException;
  if (name === "AbortError" || name === "TimeoutError") return "no answer in time";
  return code === undefined ? message : `no answer (${code})`;
};

/** Lets so many run at once; the others wait for their turn. */
function limited(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (work) => {
    while (running >= most) await new Promise<void>((turn) => waiting.push(turn));
    running++;
    try {
      return await work();
    } finally {
      running--;
      waiting.shift()?.();
    }
  };
}
