import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import fc from "fast-check";
import {
  contentDigest,
  fillText,
  jsonText,
  keyedDigest,
  scramVerifier,
  secretsOf,
} from "../../model/text";

const values = new Map([
  ["a", 'quote " backslash \\ newline \n'],
  ["b", "plain"],
]);

test("holes are filled, and named once", () => {
  const text = ["x=", { secret: "b" }, " ", { secret: "b" }] as const;
  expect(fillText(text, values)).toBe("x=plain plain");
  expect(secretsOf(text)).toEqual(["b"]);
});

test("a missing value is named, never shown", () => {
  expect(() => fillText([{ secret: "c" }], values)).toThrow('no value for the secret "c"');
});

test("JSON stays JSON whatever a secret contains", () => {
  const filled = fillText(jsonText({ list: [{ secret: "a" }, { secret: "b" }], n: 1 }), values);
  expect(JSON.parse(filled)).toEqual({ list: [values.get("a"), "plain"], n: 1 });
});

test("JSON with any literal text and any secret reads back (property)", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (literal, secret) => {
      const text = jsonText({ literal, hole: { secret: "s" } });
      expect(JSON.parse(fillText(text, new Map([["s", secret]])))).toEqual({
        literal,
        hole: secret,
      });
    }),
  );
});

test("a SCRAM verifier proves its password (RFC 5802)", () => {
  const verifier = scramVerifier("correct horse", "role");
  const [, iterations, salt, stored, server] =
    /^SCRAM-SHA-256\$(\d+):([^$]+)\$([^:]+):(.+)$/.exec(verifier) ?? [];
  const salted = pbkdf2Sync(
    "correct horse",
    Buffer.from(salt!, "base64"),
    Number(iterations),
    32,
    "sha256",
  );
  const client = createHmac("sha256", salted).update("Client Key").digest();
  expect(createHash("sha256").update(client).digest("base64")).toBe(stored);
  expect(createHmac("sha256", salted).update("Server Key").digest("base64")).toBe(server);
  expect(verifier).toBe(scramVerifier("correct horse", "role"));
  expect(verifier).not.toBe(scramVerifier("correct horse", "other"));
});

test("names by value cannot be computed without the key", () => {
  expect(keyedDigest("key", "value")).toMatch(/^[0-9a-f]{10}$/);
  expect(keyedDigest("key", "value")).not.toBe(keyedDigest("other", "value"));
  expect(keyedDigest("key", "value")).not.toBe(contentDigest("value"));
});
