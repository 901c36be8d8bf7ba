import { readFileSync } from "node:fs";
import { LokiStore } from "./loki-store";

/** `loki-main -config.file=<path>`: a played Loki in a container, in place of Loki's own program. */
const [, config] = /^-config\.file=(.+)$/.exec(process.argv[2] ?? "") ?? [];
if (config === undefined) throw new Error("-config.file=<path> is missing");
process.on("SIGTERM", () => process.exit(0));
void new LokiStore(readFileSync(config, "utf8")).listen();
