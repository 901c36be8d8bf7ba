/**
 * redis.conf as our image reads it.
 * @param args.memory bytes for data
 * @param args.evict whether the least used keys go when it is full
 */
export function redisConf(args: { memory: number; evict: boolean }): string {
  return [
    "bind * -::*",
    "port 6379",
    // Every user but the ACL's own is off, so that there is nothing for this mode to protect.
    "protected-mode no",
    "dir /data",
    "aclfile /data/users.acl",
    "appendonly yes",
    "appendfsync everysec",
    'save ""',
    `maxmemory ${args.memory}`,
    `maxmemory-policy ${args.evict ? "allkeys-lru" : "noeviction"}`,
    "tcp-keepalive 60",
    "loglevel notice",
    "",
  ].join("\n");
}
