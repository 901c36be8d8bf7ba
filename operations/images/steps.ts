/** What happens while images are made; for a display. */
export interface ImageProgress {
  /** Such as `image postgres`. */
  readonly step: string;
  readonly state: "started" | "running" | "done" | "failed";
  /** Since the step started. */
  readonly elapsedSeconds: number;
  /** How long the whole step takes on two cores when nothing is cached; absent when unknown. */
  readonly estimateSeconds?: number;
  /** What is going on, in one line. */
  readonly detail?: string;
}

/** Runs named steps and tells a listener about them. */
export class Steps {
  constructor(private readonly listener: (progress: ImageProgress) => void) {}

  /**
   * @param work gets a function for lines worth showing
   * @returns what `work` returns; its errors pass through.
   */
  async run<T>(
    step: string,
    options: { readonly estimateSeconds?: number },
    work: (say: (detail: string) => void) => Promise<T>,
  ): Promise<T> {
    const started = Date.now();
    const tell = (state: ImageProgress["state"], detail?: string): void =>
      this.listener({
        step,
        state,
        elapsedSeconds: Math.round((Date.now() - started) / 100) / 10,
        ...(options.estimateSeconds === undefined
          ? {}
          : { estimateSeconds: options.estimateSeconds }),
        ...(detail === undefined ? {} : { detail }),
      });
    tell("started");
    try {
      const result = await work((detail) => tell("running", detail));
      tell("done");
      return result;
    } catch (error) {
      tell("failed");
      throw error;
    }
  }
}
