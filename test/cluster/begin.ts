import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SHARED_STATE } from "../support/cluster";

/** Before the suite: a place for the cluster of all its files. The first that needs it starts it. */
export default function begin(): void {
  process.env[SHARED_STATE] = mkdtempSync(join(tmpdir(), "atalaya-cluster-"));
}
