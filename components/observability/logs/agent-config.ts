import {
  listed,
  LOG_FIELDS,
  LOG_LEVELS,
  type LogField,
  type LogFormat,
  type LogLevel,
} from "../../../model/logs";
import type { LogFiles } from "../../../model/observability";

/** What the collector's file follows from. */
export interface AgentConfigArgs {
  /** Where the node's files are in the container, and how they say whose they are. */
  readonly files: LogFiles & { readonly mounted: string };
  /** Systems whose lines are taken. */
  readonly systems: readonly {
    readonly name: string;
    /** Component by the name of what runs, where that is another one. */
    readonly components: Readonly<Record<string, string>>;
  }[];
  /** How lines of components are read; of all others by the usual spellings. @default of all */
  readonly formats?: readonly ComponentLog[];
  /** Folder that outlives the container. */
  readonly folder: string;
  /** Of the store. @example "http://loki.logs:3100" */
  readonly store: string;
  readonly ports: { readonly health: number; readonly own: number; readonly counts: number };
  /** Bytes: the container's limit. */
  readonly memory: number;
  /** Between two looks at the files. @default "1s" */
  readonly look?: string;
}

/** Bytes of lines that wait on a node's disk while the store is away; then files are read no further. */
const QUEUE = 512 * 2 ** 20;

/** Counters of lines by whose they are and how bad: what alerts on logs go by. */
export const LINES = { name: "atalaya.log.lines", series: "atalaya_log_lines_total" } as const;

/** So long a counter is there after its last line: a component that prints an error a day is still counted. */
const COUNTED = "48h";

/**
 * What a person, a session or a request is called in lines of JSON and in plain text, where a component says nothing
 * else: the spellings of pino, Flask and log libraries like them. Searched by, never a label.
 */
const IDENTITIES: Readonly<
  Partial<Record<LogField, { readonly json: readonly string[]; readonly text: string }>>
> = {
  session_id: {
    json: ["session_id", "sessionId", "SESSION_ID", "session"],
    text: "session[_-]?id",
  },
  user: { json: ["user", "USER", "user_id", "userId", "username"], text: "user(?:[_-]?id)?" },
  request_id: {
    json: ["request_id", "requestId", "reqId", "REQUEST_ID"],
    text: "(?:x-)?request[_-]?id",
  },
};

/** Where JSON says its level. */
const LEVEL_FIELDS = ["level", "severity"] as const;

/** How levels are called, by ours; numbers are pino's. The first that fits counts. */
const LEVELS: Readonly<Record<LogLevel, readonly string[]>> = {
  fatal: ["fatal", "panic", "critical", "crit", "alert", "emerg", "emergency", "f", "60"],
  error: ["error", "err", "e", "50"],
  warn: ["warn", "warning", "w", "40"],
  debug: ["debug", "trace", "d", "20", "10"],
  info: ["info", "information", "informational", "notice", "log", "i", "30"],
};

/** Where plain text says its level: logfmt, PostgreSQL and Python, Nginx and HAProxy. */
const inText = (words: readonly string[]): string => {
  const some = words.filter((word) => word.length > 1 && !/\d/.test(word));
  const any = some.join("|");
  const upper = some.map((word) => word.toUpperCase()).join("|");
  return [
    `\\b(?:level|lvl|severity)="?(?i:${any})\\b`,
    `(?:^|\\s)(?:${upper})\\s?:`,
    `\\[(?i:${any})\\]|\\s-\\s(?:${upper})\\s-\\s`,
    `(?:^|[\\d\\]])\\s+(?:${upper})\\s`,
  ].join("|");
};

/**
 * A name with one of these words anywhere in it. So `password_changed_at` is taken as well: it is made like
 * `JWT_SECRET_KEY`, and a date that is missing is better than a key that is kept.
 */
const SECRET_NAME = String.raw`(?:(?:pass(?:word|wd|phrase)|secret|(?:api|access|private)[-_]?key|token|cookie)[\w.-]*|(?:\b|_)(?:pass|pwd))`;

/** Each such name has one of these in it. A key alone is in many a line. */
const SECRET_WORDS = [
  ...["pass", "pwd", "secret", "token", "cookie"],
  ...["api", "access", "private"].flatMap((of) => ["key", "_key", "-key"].map((key) => of + key)),
];

/** Between a name and its value: YAML and headers, logfmt, Ruby. */
const IS = String.raw`\s*[:=]>?\s*`;

