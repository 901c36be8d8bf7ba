import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { must } from "./commands";

/** A process that eats this machine's memory. */
export class Hog {
  private constructor(private readonly child: ChildProcess) {}

  /** @param left share of the memory that others keep, of 1 */
  static async start(left: number): Promise<Hog> {
    const child = spawn(
      process.execPath,
      [...["--expose-gc", "--import", "tsx"], join(__dirname, "hog-main.ts"), String(left)],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    const hog = new Hog(child);
    await Promise.race([once(child.stdout, "data"), once(child, "exit")]);
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error("what eats memory ended by itself");
    }
    return hog;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, "exit");
    this.child.kill("SIGKILL");
    await ended;
  }
}

/** A disk of 64 MiB on this machine, which may be filled without anybody's harm. Needs root. */
export class SmallDisk {
  private constructor(
    private readonly folder: string,
    /** Where it is mounted. */
    readonly path: string,
  ) {}

  static async mount(): Promise<SmallDisk> {
    const folder = mkdtempSync(join(tmpdir(), "atalaya-disk-"));
    const image = join(folder, "image");
    writeFileSync(image, "");
    truncateSync(image, 64 * 2 ** 20);
    await must("mkfs.ext4", ["-q", image]);
    // Not below /tmp, which is no disk on many machines.
    const path = mkdtempSync("/mnt/atalaya-disk-");
    await must("mount", ["-o", "loop", image, path]);
    return new SmallDisk(folder, path);
  }

  /** Leaves a few per cent. */
  fill(): void {
    writeFileSync(join(this.path, "filler"), Buffer.alloc(50 * 2 ** 20, 1));
  }

  empty(): void {
    rmSync(join(this.path, "filler"), { force: true });
  }

  async remove(): Promise<void> {
    // Lazily: an observer's container may have it, too.
    await must("umount", ["--lazy", this.path]);
    rmSync(this.path, { recursive: true });
    rmSync(this.folder, { recursive: true });
  }
}
