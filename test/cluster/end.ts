import { SHARED_STATE, stopCluster } from "../support/cluster";

/** After the suite, whatever came of it. */
export default async function end(): Promise<void> {
  const state = process.env[SHARED_STATE];
  if (state !== undefined) await stopCluster(state);
}