/** In a text of JSON: one character. */
const CHARACTER = String.raw`(?:\\.|[^"\\])`;

/**
 * A text that begins here goes on with it. Before any other, a quote ends a text of JSON: anybody may send `?token='` or
 * a cookie that ends in `=`, and what comes after it on the line, its level too, is not theirs to take.
 */
const INSIDE = String.raw`(?:\\.|[^"\\,:}\]\s])`;

/** Of a text in quotes after a name that says nothing of where it stands: what is in it. */
const GUARDED = String.raw`\s*${INSIDE}${CHARACTER}*`;

/**
 * Up to its closing quote, whatever is escaped in it: a text of Python, one of JSON that stands in a text of JSON. The
 * former may have none: the first `"` in it tells whether it is its own, or ends the text that it stands in.
 */
const OTHER_TEXT = String.raw`(')(?:(?:\\.|[^'"\\])*"(?:\\.|[^',:}\]\s\\])(?:\\.|[^'\\])*|(?:\\.|[^'"\\])+)|(\\")(?:[^"\\]|\\\\(?:\\.|[^"\\]))+`;

/**
 * What must not be kept whoever prints it: passwords in addresses, tokens, fields that are called so. A line of JSON
 * stays one: what is read of it comes after. Only lines with one of the words, in small letters, are looked through:
 * most have none, and it costs more than all else that is done with a line.
 */
export const REDACTED: readonly {
  readonly words: readonly string[];
  readonly regex: string;
  readonly by: string;
}[] = [
  { words: ["://"], regex: String.raw`(://[^:/@\s"]*:)[^@/\s"]+@`, by: "${1}***@" },
  {
    words: ["bearer", "basic"],
    regex: String.raw`(?i)(\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{6,}`,
    by: "${1}***",
  },
  {
    // The header: all cookies, to the end of the line or of the text that it stands in.
    words: ["cookie"],
    regex: String.raw`(?i)(cookie\s*:\s*)[^"'\\\s](?:="(?:[^",:}\]\s][^"\r\n]*)?"|\\.|[^"\\\r\n])*`,
    by: "${1}***",
  },
  ...[
    // "name": "text", also the first of a list. Behind \"name\" a quote that is not escaped ends what both stand in.
    {
      regex: String.raw`(?i)(${SECRET_NAME})(?:("${IS}\[?\s*")${CHARACTER}+|(\\*'${IS}\[?\s*")${GUARDED}|(\\*["']${IS}\[?\s*)(?:${OTHER_TEXT}))`,
      by: "${1}${2}${3}${4}${5}${6}***",
    },
    // "name": 1234; an even number of backslashes is part of the name, not of its quote.
    {
      regex: String.raw`(?i)(${SECRET_NAME}((?:\\(?:\\\\)*)?"|\\*')${IS})[^"'\\\s>\[{,}\]][^"\\\s,;&}\]]*`,
      by: "${1}${2}***${2}",
    },
    // name=text, name: "text"
    {
      regex: String.raw`(?i)(${SECRET_NAME}${IS})(?:(")${GUARDED}|${OTHER_TEXT}|(?:\\.|[^"\\\s,;&}\]])+)`,
      by: "${1}${2}${3}${4}***",
    },
  ].map((of) => ({ words: SECRET_WORDS, ...of })),
];

type Operator = Readonly<Record<string, unknown>>;

/** A text of the collector's expression language. */
const quoted = (text: string): string => JSON.stringify(text);

const computed = (field: string, expr: string): Operator => ({
  type: "add",
  field,
  value: `EXPR(${expr})`,
});

/**
 * The OpenTelemetry Collector's file. Where a container's lines are is the engine's doing: no container knows of
 * this, and none waits for it.
 */
