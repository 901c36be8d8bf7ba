import { type Docker } from "./docker";

/** Build arguments that choose the base images; empty where all official ones are to be had. */
export type BaseArguments = Readonly<Record<string, string>>;

/** Whether this client builds with BuildKit; Debian's newer client comes without it. */
async function hasBuildx(engine: Docker): Promise<boolean> {
  return (await engine.run(["buildx", "version"])).code === 0;
}

/** Arguments that put the result of a build into the engine. */
export async function buildFlags(engine: Docker): Promise<string[]> {
  return (await hasBuildx(engine)) ? ["--load", "--progress=plain"] : [];
}

/** Environment for `docker build`: the older builder where the client has no BuildKit. */
export async function buildEnvironment(engine: Docker): Promise<Record<string, string>> {
  return (await hasBuildx(engine)) ? {} : { DOCKER_BUILDKIT: "0" };
}

/** Settings of this machine that a build may need to reach packages, where a Dockerfile asks. */
const passed = ["GOPROXY", "GOSUMDB", "GONOSUMDB", "NPM_CONFIG_REGISTRY"];

/** Those that docker takes without being asked for, and keeps out of the image's history. */
const proxies = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"];

/**
 * The `--build-arg`s for a Dockerfile: the bases that it names, and this machine's settings where
 * they are set. The values of settings are not on the command line: docker reads them from the
 * environment.
 */
export function buildArguments(
  dockerfile: string,
  bases: BaseArguments,
  env: NodeJS.ProcessEnv = process.env,
): string[] {
  const declared = new Set(
    [...dockerfile.matchAll(/^\s*ARG\s+([A-Za-z_]\w*)/gim)].map(([, name]) => name!),
  );
  const chosen = { ...bases };
  if (chosen.NODE_BUILD_IMAGE !== undefined && !declared.has("NODE_BUILD_IMAGE")) {
    // Such a Dockerfile builds and runs on one base; npm has to be in it.
    chosen.NODE_IMAGE = chosen.NODE_BUILD_IMAGE;
  }
  const settings = [...passed.filter((name) => declared.has(name)), ...proxies];
  return [
    ...Object.entries(chosen)
      .filter(([name]) => declared.has(name))
      .map(([name, value]) => `${name}=${value}`),
    ...settings.filter((name) => Boolean(env[name])),
  ].flatMap((argument) => ["--build-arg", argument]);
}

/** `Step 3/9 : RUN …` of either builder as `3/9 RUN …`; undefined for other output. */
export function buildStep(line: string): string | undefined {
  const found =
    /^Step (\d+\/\d+) : (.*)/.exec(line) ?? /^#\d+ \[(?:[\w-]+ )?\s*(\d+\/\d+)\] (.*)/.exec(line);
  return found ? `${found[1]} ${found[2]!.trim().slice(0, 60)}` : undefined;
}
