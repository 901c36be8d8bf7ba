import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import {
  catalog,
  dockerignore,
  folderHash,
  imageTag,
  inputFiles,
  ownedImage,
  type ImageName,
} from "../../images/catalog";
import { officialBases } from "../../operations/images/bases";
import { buildArguments, buildStep } from "../../operations/images/builder";
import { Steps, type ImageProgress } from "../../operations/images/steps";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "atalaya-test-"));
  write("Dockerfile", "FROM scratch\n");
  write("run", "#!/bin/sh\n");
});

afterEach(() => rmSync(folder, { recursive: true }));

function write(path: string, content: string): void {
  mkdirSync(join(folder, path, ".."), { recursive: true });
  writeFileSync(join(folder, path), content);
}

describe("the hash of an image's folder", () => {
  it("is the same for the same files", () => {
    const before = folderHash(folder);
    write("run", "#!/bin/sh\n");
    expect(folderHash(folder)).toBe(before);
    expect(before).toMatch(/^[0-9a-f]{12}$/);
  });

  it("changes with a file's content", () => {
    const before = folderHash(folder);
    write("run", "#!/bin/bash\n");
    expect(folderHash(folder)).not.toBe(before);
  });

  it("changes when a file becomes executable, not with its other permissions", () => {
    const before = folderHash(folder);
    chmodSync(join(folder, "run"), 0o600);
    expect(folderHash(folder)).toBe(before);
    chmodSync(join(folder, "run"), 0o755);
    expect(folderHash(folder)).not.toBe(before);
  });

  it("changes with a file's name and with where one file ends and the next begins", () => {
    write("a", "one");
    write("b", "two");
    const before = folderHash(folder);
    write("a", "onetwo");
    write("b", "");
    const moved = folderHash(folder);
    rmSync(join(folder, "b"));
    write("c", "");
    expect(new Set([before, moved, folderHash(folder)]).size).toBe(3);
  });

  it("does not see what is generated or ignored", () => {
    write(".dockerignore", "*.md\nDockerfile\n");
    const before = folderHash(folder);
    write("node_modules/left-pad/index.js", "1");
    write("dist/main.js", "1");
    write("coverage/index.html", "1");
    write("src/dist/main.js", "1");
    write("README.md", "1");
    expect(folderHash(folder)).toBe(before);
  });

  it("sees the Dockerfile and the .dockerignore even where they are ignored", () => {
    write(".dockerignore", "Dockerfile\n.dockerignore\n");
    const before = folderHash(folder);
    write("Dockerfile", "FROM scratch\nUSER 1\n");
    const changed = folderHash(folder);
    write(".dockerignore", "Dockerfile\n.dockerignore\n# more\n");
    expect(new Set([before, changed, folderHash(folder)]).size).toBe(3);
  });

  it("changes with a folder that is shared, under that folder's name", () => {
    const shared = mkdtempSync(join(tmpdir(), "shared-"));
    writeFileSync(join(shared, "tool"), "1");
    const alone = folderHash(folder);
    const before = folderHash(folder, shared);
    writeFileSync(join(shared, "tool"), "2");
    expect(new Set([alone, before, folderHash(folder, shared)]).size).toBe(3);
    rmSync(shared, { recursive: true });
  });

  it("takes files in an order that does not depend on the file system", () => {
    for (const name of ["b", "B", "a/z", "a.b"]) write(name, name);
    expect(inputFiles(folder)).toEqual(["B", "Dockerfile", "a.b", "a/z", "b", "run"]);
  });
});

describe(".dockerignore", () => {
  it.each([
    ["*.md", "README.md", true],
    ["*.md", "docs/README.md", false],
    ["**/*.md", "docs/README.md", true],
    ["**/*.md", "README.md", true],
    ["docs", "docs/a/b", true],
    ["docs/", "docs/a", true],
    ["/docs", "docs/a", true],
    ["doc", "docs/a", false],
    ["a?c", "abc", true],
    ["a?c", "a/c", false],
    ["[ab].txt", "b.txt", true],
    ["a.txt", "aXtxt", false],
    ["# *", "x", false],
    ["*\n!keep", "keep", false],
    ["!keep\n*", "keep", true],
  ])("%j and %s: %s", (text, path, ignored) => {
    expect(dockerignore(text)(path)).toBe(ignored);
  });
});

describe("the catalog", () => {
  it("has a folder with a Dockerfile for each image, which declares its bases and no other", () => {
    for (const { folder: path, bases } of catalog) {
      const dockerfile = readFileSync(join(path, "Dockerfile"), "utf8");
      const declared = Object.entries(officialBases).filter(([name]) =>
        new RegExp(`^ARG ${name}=`, "m").test(dockerfile),
      );
      expect(declared.map(([name]) => name).sort()).toEqual([...bases].sort());
      for (const [name, reference] of declared) {
        expect(dockerfile).toContain(`ARG ${name}=${reference}\n`);
      }
    }
  });

  it("names images by their content, in a registry as well", () => {
    const tag = imageTag("front");
    expect(tag).toBe(`atalaya/front:${folderHash(ownedImage("front").folder)}`);
    expect(imageTag("front", "registry.example.org/team/")).toBe(
      `registry.example.org/team/${tag}`,
    );
  });

  it("refuses a name that is not there", () => {
    expect(() => imageTag("mysql" as ImageName)).toThrow("there is no image mysql");
  });
});