export function agentConfig(args: AgentConfigArgs): object {
  const { files, formats = [], folder, store, ports, memory, look = "1s" } = args;
  return escaped({
    extensions: {
      health_check: { endpoint: `0.0.0.0:${ports.health}` },
      "file_storage/offsets": { directory: `${folder}/offsets`, create_directory: true },
      "file_storage/queue": {
        directory: `${folder}/queue`,
        create_directory: true,
        // What an outage took of the disk is given back.
        compaction: { directory: `${folder}/queue`, on_start: true, on_rebound: true },
      },
    },
    receivers: {
      file_log: {
        ...(files.format === "docker" ? dockerFiles(files.mounted) : criFiles(args)),
        // A line that was written before the agent was there is as good as one after.
        start_at: "beginning",
        poll_interval: look,
        include_file_path: true,
        include_file_name: false,
        preserve_leading_whitespaces: true,
        preserve_trailing_whitespaces: true,
        // Two instances may begin with the same line: only the engine's own words behind it differ.
        fingerprint_size: "4kb",
        max_log_size: "1MiB",
        storage: "file_storage/offsets",
        retry_on_failure: { enabled: true, max_elapsed_time: "0s" },
        operators: [
          ...(files.format === "docker" ? fromDocker(files.stack) : fromCri(args)),
          ...REDACTED.map(({ words, regex, by }) => ({
            ...{ type: "regex_replace", field: "body", regex, replace_with: by },
            if: `let text = lower(body); any(${JSON.stringify(words)}, text contains #)`,
          })),
          ...understood(formats),
          ...["engine", "app", "said", "whose", "source", 'attributes["log.file.path"]'].map(
            (field) => ({
              type: "remove",
              field: field.startsWith("attributes") ? field : `attributes.${field}`,
              on_error: "send_quiet",
            }),
          ),
        ],
      },
    },
    processors: {
      memory_limiter: {
        check_interval: "1s",
        limit_mib: Math.floor((memory * 0.8) / 2 ** 20),
        spike_limit_mib: Math.floor((memory * 0.2) / 2 ** 20),
      },
      // The connector says how many more there are, Prometheus wants how many there were.
      delta_to_cumulative: { max_stale: COUNTED },
    },
    connectors: {
      signal_to_metrics: {
        logs: [
          {
            name: LINES.name,
            description: "Lines that containers printed.",
            include_resource_attributes: ["system", "service", "level"].map((key) => ({ key })),
            sum: { value: "1", monotonic: true },
          },
        ],
      },
    },
    exporters: {
      otlp_http: {
        endpoint: `${store}/otlp`,
        compression: "gzip",
        timeout: "30s",
        // Until it is there again.
        retry_on_failure: { initial_interval: "1s", max_interval: "15s", max_elapsed_time: "0s" },
        sending_queue: {
          storage: "file_storage/queue",
          sizer: "bytes",
          queue_size: QUEUE,
          // Whoever reads the files waits; the files do not.
          block_on_overflow: true,
          // One after the other: of lines that wait together, Loki refuses those that come hours behind newer ones.
          num_consumers: 1,
          batch: { flush_timeout: "1s", sizer: "bytes", min_size: 2 ** 18, max_size: 2 ** 20 },
        },
      },
      prometheus: {
        endpoint: `0.0.0.0:${ports.counts}`,
        resource_to_telemetry_conversion: { enabled: true },
        metric_expiration: COUNTED,
      },
    },
    service: {
      extensions: ["health_check", "file_storage/offsets", "file_storage/queue"],
      pipelines: {
        logs: {
          receivers: ["file_log"],
          processors: ["memory_limiter"],
          exporters: ["otlp_http", "signal_to_metrics"],
        },
        metrics: {
          receivers: ["signal_to_metrics"],
          processors: ["delta_to_cumulative"],
          exporters: ["prometheus"],
        },
      },
      telemetry: {
        // What it says of lines that it cannot read would be read again.
        logs: { level: "error", encoding: "json" },
        metrics: {
          readers: [{ pull: { exporter: { prometheus: { host: "0.0.0.0", port: ports.own } } } }],
        },
      },
    },
  }) as object;
}

/** Rotated ones, too: what was written while the agent was away is in them. */
const dockerFiles = (mounted: string): object => ({
  include: [`${mounted}/*/*-json.log`, `${mounted}/*/*-json.log.[0-9]`],
});

const criFiles = ({ files, systems }: AgentConfigArgs): object => {
  if (files.format !== "cri") throw new Error("not the kubelet's files");
  return {
    include: systems.flatMap(({ name }) => {
      const of = `${files.mounted}/${files.namespace(name)}_*/*`;
      return [`${of}/*.log`, `${of}/*.log.*`];
    }),
    exclude: [`${files.mounted}/*/*/*.gz`, `${files.mounted}/*/*/*.tmp`],
  };
};

/** A line of one stream of one container, put together where the engine has cut it. */
const whole = (field: string, last: string): Operator[] => [
  computed("attributes.source", `attributes["log.file.path"] + " " + attributes.engine.stream`),
  {
    type: "recombine",
    combine_field: field,
    combine_with: "",
    is_last_entry: last,
    source_identifier: "attributes.source",
    overwrite_with: "newest",
    max_log_size: "1MiB",
    max_sources: 10_000,
  },
];

