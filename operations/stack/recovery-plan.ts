/** The kinds of engine objects that are declared through `@pulumi/docker`. */
export type ObjectKind = "service" | "secret" | "config" | "network" | "volume";

const kinds: Readonly<Record<string, ObjectKind>> = {
  "docker:index/service:Service": "service",
  "docker:index/secret:Secret": "secret",
  "docker:index/serviceConfig:ServiceConfig": "config",
  "docker:index/network:Network": "network",
  "docker:index/volume:Volume": "volume",
};

/** The order in which leftovers can be removed: nothing before what uses it. */
const removalOrder: readonly ObjectKind[] = ["service", "secret", "config", "network"];

/** Label that every engine object of a stack carries; its value is the stack's name. */
export const STACK_LABEL = "atalaya.stack";

/** The kind of engine object behind a Pulumi type, or undefined for any other type. */
export function objectKind(type: string): ObjectKind | undefined {
  return kinds[type];
}

/** The parts of an exported stack that are looked at here. */
export interface Deployment {
  readonly resources?: readonly StateResource[];
  readonly pending_operations?: readonly PendingOperation[];
}

/** One resource of an exported stack. */
export interface StateResource {
  readonly urn: string;
  readonly type: string;
  readonly id?: string;
  readonly protect?: boolean;
  readonly retainOnDelete?: boolean;
  readonly external?: boolean;
  readonly delete?: boolean;
  /** It is there and did not become what it should: a job that failed, for one. */
  readonly initErrors?: readonly string[];
  readonly inputs?: Readonly<Record<string, unknown>>;
  readonly outputs?: Readonly<Record<string, unknown>>;
}

/** Something that Pulumi had begun and not recorded as finished. */
export interface PendingOperation {
  readonly type: "creating" | "updating" | "deleting" | "reading" | "importing";
  readonly resource: StateResource;
}

/** An engine object that an interrupted run may have left. */
export interface Leftover {
  readonly kind: ObjectKind;
  readonly name: string;
  readonly urn: string;
}

/** What has to be done before the next update of a stack can succeed. */
export interface RecoveryPlan {
  /** Objects to remove where the engine has them; Pulumi creates them again. Never a volume. */
  readonly remove: readonly Leftover[];
  /** Volumes that stay as they are: creating one that exists gives the existing one. */
  readonly keep: readonly Leftover[];
  /** Pulumi's picture may differ from the engine: it has to be refreshed. */
  readonly refresh: boolean;
}

/**
 * Plans the recovery of a stack whose last run was interrupted. A creation that was begun and not
 * recorded may have happened: its name is taken then, and every later run would fail with “already
 * exists”. What holds no data is removed and created again, so that its creation is waited for and
 * checked as usual (a job that had not finished would count as done if it were taken over).
 *
 * @param interrupted a lock of a process that is gone was found
 */
export function planRecovery(deployment: Deployment, interrupted: boolean): RecoveryPlan {
  const pending = deployment.pending_operations ?? [];
  const recorded = new Set(
    (deployment.resources ?? []).map(({ type, inputs }) => key(objectKind(type), nameOf(inputs))),
  );
  const leftovers = pending
    .filter(({ type }) => type === "creating")
    .flatMap(({ resource }): Leftover[] => {
      const kind = objectKind(resource.type);
      const name = nameOf(resource.inputs);
      if (kind === undefined || name === undefined) return [];
      // Recorded under the same name (a replacement in place): the name's object is Pulumi's already.
      if (recorded.has(key(kind, name))) return [];
      return [{ kind, name, urn: resource.urn }];
    });
  return {
    remove: removalOrder.flatMap((kind) => leftovers.filter((left) => left.kind === kind)),
    keep: leftovers.filter(({ kind }) => kind === "volume"),
    refresh: interrupted || pending.length > 0,
  };
}

function key(kind: ObjectKind | undefined, name: string | undefined): string {
  return `${kind ?? ""}\0${name ?? ""}`;
}

/** An object's name in the engine, where it is written in plain text. */
function nameOf(inputs: StateResource["inputs"]): string | undefined {
  const name = inputs?.name;
  return typeof name === "string" && name !== "" ? name : undefined;
}

/** What `down` keeps, in words for the person. */
export function protectedResources(deployment: Deployment): readonly string[] {
  return (deployment.resources ?? []).filter(({ protect }) => protect === true).map(inWords);
}

/**
 * What else is left in the engine once all but the protected is gone: what that depends on, as a claim on its
 * namespace. In words for the person.
 * @param deployment after `down`
 */
export function standingResources(deployment: Deployment): readonly string[] {
  return (deployment.resources ?? [])
    .filter(({ type }) => objectKind(type) !== undefined || isOfCluster(type))
    .filter((of) => of.protect !== true && of.external !== true && of.delete !== true)
    .map(inWords);
}

const isOfCluster = (type: string): boolean => type.startsWith("kubernetes:");

/** An engine's object by the engine's own name, all else by the program's. */
function inWords({ urn, type, id }: StateResource): string {
  const kind = objectKind(type);
  if (kind !== undefined) return `${kind} ${id ?? urnName(urn)}`;
  const name = isOfCluster(type) ? (id ?? urnName(urn)) : urnName(urn);
  return `${type.split(":").at(-1) ?? type} ${name}`;
}

/** Names of the volumes that destroying the stack leaves in the engine on purpose. */
export function retainedVolumes(deployment: Deployment): readonly string[] {
  return (deployment.resources ?? [])
    .filter(({ type, retainOnDelete }) => objectKind(type) === "volume" && retainOnDelete === true)
    .flatMap(({ id }) => (id === undefined ? [] : [id]));
}

/** The last part of a URN: the name that the program gave. */
export function urnName(urn: string): string {
  return urn.split("::").at(-1) ?? urn;
}
