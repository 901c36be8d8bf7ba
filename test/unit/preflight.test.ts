import { pin } from "../../stack/swarm/preflight";

test("an image is pinned to the digest that the engine has for its repository", () => {
  const digest = `sha256:${"a".repeat(64)}`;
  expect(pin("host:5000/a/b:v1", [`other/b@sha256:1`, `host:5000/a/b@${digest}`])).toBe(
    `host:5000/a/b:v1@${digest}`,
  );
});

test("what was built here has no digest, and what has one stays", () => {
  expect(pin("atalaya/redis:1", [])).toBeUndefined();
  expect(pin("atalaya/redis:1", null)).toBeUndefined();
  expect(pin("a/b:v1@sha256:1", ["a/b@sha256:2"])).toBeUndefined();
});