/** `{"log":"…\n","stream":"stdout","attrs":{"atalaya.system":"shop",…},"time":"…"}` */
function fromDocker(stack: string): Operator[] {
  const label = (name: string): string => `attributes.engine.attrs[${quoted(name)}]`;
  const task = label("com.docker.swarm.task.name");
  return [
    {
      type: "json_parser",
      parse_from: "body",
      parse_to: "attributes.engine",
      timestamp: {
        parse_from: "attributes.engine.time",
        layout_type: "gotime",
        layout: "2006-01-02T15:04:05.999999999Z",
      },
      // A file that was cut by a power failure.
      on_error: "drop_quiet",
    },
    {
      type: "filter",
      expr: `(attributes.engine.attrs ?? {})["atalaya.stack"] != ${quoted(stack)}`,
    },
    ...whole("attributes.engine.log", 'attributes.engine.log endsWith "\\n"'),
    computed("body", 'trimSuffix(attributes.engine.log, "\\n")'),
    computed("resource.system", label("atalaya.system")),
    computed("resource.service", label("atalaya.component")),
    // `<stack>-<system>-<workload>.<slot>.<task>`: the place stays, the task does not.
    computed(
      "resource.instance",
      `let parts = split(${task} ?? "", "."); trimPrefix(join(parts[:min(2, len(parts))], "."), ${quoted(`${stack}-`)} + ${label("atalaya.system")} + "-")`,
    ),
    computed("attributes.stream", "attributes.engine.stream"),
  ];
}

/** `2026-11-28T12:00:00.123456789Z stdout F …`, in `<namespace>_<pod>_<uid>/<container>/0.log`. */
function fromCri({ files, systems }: AgentConfigArgs): Operator[] {
  if (files.format !== "cri") throw new Error("not the kubelet's files");
  const named = Object.fromEntries(systems.map(({ name }) => [files.namespace(name), name]));
  const components = Object.fromEntries(
    systems.flatMap(({ name, components: of }) =>
      Object.entries(of).map(([runs, component]) => [`${name}/${runs}`, component]),
    ),
  );
  return [
    {
      type: "regex_parser",
      parse_from: "body",
      parse_to: "attributes.engine",
      regex: "^(?P<time>[^ ]+) (?P<stream>stdout|stderr) (?P<tag>[^ ]*) ?(?P<log>(?s:.*))$",
      timestamp: {
        parse_from: "attributes.engine.time",
        layout_type: "gotime",
        layout: "2006-01-02T15:04:05.999999999Z07:00",
      },
      on_error: "drop_quiet",
    },
    {
      type: "regex_parser",
      parse_from: 'attributes["log.file.path"]',
      parse_to: "attributes.pod",
      regex: "/(?P<namespace>[^_/]+)_(?P<name>[^_/]+)_[^_/]+/(?P<container>[^/]+)/[^/]+$",
    },
    ...whole("attributes.engine.log", 'attributes.engine.tag == "F"'),
    computed("body", "attributes.engine.log"),
    computed("resource.system", `${JSON.stringify(named)}[attributes.pod.namespace]`),
    computed(
      "resource.service",
      `${JSON.stringify(components)}[resource.system + "/" + attributes.pod.container] ?? attributes.pod.container`,
    ),
    computed("resource.instance", "attributes.pod.name"),
    computed("attributes.stream", "attributes.engine.stream"),
    { type: "remove", field: "attributes.pod" },
  ];
}

/** How lines of one component are read. */
export type ComponentLog = LogFormat & { readonly system: string; readonly component: string };

/** Whose a line is, for conditions: no name of a system or component has a slash. */
const WHOSE = "attributes.whose";

/** Whether a line is of one of them. */
const isOf = (components: readonly string[]): string => `${WHOSE} in ${JSON.stringify(components)}`;

/** Components by something that several of them may have, in the order in which it was first there. */
function sharing(
  formats: readonly ComponentLog[],
  of: (format: ComponentLog) => readonly string[],
): readonly (readonly [what: string, components: readonly string[]])[] {
  const found = new Map<string, Set<string>>();
  for (const format of formats) {
    for (const what of of(format)) {
      const components = found.get(what) ?? new Set();
      found.set(what, components.add(`${format.system}/${format.component}`));
    }
  }
  return [...found].map(([what, components]) => [what, [...components]]);
}

