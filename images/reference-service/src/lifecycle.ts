import { downOnes, type Dependencies, type DependencyName } from "./dependencies";

/** Why an instance takes no traffic; empty when it is ready. */
export interface Readiness {
  readonly ready: boolean;
  readonly draining: boolean;
  /** Names of dependencies that do not answer. */
  readonly failing: readonly (DependencyName | "startup")[];
}

/** What a process is doing: its start time, whether it drains, whether it may have traffic. */
export class Lifecycle {
  readonly startedAt = Date.now();
  #draining = false;

  constructor(
    private readonly dependencies: Pick<Dependencies, "check">,
    private readonly neverReady = false,
  ) {}

  get draining(): boolean {
    return this.#draining;
  }

  get uptimeSeconds(): number {
    return Math.round((Date.now() - this.startedAt) / 1000);
  }

  /** From now on readiness is red and every answer closes its connection. */
  startDraining(): void {
    this.#draining = true;
  }

  /** Whether requests can be served, which while draining they still can. */
  async failing(): Promise<Readiness["failing"]> {
    const down = downOnes(await this.dependencies.check());
    return this.neverReady ? [...down, "startup"] : down;
  }

  /** Whether new traffic should come here. */
  async readiness(): Promise<Readiness> {
    const failing = await this.failing();
    return {
      ready: failing.length === 0 && !this.#draining,
      draining: this.#draining,
      failing,
    };
  }
}
