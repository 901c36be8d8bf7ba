#!/usr/bin/env node
// The entry of the `atalaya` command line. Plain Node without a dependency, because in a fresh clone
// nothing is installed yet: it checks Node's version, installs what the lock file says when that has
// not been done for this lock file, and hands over to main.ts in the same process, so that signals
// and exit codes need no passing on.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(realpathSync(fileURLToPath(import.meta.url))));
const EXIT_FAILED = 1;
const EXIT_MISSING = 3;

/** Ends with a plain message: what is wrong, and what to do. */
function give(code, problem, fix) {
  process.stderr.write(`atalaya: ${problem}\n  ${fix}\n`);
  process.exit(code);
}

function checkNode() {
  const wanted = JSON.parse(readFileSync(join(root, "toolchain", "versions.json"), "utf8")).node;
  const numbers = (version) => version.split(".").map(Number);
  const [have, need] = [numbers(process.versions.node), numbers(wanted)];
  const first = need.findIndex((part, i) => part !== have[i]);
  if (first >= 0 && have[first] < need[first]) {
    give(
      EXIT_MISSING,
      `Node.js ${process.versions.node} is too old: ${wanted} or newer is needed.`,
      "Install it from https://nodejs.org or with your version manager (.nvmrc names the one we use).",
    );
  }
}

/** Whether node_modules was installed from this lock file, by the stamp of an earlier run or by npm's own record. */
function installed(hash, stamp) {
  if (!existsSync(join(root, "node_modules", "tsx", "package.json"))) return false;
  if (existsSync(stamp) && readFileSync(stamp, "utf8").trim() === hash) return true;
  // Somebody ran npm themselves: npm's own record lists the same packages then. To install them again would take them
  // away from whatever runs with them at this moment.
  const record = join(root, "node_modules", ".package-lock.json");
  if (!existsSync(record)) return false;
  const packages = (file) => JSON.parse(readFileSync(file, "utf8")).packages ?? {};
  const have = packages(record);
  return Object.entries(packages(join(root, "package-lock.json"))).every(
    ([path, entry]) =>
      path === "" || entry.optional === true || have[path]?.version === entry.version,
  );
}

async function npmCi() {
  const lock = join(root, "package-lock.json");
  const stamp = join(root, "node_modules", ".atalaya-lock");
  const hash = createHash("sha256").update(readFileSync(lock)).digest("hex");
  if (installed(hash, stamp)) {
    writeFileSync(stamp, `${hash}\n`);
    return;
  }
  process.stderr.write("Installing the npm packages of the lock file (about a minute) …\n");
  const started = Date.now();
  const beat = setInterval(
    () =>
      process.stderr.write(
        `  … still installing, ${Math.round((Date.now() - started) / 1000)} s\n`,
      ),
    20_000,
  );
  // npm's own chatter goes to stderr: stdout belongs to the command's result (--json).
  const npm = spawn("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: root,
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32",
  });
  let told;
  const forward = (signal) => npm.kill((told = signal));
  process.on("SIGINT", forward).on("SIGTERM", forward);
  const [code, signal] = await new Promise((resolve) => {
    npm.on("error", (error) => resolve([error.message, null]));
    npm.on("close", (status, by) => resolve([status, by]));
  });
  clearInterval(beat);
  process.off("SIGINT", forward).off("SIGTERM", forward);
  // npm ends with a code of its own when it is told to stop; nothing half installed has a stamp.
  if (told ?? signal) process.exit(128 + (constants.signals[told ?? signal] ?? 0));
  if (code !== 0) {
    give(
      EXIT_FAILED,
      `\`npm ci\` failed (${code}).`,
      "Its messages stand above. Without a way to the npm registry, set `registry` in ~/.npmrc to one you reach.",
    );
  }
  // Written last: an interrupted install has no stamp and is done again.
  writeFileSync(stamp, `${hash}\n`);
  process.stderr.write(
    `  npm packages installed in ${Math.round((Date.now() - started) / 1000)} s\n`,
  );
}

checkNode();
await npmCi();
const require = createRequire(import.meta.url);
// tsx compiles main.ts and everything it imports on the fly; types are checked by `npm run typecheck`.
require("tsx/cjs/api").register();
await require("./main.ts").main(process.argv.slice(2));
