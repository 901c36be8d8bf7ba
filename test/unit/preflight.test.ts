import { pin, presentImages } from "../../stack/swarm/preflight";

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

test("what the engine has is found under the name that was asked for", () => {
  const inspected = [
    JSON.stringify({ RepoTags: ["atalaya/redis:1", "host:5000/redis:1"], RepoDigests: null }),
    JSON.stringify({ RepoTags: ["nginx:1.27"], RepoDigests: ["nginx@sha256:2"] }),
  ];
  const wanted = ["atalaya/redis:1", "docker.io/library/nginx:1.27", "nginx:1.27@sha256:2", "a:1"];
  expect([...presentImages(wanted, inspected)]).toEqual([
    ["atalaya/redis:1", []],
    ["docker.io/library/nginx:1.27", ["nginx@sha256:2"]],
    ["nginx:1.27@sha256:2", ["nginx@sha256:2"]],
  ]);
});
