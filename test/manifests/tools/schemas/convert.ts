/**
 * Kubernetes' API descriptions as the JSON schemas that kubeconform reads with `-strict`: a field that the
 * API does not know is an error. The program that once made such files, openapi2jsonschema on PyPI, is no
 * longer maintained; these few lines need nothing beside what is installed already.
 */

/** What OpenAPI and JSON Schema have in common, as far as Kubernetes uses it. */
export interface Schema {
  readonly $ref?: string;
  readonly format?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
  readonly [keyword: string]: unknown;
}

/** `swagger.json`, as far as it is needed. */
export interface Swagger {
  readonly definitions: Readonly<Record<string, Schema>>;
}

interface Kind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** A custom resource's definition, as far as it is needed. */
export interface CustomResource {
  readonly spec: {
    readonly group: string;
    readonly names: { readonly kind: string };
    readonly versions: readonly {
      readonly name: string;
      readonly schema: { readonly openAPIV3Schema: Schema };
    }[];
  };
}

const KINDS = "x-kubernetes-group-version-kind";
const REF = "#/definitions/";
const QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity";

/** The schema of every kind, by the name of its file. */
export function kubernetesSchemas({ definitions }: Swagger): Map<string, Schema> {
  const converted = new Map(
    Object.entries(definitions).map(([name, schema]) => [
      name,
      // The description says text only; the API server takes numbers too.
      name === QUANTITY ? { type: ["string", "number"] } : strict(schema),
    ]),
  );
  const schemas = new Map<string, Schema>();
  for (const [name, schema] of Object.entries(definitions)) {
    const kinds = (schema[KINDS] ?? []) as readonly Kind[];
    // Options of requests stand for every group: they are in no manifest.
    if (kinds.length !== 1) continue;
    schemas.set(fileName(kinds[0]!), {
      ...converted.get(name),
      definitions: within(name, converted),
    });
  }
  return schemas;
}

/** The schema of every version of a custom resource, by the name of its file. */
export function customSchemas({ spec }: CustomResource): Map<string, Schema> {
  return new Map(
    spec.versions.map(({ name, schema }) => [
      fileName({ group: spec.group, version: name, kind: spec.names.kind }),
      strict(schema.openAPIV3Schema),
    ]),
  );
}

/** As kubeconform looks for it. */
function fileName({ group, version, kind }: Kind): string {
  const parts = [kind, ...(group === "" ? [] : [group.split(".")[0]!]), version];
  return `${parts.join("-").toLowerCase()}.json`;
}

/** A schema in which nothing is allowed but what is described. Prose and hints for clients go. */
function strict(schema: Schema): Schema {
  const { $ref, properties, items, additionalProperties } = schema;
  if ($ref !== undefined) return { $ref };
  if (schema.format === "int-or-string" || schema["x-kubernetes-int-or-string"] === true) {
    const { pattern } = schema;
    return { type: ["string", "integer"], ...(pattern === undefined ? {} : { pattern }) };
  }
  const kept = Object.entries(schema).filter(
    ([keyword]) => !/^(?:x-.*|description|default)$/.test(keyword),
  );
  return {
    ...Object.fromEntries(kept),
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(properties).map(([name, of]) => [name, strict(of)]),
          ),
          additionalProperties: schema["x-kubernetes-preserve-unknown-fields"] === true,
        }),
    ...(items === undefined ? {} : { items: strict(items) }),
    ...(typeof additionalProperties === "object"
      ? { additionalProperties: strict(additionalProperties) }
      : {}),
  };
}

/** A definition and all that it refers to: a kind's file stands alone. */
function within(name: string, all: ReadonlyMap<string, Schema>): Record<string, Schema> {
  const found: Record<string, Schema> = {};
  const visit = (of: string): void => {
    if (of in found) return;
    const schema = all.get(of)!;
    found[of] = schema;
    references(schema).forEach(visit);
  };
  visit(name);
  return found;
}

function references({ $ref, properties = {}, items, additionalProperties }: Schema): string[] {
  const below = [
    ...Object.values(properties),
    ...(items === undefined ? [] : [items]),
    ...(typeof additionalProperties === "object" ? [additionalProperties] : []),
  ];
  return [
    ...($ref === undefined ? [] : [$ref.slice(REF.length)]),
    ...below.flatMap((schema) => references(schema)),
  ];
}
