import type { RepositoryArgs, S3Repository } from "../../model/backup";
import type { Text } from "../../model/text";
import { authorityPath, type BucketSecrets } from "./backup";

/** Where a repository on a volume is mounted. */
export const RESTIC_REPOSITORY = "/var/lib/restic";

/** Whether a bucket's or a region's name stands in an address as it is. */
export const isPlainName = (text: string): boolean => /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(text);

/** What `atalaya-backup` of the stores' images reads: where the repositories are, and for how long backups stay. */
export interface ArchiveConfiguration {
  /** Days. */
  readonly keepDays: number;
  readonly repositories: readonly {
    readonly name: string;
    /** As restic reads it. */
    readonly url: string;
    /** `-o` of restic. */
    readonly options: readonly string[];
    /** File with certificates. @default the public ones */
    readonly authority?: string;
  }[];
}

/**
 * @param of.folder of a bucket
 * @param of.days how long a backup is kept
 */
export function archiveConfiguration(of: {
  readonly repositories: readonly RepositoryArgs[];
  readonly folder: string;
  readonly days: number;
}): ArchiveConfiguration {
  return {
    keepDays: of.days,
    repositories: of.repositories.map((repository) => {
      const { name } = repository;
      if (repository.kind === "local") return { name, url: RESTIC_REPOSITORY, options: [] };
      const { endpoint, port = 443, bucket, region, pathStyle, authority } = repository;
      return {
        name,
        url: `s3:https://${endpoint}:${port}/${bucket}${of.folder}`,
        options: [`s3.region=${region}`, `s3.bucket-lookup=${pathStyle ? "path" : "dns"}`],
        ...(authority === undefined ? {} : { authority: authorityPath(repository) }),
      };
    }),
  };
}

/** The keys of buckets, as a file that Amazon's tools read: one profile for each repository. */
export const bucketCredentials = (
  repositories: readonly RepositoryArgs[],
  secrets: (repository: S3Repository) => BucketSecrets,
): Text =>
  repositories.flatMap((repository) => {
    if (repository.kind === "local") return [];
    const { accessKey, secretKey } = secrets(repository);
    return [
      `[${repository.name}]\naws_access_key_id = `,
      { secret: accessKey },
      "\naws_secret_access_key = ",
      { secret: secretKey },
      "\n",
    ];
  });
