import type { GatewayPlan, WafExclusionPlan } from "../plan";

const RULES = "/usr/share/modsecurity-crs/rules";

/**
 * What is read of the rule set: how it sets itself up, the rules for requests, and what counts their scores. Not the
 * exceptions for products that no system of ours is, lists of addresses and limits that nothing here feeds (the
 * gateway's own limits hold), and the rules for answers, whose bodies are not read: a request would pass all of them
 * for nothing. ModSecurity takes an asterisk in a path, and no question mark.
 */
const FILES = ["901-", "905-", "911-", "913-", "92", "93", "94"];

/** Of the Core Rule Set that the image has; its own set-up says so too. */
const CRS = 337;

/**
 * The configuration of ModSecurity with the OWASP Core Rule Set, made from data only: what an author may put
 * into it (paths, parameters, tags, numbers) has been checked to be plain.
 */
export function wafConfig({ waf, maxBody }: GatewayPlan): string {
  const set = (id: number, variable: string): string =>
    `SecAction "id:${id},phase:1,nolog,pass,t:none,setvar:'${variable}'"`;
  return [
    `SecRuleEngine ${waf.mode === "detect" ? "DetectionOnly" : "On"}`,
    "SecRequestBodyAccess On",
    // As ModSecurity recommends: how a body is read follows from what it says it is.
    ...bodies(maxBody),
    // Answers are the services' own; reading them all would cost more than the rules for them find.
    "SecResponseBodyAccess Off",
    "SecTmpDir /tmp/nginx",
    "SecDataDir /tmp/nginx",
    "SecUploadDir /tmp/nginx",
    // Work that one regular expression may do: above the default, at which long honest texts fail.
    "SecPcreMatchLimit 100000",
    "SecPcreMatchLimitRecursion 100000",
    "SecArgumentSeparator &",
    "SecCookieFormat 0",
    "SecStatusEngine Off",
    // It would quote what was sent. Which rules matched where is in the error log, read by the image's program.
    "SecAuditEngine Off",
    set(900_000, `tx.paranoia_level=${waf.paranoia}`),
    set(900_110, `tx.inbound_anomaly_score_threshold=${waf.anomalyThreshold}`),
    set(900_200, "tx.allowed_methods=GET HEAD POST OPTIONS PUT PATCH DELETE"),
    set(
      900_220,
      "tx.allowed_request_content_type=|application/x-www-form-urlencoded| |multipart/form-data| |text/plain| |application/json| |application/merge-patch+json| |application/problem+json| |application/octet-stream| |text/xml| |application/xml|",
    ),
    set(900_990, `tx.crs_setup_version=${CRS}`),
    ...waf.exclusions.map(exclusion),
    ...FILES.map((begin) => `Include ${RULES}/REQUEST-${begin}*.conf`),
    "",
  ].join("\n");
}

function bodies(maxBody: number): string[] {
  const deny = (id: number, variable: string, operator: string, message: string): string =>
    `SecRule ${variable} "${operator}" "id:${id},phase:2,t:none,log,deny,status:400,msg:'${message}',severity:2"`;
  return [
    `SecRequestBodyLimit ${maxBody}`,
    `SecRequestBodyNoFilesLimit ${maxBody}`,
    "SecRequestBodyLimitAction Reject",
    "SecRequestBodyJsonDepthLimit 64",
    "SecArgumentsLimit 1000",
    `SecRule REQUEST_HEADERS:Content-Type "^(?:application(?:/soap\\+|/)|text/)xml" "id:200000,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML"`,
    `SecRule REQUEST_HEADERS:Content-Type "^application/(?:[a-z0-9.-]+\\+)?json" "id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"`,
    deny(200_002, "REQBODY_ERROR", "!@eq 0", "The body is not what it says it is"),
    deny(200_003, "MULTIPART_STRICT_ERROR", "!@eq 0", "The multipart body is malformed"),
    deny(
      200_004,
      "MULTIPART_UNMATCHED_BOUNDARY",
      "@eq 1",
      "The multipart body has a boundary that fits nowhere",
    ),
    deny(200_005, "TX:/^MSC_/", "!@streq 0", "A rule gave up"),
    deny(200_007, "&ARGS", "@ge 1000", "The request has too many parameters"),
  ];
}

/** Holds for paths as the service sees them: decoded, without dots and doubled slashes. */
function exclusion({ path, rules, tags, parameters }: WafExclusionPlan, i: number): string {
  const where = path === "/" ? "^/" : `^${path.replaceAll(".", "\\.")}(?:/|$)`;
  const targets = parameters.map((name) => `;ARGS:${name}`);
  const actions = [
    ...rules.flatMap((id) =>
      targets.length === 0
        ? [`ctl:ruleRemoveById=${id}`]
        : targets.map((target) => `ctl:ruleRemoveTargetById=${id}${target}`),
    ),
    ...tags.flatMap((tag) =>
      targets.length === 0
        ? [`ctl:ruleRemoveByTag=${tag}`]
        : targets.map((target) => `ctl:ruleRemoveTargetByTag=${tag}${target}`),
    ),
  ];
  return `SecRule REQUEST_FILENAME "@rx ${where}" "id:${10_000 + i},phase:1,pass,nolog,t:none,t:urlDecodeUni,t:normalizePath,${actions.join(",")}"`;
}
