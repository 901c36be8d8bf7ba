import { ExitCode, UserError } from "../errors";
import { describedStack } from "../setup/described";
import { type Deployment, type StateResource, urnName } from "./recovery-plan";

/** By type of resource, as which kind its name has it: `<system>-<kind>-<name>`, on Swarm and on Kubernetes. */
const VOLUMES: Readonly<Record<string, string>> = {
  "docker:index/volume:Volume": "volume",
  "kubernetes:core/v1:PersistentVolumeClaim": "persistentvolumeclaim",
};
const JOBS: Readonly<Record<string, string>> = {
  "docker:index/service:Service": "service",
  "kubernetes:batch/v1:Job": "job",
};

/**
 * Whether the job that makes a restored copy may have ended well, by what the state has. Before that no database runs on
 * the copy: it waits for the job, and Pulumi has written down that it was done before it goes on.
 * @param copy the component's name, as `db-copy-1`
 */
export const mayBeMade = ({ resources = [] }: Deployment, system: string, copy: string): boolean =>
  resources
    .filter(({ initErrors = [] }) => initErrors.length === 0)
    .some(({ urn, type }) => {
      const job = `${system}-${JOBS[type]}-${copy}-restore`;
      // On Swarm a digest of what it does follows.
      return type in JOBS && new RegExp(`^${job}(?:-[0-9a-f]+)?$`).test(urnName(urn));
    });

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

/**
 * A database would go back to an older volume by an `up` with a file that does not know of its restore, and only after
 * that would Pulumi refuse to take the volume away on which it ran.
 * @throws UserError where the state has a volume on which a database ran, and the stack's file does not say so
 */
export function refuseForgotten(stack: string, deployment: Deployment): void {
  const found = protectedCopies(deployment);
  if (found.length === 0) return;
  const kept = new Set(
    describedStack(stack).systems.flatMap(({ name, volumes }) =>
      volumes.filter(({ protect }) => protect).map((volume) => `${name}/${volume.name}`),
    ),
  );
  const forgotten = found.filter(
    ({ system, component, number }) => !kept.has(`${system}/${component}-copy-${number}-data`),
  );
  if (forgotten.length === 0) return;
  const file = `Pulumi.${stack}.yaml`;
  throw new UserError(
    forgotten
      .map(
        ({ system, component, number }) =>
          `${system}/${component} was restored and ran on copy ${number}: ${file} on this machine does not say so (\`backups.restored\`).`,
      )
      .join("\n"),
    [
      `With it the database may go back to an older volume. Nothing was changed. Take ${file} from the machine that`,
      "restored; a copy of the state from after that has it as well (`backups.state`).",
      "Only where that copy's data is to go for good:",
      ...forgotten.map(({ urn }) => `  npx atalaya pulumi -s ${stack} state unprotect '${urn}'`),
    ].join("\n"),
    ExitCode.usage,
  );
}