/** One step into a value; nothing where there is none, whatever is there instead. */
function step(of: string, key: string, depth: number): string {
  // A line that is read as JSON is an object.
  if (depth === 0) return `${of}?.[${quoted(key)}]`;
  const place = /^\d{1,4}$/.test(key) ? `type(v) == "array" ? get(v, ${Number(key)}) : nil` : "nil";
  return `(let v = ${of}; type(v) == "map" ? v[${quoted(key)}] : ${place})`;
}

/** What stands at a place of a JSON line: one name with dots, or names one in another. */
const at = (place: string): string[] =>
  (place.includes(".") ? [[place], place.split(".")] : [[place]]).map((keys) =>
    keys.reduce(step, "attributes.app"),
  );

/** What a field is, as its component says, then as usual: a text or a number of some length, or nothing. */
function said(field: LogField, formats: readonly ComponentLog[]): string {
  const usual = field === "level" ? LEVEL_FIELDS : (IDENTITIES[field]?.json ?? []);
  const found = [
    ...sharing(formats, ({ json }) => listed(json?.[field])).flatMap(([place, components]) =>
      at(place).map((value) => `(${isOf(components)} ? ${value} : nil)`),
    ),
    `attributes.said?.${field}`,
    ...usual.flatMap(at),
  ];
  return `let v = find([${found.join(", ")}], type(#) in ["string", "int", "float", "bool"] and # != ""); let said = v == nil ? nil : string(v); `;
}

/**
 * What a line says of itself: its level, and whom it is about, as its component says that its lines are, then by
 * the usual spellings. Nothing here can lose a line: what does not fit leaves it as it is.
 */
function understood(formats: readonly ComponentLog[]): Operator[] {
  const named = Object.entries(LEVELS)
    .map(([name, words]) => `l in ${JSON.stringify(words)} ? ${quoted(name)} : `)
    .join("");
  const inBody = Object.entries(LEVELS)
    .map(([name, words]) => `body matches ${quoted(inText(words))} ? ${quoted(name)} : `)
    .join("");
  const own = LOG_LEVELS.flatMap((level) =>
    sharing(formats, ({ levels }) => listed(levels?.[level])).map(
      ([words, components]) =>
        `${isOf(components)} and l matches ${quoted(`(?i)^(?:${words})$`)} ? ${quoted(level)} : `,
    ),
  ).join("");
  return [
    {
      type: "json_parser",
      parse_from: "body",
      parse_to: "attributes.app",
      // An id of a person is no 1.234567e+06.
      parse_ints: true,
      if: 'body matches "^\\\\s*{"',
      on_error: "send_quiet",
    },
    computed(WHOSE, 'string(resource.system ?? "") + "/" + string(resource.service ?? "")'),
    ...sharing(formats, ({ text }) => listed(text)).map(([regex, components]) => ({
      type: "regex_parser",
      parse_from: "body",
      parse_to: "attributes.said",
      regex,
      if: `attributes.app == nil and attributes.said == nil and ${isOf(components)}`,
      on_error: "send_quiet",
    })),
    { type: "add", field: "resource.level", value: "unknown" },
    {
      ...computed(
        "resource.level",
        `${said("level", formats)}let l = lower(said ?? ""); l != "" ? (${own}${named}"unknown") : (${inBody}"unknown")`,
      ),
      on_error: "send_quiet",
    },
    ...LOG_FIELDS.filter((field) => field !== "level").flatMap((field): Operator[] => {
      const name = `attributes.${field}`;
      const usual = IDENTITIES[field];
      return [
        { ...computed(name, `${said(field, formats)}said`), on_error: "send_quiet" },
        ...(usual === undefined
          ? []
          : [
              {
                type: "regex_parser",
                parse_from: "body",
                parse_to: "attributes",
                regex: `(?i)(?:^|[\\s"'{(,;\\[])${usual.text}["']?\\s*[=:]\\s*["']?(?P<${field}>[^\\s"',;&\\])}]+)`,
                if: `attributes.app == nil and ${name} == nil`,
                on_error: "send_quiet",
              },
            ]),
        { type: "remove", field: name, if: `${name} == nil`, on_error: "send_quiet" },
      ];
    }),
  ];
}

/** The collector takes `$` for a variable of its environment. */
function escaped(of: unknown): unknown {
  if (typeof of === "string") return of.replaceAll("$", () => "$$");
  if (Array.isArray(of)) return of.map(escaped);
  if (typeof of !== "object" || of === null) return of;
  return Object.fromEntries(Object.entries(of).map(([key, value]) => [key, escaped(value)]));
}
