import { define } from "../../engine/rule";
import { defaultIn, flagBefore } from "../../engine/detect";
import { eachKnown } from "../../engine/field";
import { imageName } from "../../engine/stack";
import { files } from "../../engine/texts";

/** Programs that start with a password which everybody knows, until one of these is set. */
const SHIPPED: Readonly<Record<string, RegExp>> = {
  grafana: /^GF_SECURITY_(?:ADMIN_PASSWORD|DISABLE_INITIAL_ADMIN_CREATION|DISABLE_LOGIN_FORM)/,
  minio: /^MINIO_(?:ROOT_PASSWORD|SECRET_KEY|CONFIG_ENV_FILE)/,
  rabbitmq: /^RABBITMQ_(?:DEFAULT_PASS|DEFINITIONS_FILE|CONFIG_FILE)/,
  sonarqube: /^SONAR_(?:FORCEAUTHENTICATION|WEB_SYSTEMPASSCODE)/,
};

/** Switches that let everybody in. */
const OPEN =
  /^(?:(?:MYSQL|MARIADB)_ALLOW_EMPTY(?:_ROOT)?_PASSWORD|ALLOW_EMPTY_PASSWORD|ALLOW_ANONYMOUS_LOGIN|ALLOW_PLAINTEXT_LISTENER)$/;

const EVERYBODYS = "must not be a password of everybody";

export const rule = define({
  title: "Nothing runs with a password that everybody knows",
  severity: "critical",
  why: "admin/admin and postgres/postgres are the first that every scanner of the internet tries.",
  fix: "generate a password, keep it as a secret of the engine, and give its file",
  references: ["OWASP A07", "CWE-1392", "NSA C-0012", "no peer checks it"],
  container({ environment, words, image, field, role }, { report }) {
    const texts = words.map(() => "");
    // What nobody knows yet hides nothing else.
    eachKnown<() => void>(
      [
        ...environment.map(({ name, at }) => () => {
          const value = at.value ?? "";
          if (defaultIn(value, name)) report(at, EVERYBODYS);
          else if (OPEN.test(name) && /^(?:1|yes|true|on)$/i.test(value))
            report(at, "must not let everybody in");
          else if (name === "POSTGRES_HOST_AUTH_METHOD" && value === "trust")
            report(at, "must not be trust: it lets everybody in");
        }),
        ...words.map((word, i) => () => {
          const text = (texts[i] = word.value ?? "");
          if (defaultIn(text, flagBefore(texts, i))) report(word, EVERYBODYS);
        }),
      ],
      (judge) => judge(),
    );
    const program = imageName(image.value ?? "");
    const wanted = Object.hasOwn(SHIPPED, program) ? SHIPPED[program] : undefined;
    if (wanted === undefined || role !== "main") return;
    // Variables from elsewhere: nobody here can tell what they are.
    if (field.get("envFrom").present || field.get("env_file").present) return;
    if (!environment.some(({ name }) => wanted.test(name)))
      report(image, `must not run with its own password: nothing sets another one`);
  },
  object(field, subject, { report }) {
    for (const { name, at, text } of files(field, subject))
      if (defaultIn(text, name)) report(at, EVERYBODYS);
  },
});
