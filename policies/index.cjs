// Entry of the pack. Published, everything is in one file; in a checkout it is compiled on the fly.
"use strict";
const { existsSync } = require("node:fs");
const { join } = require("node:path");

const bundle = join(__dirname, "dist", "pack.cjs");
if (existsSync(bundle)) {
  require(bundle).start();
} else {
  require("tsx/cjs/api").register();
  require("./pack.ts").start();
}
