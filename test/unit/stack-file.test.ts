import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { configuredStateFolder, readStackFile } from "../../operations/setup/stack-file";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "atalaya-stack-file-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const write = (text: string): void => writeFileSync(join(folder, "Pulumi.dev.yaml"), text);

test.each([
  ["a block whose head has more in it", "config:\n  a: |hunter2\n", "(line 2)"],
  [
    "a reference to nothing",
    "config:\n  a: *hunter2\n",
    "(a value that begins with * stands in quotes)",
  ],
])("%s is told of without what stands in it", (_, text, where) => {
  write(text);
  const read = (): unknown => readStackFile(folder, "dev");
  expect(read).toThrow(`Pulumi.dev.yaml is no YAML ${where}.`);
  expect(read).not.toThrow(/hunter2/);
});

test("a file that is no YAML is told of by its name and line, without what stands in it", () => {
  write(
    "config:\n  atalaya:profile: dev\nencryptionsalt: v1:c2FsdA==:v1:hunter2\n  atalaya:a: b\n",
  );
  const read = (): unknown => readStackFile(folder, "dev");
  expect(read).toThrow(/^Pulumi\.dev\.yaml is no YAML \(line 3\)\.$/);
  expect(read).not.toThrow(/hunter2/);
});

test("no file, and an empty one, say nothing", () => {
  expect(readStackFile(folder, "dev")).toEqual({});
  for (const text of ["", "config:\n", "config:\n  # nothing yet\n"]) {
    write(text);
    expect(readStackFile(folder, "dev")).toEqual({});
  }
});

test("a folder for the state's copies is an absolute path; anything else the stack's own validation tells", () => {
  for (const [value, expected] of [
    ["/mnt/copies", "/mnt/copies"],
    ["copies", undefined],
    ["[1]", undefined],
  ] as const) {
    write(`config:\n  atalaya:backups:\n    state: ${value}\n`);
    expect(configuredStateFolder(folder, "dev")).toBe(expected);
  }
  write("config:\n  atalaya:backups: 'off'\n");
  expect(configuredStateFolder(folder, "dev")).toBeUndefined();
});
