import { type Deployment, type StateResource, urnName } from "./recovery-plan";

/** By type of resource, as which kind its name has it: `<system>-<kind>-<name>`, on Swarm and on Kubernetes. */
const VOLUMES: Readonly<Record<string, string>> = {
  "docker:index/volume:Volume": "volume",
  "kubernetes:core/v1:PersistentVolumeClaim": "persistentvolumeclaim",
};
const JOBS = ["docker:index/service:Service", "kubernetes:batch/v1:Job"];

/**
 * Whether the job that makes a restored copy may have ended well, by what the state has. Before that no database runs on
 * the copy: it waits for the job, and Pulumi has written down that it was done before it goes on.
 * @param copy the component's name, as `db-copy-1`
 */
export const mayBeMade = ({ resources = [] }: Deployment, system: string, copy: string): boolean =>
  resources
    .filter(({ type, initErrors = [] }) => JOBS.includes(type) && initErrors.length === 0)
    .map(({ urn }) => urnName(urn))
    .some((name) => name.startsWith(`${system}-`) && name.includes(`-${copy}-restore`));

/** A copy's volume that the state has as protected. */
export interface ProtectedCopy {
  readonly urn: string;
  readonly system: string;
  /** The component that it is a copy of. */
  readonly component: string;
  readonly number: number;
}

/** Volumes of restored copies that nothing takes away by itself. */
export const protectedCopies = ({ resources = [] }: Deployment): readonly ProtectedCopy[] =>
  resources.flatMap((of): ProtectedCopy[] => {
    const [system, name] = volumeOf(of)?.split("/") ?? [];
    const [, component, number] = /^(.+)-copy-(\d+)-data$/.exec(name ?? "") ?? [];
    return of.protect !== true || system === undefined || component === undefined
      ? []
      : [{ urn: of.urn, system, component, number: Number(number) }];
  });

/** @example volumeOf(…) // "shop/db-copy-1-data" */
function volumeOf({ urn, type }: StateResource): string | undefined {
  const kind = VOLUMES[type];
  return kind === undefined ? undefined : urnName(urn).replace(`-${kind}-`, "/");
}
