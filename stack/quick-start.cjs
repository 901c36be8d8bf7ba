/**
 * Loaded before Pulumi's SDK (Pulumi.yaml, nodeargs): strips types, spares every preview what nobody uses, and ends a
 * program that nobody hears. docs/decisions/0003 has the figures.
 */
"use strict";
const Module = require("node:module");
const { join } = require("node:path");

// Who started this program was killed, or closed its output, and nobody hears it any more. The SDK would report that
// failure, to nobody, which fails again, without an end: a process that takes a core and all memory there is.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", ({ code }) => {
    if (code === "EPIPE") process.exit(1);
  });
}

// From Node 22 on, what was compiled once is read the next time.
Module.enableCompileCache?.(join(__dirname, "..", "node_modules", ".cache", "compiled"));

// Packages come compiled: only our own files go through tsx, which would parse every one of them again.
const compiled = Module._extensions[".js"];
require("tsx/cjs");
const ours = Module._extensions[".js"];
const PACKAGE = /[\\/]node_modules[\\/]/;
Module._extensions[".js"] = (module, file) => (PACKAGE.test(file) ? compiled : ours)(module, file);
// Traces are mapped by what the SDK brings; Node would read the maps of all packages beside it.
process.setSourceMapsEnabled(false);

// The SDK always loads the TypeScript compiler and npm's Arborist, which only dynamic providers need (functions
// that are written into the state): over a second of every preview. Here they are loaded when somebody asks
// them for something.
const LATER = {
  typescript: /[\\/]@pulumi[\\/]pulumi[\\/]typescript-shim\.js$/,
  "@npmcli/arborist": /[\\/]@pulumi[\\/]pulumi[\\/]runtime[\\/]closure[\\/]codePaths\.js$/,
};

// The SDK writes down a stack for every promise, for the report of one that was never kept, and for every resource, for
// where it stands in the program; each is mapped through source maps. Nobody reads them: they stay empty, but for the
// report where it is asked for. Stacks of errors stay as they are.
const MAPS = "source-map-support/register";
const WRITTEN = process.env.PULUMI_DEBUG_PROMISE_LEAKS
  ? /[\\/]@pulumi[\\/]pulumi[\\/]resource\.js:callsites$/
  : /[\\/]@pulumi[\\/]pulumi[\\/](?:resource\.js:callsites|runtime[\\/]debuggable\.js:debuggablePromise)$/;

function skipStacks() {
  const format = Error.prepareStackTrace;
  Error.prepareStackTrace = (error, frames) =>
    WRITTEN.test(`${frames[0]?.getFileName()}:${frames[0]?.getFunctionName()}`)
      ? ""
      : format(error, frames);
}

const load = Module._load;

Module._load = function (request, parent, ...rest) {
  if (!Object.hasOwn(LATER, request) || !LATER[request].test(parent?.filename ?? "")) {
    const loaded = load.call(this, request, parent, ...rest);
    if (request === MAPS) skipStacks();
    return loaded;
  }
  // A missing package has to be missed now: the SDK has another one for that case.
  require.resolve(request, { paths: [parent.filename] });
  let loaded;
  const module = () => (loaded ??= load.call(this, request, parent, ...rest));
  return new Proxy(
    {},
    {
      // Compiled imports copy a module that is not marked so, which would load it.
      get: (_target, key) => (key === "__esModule" ? true : module()[key]),
      has: (_target, key) => key in module(),
    },
  );
};
