import type { Engine } from "./engine";
import type { Answer } from "./panels";

/** A target as Prometheus sees it. */
export interface Scraped {
  readonly scrapePool: string;
  readonly scrapeUrl: string;
  readonly health: string;
  readonly lastError: string;
}

/** An alert as Prometheus, or a webhook, tells it. */
export interface Firing {
  readonly labels: Readonly<Record<string, string>>;
  readonly state: string;
}

/** The Prometheus of a stack, asked in its own container: nobody else reaches it. */
export class Prometheus {
  constructor(private readonly watchers: Engine) {}

  async targets(): Promise<readonly Scraped[]> {
    return (await this.get<{ activeTargets: Scraped[] }>("targets?state=active")).activeTargets;
  }

  /** What fires, as `system/component alert`. */
  async firing(): Promise<string[]> {
    return (await this.get<{ alerts: Firing[] }>("alerts")).alerts
      .filter(({ state }) => state === "firing")
      .map(({ labels }) => `${labels["system"]}/${labels["component"]} ${labels["alertname"]}`);
  }

  /** An instant query; rejects where it is refused. */
  async ask(expr: string): Promise<Answer> {
    return (await this.get<{ result: Answer }>(`query?query=${encodeURIComponent(expr)}`)).result;
  }

  /** First value of an instant query's answer. */
  async value(expr: string): Promise<string | undefined> {
    return (await this.ask(expr))[0]?.value[1];
  }

  private async get<T>(path: string): Promise<T> {
    const { code, stdout, stderr } = await this.watchers.exec(
      await this.watchers.one("prometheus"),
      ["curl", "-sSf", "--max-time", "5", `http://localhost:9090/api/v1/${path}`],
    );
    if (code !== 0) throw new Error(stderr);
    return (JSON.parse(stdout) as { data: T }).data;
  }
}
