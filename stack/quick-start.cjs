/**
 * Loaded before Pulumi's SDK (Pulumi.yaml, nodeargs). The SDK always loads the TypeScript compiler and
 * npm's Arborist, which only dynamic providers need (functions that are written into the state): over a
 * second of every preview. Here they are loaded when somebody asks them for something.
 * docs/decisions/0006 has the figures.
 */
"use strict";
const Module = require("node:module");

const LATER = {
  typescript: /[\\/]@pulumi[\\/]pulumi[\\/]typescript-shim\.js$/,
  "@npmcli/arborist": /[\\/]@pulumi[\\/]pulumi[\\/]runtime[\\/]closure[\\/]codePaths\.js$/,
};

const load = Module._load;

Module._load = function (request, parent, ...rest) {
  if (!Object.hasOwn(LATER, request) || !LATER[request].test(parent?.filename ?? "")) {
    return load.call(this, request, parent, ...rest);
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
