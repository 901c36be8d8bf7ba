import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import { formatPath, type Json, type Path, UNKNOWN } from "../../../policies/engine/field";
import type { Subject } from "../../../policies/engine/subject";
import { type Case, subjectsOf } from "../../../policies/tools/fixtures";

/**
 * Anybody's program: the objects of the policies' clean worlds, with a change, as resources of Pulumi's own
 * providers. `ATALAYA_TEST_CASES` names a file with the changes, one for each world.
 */
const cases = JSON.parse(readFileSync(process.env["ATALAYA_TEST_CASES"]!, "utf8")) as Case[];

class Resource extends pulumi.CustomResource {}
class Provider extends pulumi.ProviderResource {}

/** What a preview does not know: the id of something that is not there yet. */
const unknown = new Resource("random:index/randomPassword:RandomPassword", "unknown", {
  length: 32,
}).id;

/** Needs no cluster. */
const kubernetes = new Provider("kubernetes", "render", {
  renderYamlToDirectory: "rendered",
});

for (const one of cases) {
  for (const subject of subjectsOf(one)) register(subject);
}

function register({ type, world, name, kind, props, pulumi: facts }: Subject): void {
  const sealed = facts?.secretPaths ?? [];
  const input = (value: Json | undefined, path: Path): unknown => {
    if (value === UNKNOWN) return unknown;
    const plain = Array.isArray(value)
      ? value.map((item: Json, i) => input(item, [...path, i]))
      : typeof value === "object" && value !== null
        ? Object.fromEntries(
            Object.entries(value).map(([key, item]) => [key, input(item, [...path, key])]),
          )
        : value;
    return sealed.includes(formatPath(path)) ? pulumi.secret(plain) : plain;
  };
  const isKubernetes = world === "kubernetes";
  new Resource(
    isKubernetes ? tokenOf(props["apiVersion"] as string, kind) : type,
    `${world}-${kind}-${name.replace(/^shop-|[@:].*/g, "")}`.toLowerCase(),
    input(props, []) as pulumi.Inputs,
    { protect: facts?.protect ?? false, ...(isKubernetes ? { provider: kubernetes } : {}) },
  );
}

function tokenOf(apiVersion: string, kind: string): string {
  return `kubernetes:${apiVersion.includes("/") ? apiVersion : `core/${apiVersion}`}:${kind}`;
}
