import {
  createReadStream,
  type Dirent,
  readdirSync,
  readFileSync,
  type Stats,
  statSync,
} from "node:fs";
import { extname, join } from "node:path";
import { CouldNotRun, type Gathered } from "../gathered";
import { gatherText, type Kind } from "./documents";

/** Files of a folder that may hold what is judged. */
const EXTENSIONS = new Set([".yaml", ".yml", ".json"]);
/** Never anybody's manifests, and often thousands of files. */
const IGNORED = new Set(["node_modules", ".git", ".terraform", ".pulumi"]);
/** Larger files are refused: reading one takes twenty times its size in memory. */
export const MAX_BYTES = 100 * 2 ** 20;

/** Reads files, folders with all in them, and `-` for standard input. */
export async function gatherPaths(
  paths: readonly string[],
  into: Gathered,
  {
    as,
    stdin = process.stdin,
  }: { readonly as?: Kind; readonly stdin?: AsyncIterable<string | Buffer> } = {},
): Promise<void> {
  // Folders and files that were read: a link may lead back to where it came from.
  const seen = new Set<string>();
  for (const path of paths) {
    if (path === "-") {
      gatherBytes(await readAll(stdin), "(standard input)", into, { as, named: true });
      continue;
    }
    let found: Stats;
    try {
      found = statSync(path);
    } catch (error) {
      throw new CouldNotRun(
        `${path}: ${plainError(error)}.`,
        "Name a file, a folder, or - for standard input.",
        { cause: error },
      );
    }
    if (found.isDirectory()) gatherFolder(path, found, into, as, seen);
    else if (found.isFile()) gatherFile(path, found, into, { as, named: true });
    // A pipe: a shell's <(helm template …).
    else gatherBytes(await readAll(createReadStream(path)), path, into, { as, named: true });
  }
}

const identity = ({ dev, ino }: Stats): string => `${dev}:${ino}`;

function gatherFolder(
  folder: string,
  of: Stats,
  into: Gathered,
  as: Kind | undefined,
  seen: Set<string>,
): void {
  if (seen.has(identity(of))) return;
  seen.add(identity(of));
  let entries: Dirent[];
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    into.unreadable.push({ source: { file: folder }, reason: plainError(error) });
    return;
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const path = join(folder, entry.name);
    const wanted = EXTENSIONS.has(extname(entry.name).toLowerCase());
    const isLink = entry.isSymbolicLink();
    if (!isLink && !entry.isDirectory() && !wanted) continue;
    let found: Stats;
    try {
      found = statSync(path);
    } catch (error) {
      // A link to nowhere, without a file's ending, was to be a folder.
      if (wanted || extname(entry.name) === "") {
        into.unreadable.push({ source: { file: path }, reason: plainError(error) });
      }
      continue;
    }
    if (found.isDirectory()) {
      if (IGNORED.has(entry.name)) continue;
      if (entry.name === "templates" && entries.some(({ name }) => name === "Chart.yaml")) {
        into.unreadable.push({
          source: { file: path },
          reason: "templates of a Helm chart are no manifests before they are rendered",
          fix: `helm template ${folder} | atalaya audit -`,
        });
        continue;
      }
      gatherFolder(path, found, into, as, seen);
    } else if (wanted && found.isFile() && !seen.has(identity(found))) {
      seen.add(identity(found));
      gatherFile(path, found, into, { as, named: false });
    }
  }
}

function gatherFile(
  path: string,
  { size }: Stats,
  into: Gathered,
  options: { readonly as: Kind | undefined; readonly named: boolean },
): void {
  if (size > MAX_BYTES) {
    into.unreadable.push(tooLarge(path, size));
    return;
  }
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    into.unreadable.push({ source: { file: path }, reason: plainError(error) });
    return;
  }
  gatherBytes(bytes, path, into, options);
}

function gatherBytes(
  bytes: Buffer,
  file: string,
  into: Gathered,
  { as, named }: { as: Kind | undefined; named: boolean },
): void {
  if (bytes.length > MAX_BYTES) {
    into.unreadable.push(tooLarge(file, bytes.length));
    return;
  }
  const text = decoded(bytes);
  if (text === undefined) {
    if (named) into.unreadable.push({ source: { file }, reason: "it is no text" });
    else into.skipped++;
    return;
  }
  gatherText(text, file, into, { ...(as === undefined ? {} : { as }), named });
}

/** UTF-8, or UTF-16 with its mark, as PowerShell writes it; undefined for anything that is no text. */
function decoded(bytes: Buffer): string | undefined {
  const [a, b] = bytes;
  const encoding =
    a === 0xff && b === 0xfe ? "utf-16le" : a === 0xfe && b === 0xff ? "utf-16be" : "utf-8";
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
    return text.includes("\0") ? undefined : text;
  } catch {
    return undefined;
  }
}

const tooLarge = (
  file: string,
  size: number,
): { source: { file: string }; reason: string; fix: string } => ({
  source: { file },
  reason: `it has ${Math.round(size / 2 ** 20)} MiB, and ${MAX_BYTES / 2 ** 20} MiB is the most that is read at once`,
  fix: "split it",
});

async function readAll(stream: AsyncIterable<string | Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    chunks.push(bytes);
    // Enough to say that it is too much.
    if ((size += bytes.length) > MAX_BYTES) break;
  }
  return Buffer.concat(chunks);
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is nothing of that name",
  EACCES: "it may not be read",
  EPERM: "it may not be read",
  ELOOP: "it is a link that leads to itself",
};

const plainError = (error: unknown): string => {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  return REASONS[code] ?? `it cannot be read (${code || "unknown error"})`;
};
