/** Lines as programs print them with what nobody may keep, and what is kept of each. */
export const SECRET_LINES: readonly (readonly [printed: string, kept: string])[] = [
  ["to postgres://shop:hunter-2@db:5432/shop", "to postgres://shop:***@db:5432/shop"],
  [
    "Authorization: Bearer eyJhbGciOi.J9.x-y_z then Basic c29tZTpiYXNpYw==",
    "Authorization: Bearer *** then Basic ***",
  ],
  // Variables of an environment.
  ["DB_PASSWORD=hunter2 DB_USER=shop", "DB_PASSWORD=*** DB_USER=shop"],
  ["PGPASSWORD=hunter2", "PGPASSWORD=***"],
  ["export JWT_SECRET_KEY='hun ter2'", "export JWT_SECRET_KEY='***'"],
  ["SMTP_PASS=hunter2, MYSQL_PWD=hunter2", "SMTP_PASS=***, MYSQL_PWD=***"],
  [
    "AWS_SECRET_ACCESS_KEY=[{hunter2 --cipher-pass=x",
    "AWS_SECRET_ACCESS_KEY=*** --cipher-pass=***",
  ],
  // JSON, which stays JSON.
  ['{"db_password":"hunter2","user":"ana"}', '{"db_password":"***","user":"ana"}'],
  ['{"smtpPassword": "hunter2", "port": 25}', '{"smtpPassword": "***", "port": 25}'],
  ['{"client_secret":"a\\"b\\\\","level":"info"}', '{"client_secret":"***","level":"info"}'],
  ['{"jwt_secret":",a}b]","ok":true}', '{"jwt_secret":"***","ok":true}'],
  ['{"new_password":"hun ter2"}', '{"new_password":"***"}'],
  ['{"passphrase":"x","pass":"y","pwd":"z"}', '{"passphrase":"***","pass":"***","pwd":"***"}'],
  ['{"pin_token":1234,"level":"error"}', '{"pin_token":"***","level":"error"}'],
  ['{"headers":{"X-Api-Key":["hunter2"]}}', '{"headers":{"X-Api-Key":["***"]}}'],
  ['{"cookie":"a=1; sid=hunter2","n":1}', '{"cookie":"***","n":1}'],
  [
    '{"body":"{\\"password\\":\\"hun\\\\\\"ter2\\",\\"pin_token\\":12}","n":1}',
    '{"body":"{\\"password\\":\\"***\\",\\"pin_token\\":\\"***\\"}","n":1}',
  ],
  [
    '{"msg":"login password=hunter2","level":"warn"}',
    '{"msg":"login password=***","level":"warn"}',
  ],
  ['{"msg":"Cookie: a=1; sid=hunter2","level":"warn"}', '{"msg":"Cookie: ***","level":"warn"}'],
  ['{"private_key":"-----BEGIN KEY-----\\nhunter2', '{"private_key":"***'],
  // JSON whose texts end in what else begins one: anybody may send these.
  ['{"msg":"Cookie: sid=abc==","level":"error"}', '{"msg":"Cookie: ***","level":"error"}'],
  ['{"level":"error","h":["Cookie: sid=abc="]}', '{"level":"error","h":["Cookie: ***"]}'],
  ['{ "level": "error", "msg": "Cookie: a=" }', '{ "level": "error", "msg": "Cookie: ***" }'],
  [
    '{"msg":"Cookie: a=\\"1\\"; sid=hunter2=","n":1,"level":"error"}',
    '{"msg":"Cookie: ***","n":1,"level":"error"}',
  ],
  [
    '{"level":50,"req":{"url":"/reset?token=\'"},"t":1,"msg":"request errored"}',
    '{"level":50,"req":{"url":"/reset?token=***"},"t":1,"msg":"request errored"}',
  ],
  [
    '{"url":"/?token=\' OR \\"1\\"=1","level":"error","msg":"it\'s"}',
    '{"url":"/?token=\'***","level":"error","msg":"it\'s"}',
  ],
  [
    '{ "level": "error", "url": "/?token=\'hunter2" }',
    '{ "level": "error", "url": "/?token=\'***" }',
  ],
  [
    '{"query":{"token=\'x":"1","token=":"2"},"level":"error"}',
    '{"query":{"token=\'***":"1","token=":"2"},"level":"error"}',
  ],
  [
    '{"msg":"{\'token\': \'hunter2\', \'n\': 1}","level":"error"}',
    '{"msg":"{\'token\': \'***\', \'n\': 1}","level":"error"}',
  ],
  [
    '{"msg":"say \\"token\\": \\"hun ter2","level":"error"}',
    '{"msg":"say \\"token\\": \\"***","level":"error"}',
  ],
  // Texts of other kinds.
  ['url="/?token=\'hunter2" level=error', 'url="/?token=\'***" level=error'],
  ['header="Cookie: sid=abc==" level=error', 'header="Cookie: ***" level=error'],
  ["password='hun\"ter2' user=ana", "password='***' user=ana"],
  ['JWT_SECRET=\'{"a":"hunter2","b":"x y"}\' user=ana', "JWT_SECRET='***' user=ana"],
  ["{'api_key': \"hun'ter2\", 'n': 1}", "{'api_key': \"***\", 'n': 1}"],
  ['password=" hunter2" user=ana', 'password="***" user=ana'],
  ['Set-Cookie: a=""; sid=hunter2', "Set-Cookie: ***"],
  ['password="hun ter2" user=ana', 'password="***" user=ana'],
  ["{'api_key': 'hun\\'ter2', 'n': 1}", "{'api_key': '***', 'n': 1}"],
  ['"token" => "hunter2", "n" => 1', '"token" => "***", "n" => 1'],
  ["GET /?access_token=hunter2&page=2", "GET /?access_token=***&page=2"],
  ["x-api-key: hunter2", "x-api-key: ***"],
  ["apiKey: hunter2", "apiKey: ***"],
  ["cookie: a=1; sid=hunter2; b=2", "cookie: ***"],
  ['Set-Cookie: a="1"; sid=hunter2', "Set-Cookie: ***"],
  // A name that only begins so: a date that is missing is better than a key that is kept.
  ['{"password_changed_at": "2026-01-01"}', '{"password_changed_at": "***"}'],
];

/** Lines that speak of secrets and hold none. */
export const HARMLESS_LINES: readonly string[] = [
  'FATAL: password authentication failed for user "shop"',
  '{"level":"error","msg":"invalid token:","user":"ana"}',
  '{"msg": "enter password: ", "level": "info"}',
  '{"msg":"say \\"token\\": ","level":"error"}',
  '{"msg":"say \'token\': ","level":"error"}',
  '{"msg":"say \'token\': [","level":"error"}',
  '{ "level": "info", "msg": "enter password: " }',
  '{"query":{"token=":"1","token\\\\":2},"level":"error"}',
  '{"password":"","level":"info"}',
  '{"cookie":{"path":"/","maxAge":60},"tokens":[],"level":"info"}',
  "the key=7 of a passenger: 3 passed=12, compass: north",
  "see https://example.org/reset-password?user=ana",
];
