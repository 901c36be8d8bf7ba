// Makes the published pack one file, so that whoever installs it needs neither our sources nor a compiler:
// `npm pack` in `policies/` calls this before and, with --clean, after. In a checkout there is no bundle, so
// that an old one is never taken for the sources.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const folder = fileURLToPath(new URL("..", import.meta.url));
const dist = join(folder, "dist");

if (process.argv.includes("--clean")) rmSync(dist, { recursive: true, force: true });
else {
  await build({
    entryPoints: [join(folder, "pack.ts")],
    outfile: join(dist, "pack.cjs"),
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    // Packages of others are its dependencies; our own sources are inside.
    packages: "external",
  });
}
