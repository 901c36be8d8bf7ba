import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { expectCode } from "../support/commands";
import type { Live } from "../live/cases/context";
import { fields } from "../support/differences";
import type { Kubernetes } from "../support/kubernetes";

interface Rendered {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** The objects of a stack that is up, one by one. */
export function objects(live: Live, engine: () => Kubernetes): void {
  describe("objects", () => {
    test("are those that `atalaya render` writes, field by field (FV-13)", async () => {
      const folder = join(live.stack.folder, "rendered");
      expectCode(await live.stack.atalaya("render", "--out", folder), 0);
      const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
        name.endsWith(".yaml"),
      );
      const documents = files
        .flatMap((name) => parseAllDocuments(readFileSync(join(folder, name), "utf8")))
        .map((document) => document.toJS() as Rendered | null)
        .filter((document) => document !== null);
      expect(documents.length).toBeGreaterThan(80);
      const found: string[] = [];
      for (const document of documents) {
        const { kind, metadata } = document;
        const json = await engine().kubectl("get", kind, metadata.name, "-o", "json");
        found.push(...fields(document, JSON.parse(json), `${kind} ${metadata.name}`, "allowed"));
      }
      expect(found).toEqual([]);
    });

    test("that somebody deleted come back with refresh and up (AT-04)", async () => {
      await engine().kubectl("delete", "service", "cart-service");
      await engine().kubectl("delete", "networkpolicy", "cart-service");
      expectCode(await live.stack.operate("refresh"), 0);
      expectCode(await live.stack.operate("up"), 0);
      await engine().kubectl("get", "networkpolicy", "cart-service");
      expect((await live.ask("/api/cart")).status).toBe(200);
    });
  });
}