describe("the stand-in for what watches", () => {
  const folder = join(__dirname, "../../operations/images/standins/monitoring");
  const read = (name: string): string => readFileSync(join(folder, name), "utf8");

  it("has the programs of the official images' versions", () => {
    const built = [...read("build").matchAll(/^programs (\S+) (\S+)@v(\S+)/gm)].map(
      ([, version, module, tag]) => ({ version, name: module!.split("/").at(-1)!, tag }),
    );
    const official = Object.values(officialBases).flatMap((image) => {
      const [, name, version] = /([^/]+):v([\d.]+)$/.exec(image) ?? [];
      return name === undefined ? [] : [[name.replaceAll("-", "_"), version] as const];
    });
    const redis = /in \*v([\d.]+)\*/.exec(read("Dockerfile"))![1];
    expect([
      ...built.map(({ name, version }) => [name, version]),
      ["redis_exporter", redis],
    ]).toEqual(official);
    for (const { name, version, tag } of built) {
      // Prometheus' module counts otherwise: 3.5.0 is 0.305.0.
      const [major, minor, patch] = version!.split(".");
      const expected = `0.${major}${minor!.padStart(2, "0")}.${patch}`;
      expect(tag).toBe(name === "prometheus" ? expected : version);
    }
  });
});

describe("the stand-in for MongoDB", () => {
  const folder = join(__dirname, "../../operations/images/standins/mongo");
  const dockerfile = readFileSync(join(folder, "Dockerfile"), "utf8");
  const program = readFileSync(join(folder, "mongod.go"), "utf8");

  it("names the same bases as the owned images", () => {
    expect(dockerfile).toContain(`ARG DEBIAN_IMAGE=${officialBases.DEBIAN_IMAGE}\n`);
    expect(dockerfile).toContain(`ARG GO_IMAGE=${officialBases.GO_IMAGE}\n`);
  });

  it("knows every flag that the image gives its server", () => {
    const sources = ["serve.go", "preparation.go"].map((name) =>
      readFileSync(join(ownedImage("mongo").folder, name), "utf8"),
    );
    const used = new Set([...sources.join("").matchAll(/"--(\w+)"/g)].map(([, flag]) => flag!));
    const known = new Set([...program.matchAll(/flag\.\w+\("(\w+)"/g)].map(([, flag]) => flag!));
    expect([...used].filter((flag) => !known.has(flag))).toEqual([]);
    expect(used).toContain("keyFile");
  });
});

describe("build arguments", () => {
  const dockerfile = "ARG GO_IMAGE=a\nARG NODE_IMAGE=b\nFROM x\nARG GOPROXY\n";

  it("are the bases that the Dockerfile names", () => {
    expect(buildArguments(dockerfile, { GO_IMAGE: "go:1", DEBIAN_IMAGE: "d:1" }, {})).toEqual([
      "--build-arg",
      "GO_IMAGE=go:1",
    ]);
  });

  it("never carry a setting's value on the command line", () => {
    const args = buildArguments(
      dockerfile,
      {},
      { GOPROXY: "https://user:secret@proxy", HTTPS_PROXY: "http://secret", GOSUMDB: "off" },
    );
    expect(args).toEqual(["--build-arg", "GOPROXY", "--build-arg", "HTTPS_PROXY"]);
  });

  it("keep this machine's certificates in the stage that builds, where there is one", () => {
    const bases = { NODE_IMAGE: "run", NODE_BUILD_IMAGE: "build" };
    expect(buildArguments(dockerfile, bases, {})).toEqual(["--build-arg", "NODE_IMAGE=build"]);
    const two = `${dockerfile}ARG NODE_BUILD_IMAGE=b\n`;
    expect(buildArguments(two, bases, {})).toEqual([
      "--build-arg",
      "NODE_IMAGE=run",
      "--build-arg",
      "NODE_BUILD_IMAGE=build",
    ]);
  });
});

describe("what is shown of a build", () => {
  it.each([
    ["Step 3/9 : RUN apt-get update", "3/9 RUN apt-get update"],
    ["#8 [build 2/5] COPY . .", "2/5 COPY . ."],
    ["#8 [2/5] COPY . .", "2/5 COPY . ."],
    ["Get:1 http://deb.debian.org", undefined],
  ])("%s", (line, shown) => {
    expect(buildStep(line)).toBe(shown);
  });

  it("tells of a step's start, lines and end, and of a failure", async () => {
    const seen: ImageProgress[] = [];
    const steps = new Steps((progress) => seen.push(progress));
    await steps.run("one", { estimateSeconds: 5 }, (say) => Promise.resolve(say("half way")));
    await expect(steps.run("two", {}, () => Promise.reject(new Error("no disk")))).rejects.toThrow(
      "no disk",
    );
    expect(
      seen.map(({ step, state, detail, estimateSeconds }) => [
        step,
        state,
        detail,
        estimateSeconds,
      ]),
    ).toEqual([
      ["one", "started", undefined, 5],
      ["one", "running", "half way", 5],
      ["one", "done", undefined, 5],
      ["two", "started", undefined, undefined],
      ["two", "failed", undefined, undefined],
    ]);
  });
});
