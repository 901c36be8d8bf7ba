/** A stack of an earlier version. */
export interface Recorded {
  /** Its name, which stands in every URN and in the names on the engine. */
  readonly stack: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** What `pulumi stack export` said. */
  readonly state: object;
}

/** Of every recorded state. */
export const PASSPHRASE = "recorded";
