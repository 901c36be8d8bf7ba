// Placeholder until the images' builder brings the real one.
export type ImageName = "postgres" | "redis" | "caddy" | "front" | "reference-service";
export const catalog: readonly { name: ImageName }[] = (
  ["postgres", "redis", "caddy", "front", "reference-service"] as const
).map((name) => ({ name }));
export const imageTag = (name: ImageName): string => `atalaya/${name}:000000000000`;
