import { defaultIn, entropy, secretIn } from "../../../policies/engine/detect";

/** What is a secret and what only looks like one (AT-03): by a table, since each line was once wrong. */
type Text = readonly [text: string, name?: string];

const SECRETS: readonly Text[] = [
  ["My-Pa55word!", "PASSWORD"],
  ["my_real_Pw99", "DB_PASS"],
  ["12345678901234", "MYSQL_ROOT_PASSWORD"],
  ["Server=db;User Id=sa;Password=Str0ng!Pass;", "ConnectionStrings__Default"],
  ["jdbc:postgresql://db/x?user=a&password=correct-horse", "JDBC_URL"],
  ["https://b.example/x?sv=1&accountKey=correct-horse", "STORE"],
  ["mongodb+srv://u:correct-horse@c.example.net/db", "URI"],
  [`sk_live_${"q7Rt2Wn9".repeat(3)}`, "PAYMENTS"],
  [`AIza${"q7Rt2Wn".repeat(5)}`, "MAPS"],
  ["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N", "X"],
  ["Bearer 6f1e02c7d95b4a38", "UPSTREAM"],
  ["Authorization: Basic YWRtaW46Y29ycmVjdA=="],
  ["redis-server --appendonly yes --requirepass correct-horse"],
  ["requirepass correct-horse\nmasterauth correct-horse"],
  ["PGPASSWORD=correct-horse pg_dump shop"],
  ["mysql -uroot -pcorrect-horse shop < /x.sql"],
  ["mysqladmin ping -h db -uroot -p'correct-horse'"],
  ["redis-cli -h cache -a correct-horse ping"],
  ["sshpass -p correct-horse ssh shop@example.org"],
  ["curl -fsS -u admin:correct-horse http://x"],
  ["<server><username>a</username><password>correct-horse</password></server>"],
  ["addr=nas,username=u,password=correct-horse,vers=3.0", "o"],
  ["example.org {\n  api_token correct-horse\n  header X token=correct-horse\n}"],
  ["sample_rate: 1\npassword: correct-horse\n"],
  ["correct-horse", "imageRegistryPassword"],
  ["correct-horse", "clientSecret"],
];

const HARMLESS: readonly Text[] = [
  ["shop-db-secret", "existingSecret"],
  ["shop-db", "IMAGE_PULL_SECRET"],
  ["shop-tls", "tlsSecret"],
  ["vault:secret/data/db#password", "DB_PASSWORD"],
  ["ref+vault://secret/db#/password", "DB_PASSWORD"],
  ["op://vault/item/password", "DB_PASSWORD"],
  ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf", "DB_SECRET"],
  ["projects/x/secrets/db/versions/latest", "DB_SECRET"],
  ["env:DB_PASSWORD", "PASSWORD"],
  ["your-256-bit-secret", "JWT_SECRET"],
  ["my-password", "PASSWORD"],
  ["ENC[AES256_GCM,data:p673w==,iv:YY=,aad:UQ=,tag:A==,type:str]", "password"],
  ["-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYI\n-----END PUBLIC KEY-----", "JWT_KEY"],
  [`data:image/png;base64,${"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"}`, "ICON"],
  ["ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "ALPHABET"],
  ["mysql -uroot -p$MYSQL_ROOT_PASSWORD shop"],
  ['mysqladmin ping -p"$(cat /run/secrets/root)"'],
  ["mysql --port=3306 --protocol=tcp"],
  ["redis-server --requirepass $REDIS_PASSWORD"],
  ['redis-cli -a "$(cat /run/secrets/redis)" ping'],
  ["curl -u $USER:$TOKEN https://example.org"],
  ["docker run --user 1000:1000 --secret db-password x"],
  ["docker login -u x --password-stdin"],
  ["Bearer authentication is required"],
  ["bearer_token_file: /var/run/secrets/kubernetes.io/serviceaccount/token"],
  ["ssl_certificate_key /etc/nginx/tls.key;"],
  ["password_encryption = scram-sha-256"],
  ["proxy_set_header Authorization $http_authorization;"],
  ["export DB_PASSWORD=$(cat /run/secrets/db)"],
];

const each = (of: readonly Text[]): { text: string; name?: string }[] =>
  of.map(([text, name]) => ({ text, ...(name === undefined ? {} : { name }) }));

test.each(each(SECRETS))("a secret: $name $text", ({ text, name }) => {
  expect(secretIn(text, name)).toBeDefined();
});

test.each(each(HARMLESS))("none: $name $text", ({ text, name }) => {
  expect(secretIn(text, name)).toBeUndefined();
});

test("a long text is looked through once", () => {
  const begun = performance.now();
  for (const text of ["a=".repeat(2e5), "mysql ".repeat(4e4), `<token>${"<".repeat(2e5)}`])
    expect(secretIn(text)).toBeUndefined();
  expect(performance.now() - begun).toBeLessThan(5_000);
});

test("a password of everybody is one in a line, too, but in no comment and no label of a form", () => {
  expect(defaultIn("CHANGE_ME", "DB_PASSWORD")).toBe(true);
  expect(defaultIn("[security]\nadmin_password = admin\n")).toBe(true);
  expect(defaultIn("; admin_password = admin\n# password: changeme\n")).toBe(false);
  expect(defaultIn('{ "password": "Password" }')).toBe(false);
});

test("entropy is in bits for each character", () => {
  expect(entropy("aaaa")).toBe(0);
  expect(entropy("abcdabcd")).toBe(2);
});
