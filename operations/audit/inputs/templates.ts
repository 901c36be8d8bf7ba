import { UNKNOWN } from "../../../policies/engine/field";
import { mapScalars } from "../values";

/**
 * Helm's own expressions. Others stay what they are: alerts and dashboards are full of `{{ $labels.x }}`,
 * which their own program fills in.
 */
const HELM =
  /\{\{-?\s*(?:[$\w(. ]{0,80}\.(?:Values|Release|Chart|Capabilities|Files|Template)\b|(?:include|template|toYaml|tpl|required|range|if|else|end|with|define|block)\b)/;

/** Lines of other template languages that YAML never has. */
const OTHERS = /^[ \t]*(?:\{%.*%\}|<%.*%>)/m;

/** Whether somebody still has to fill in parts of a text. */
export const isTemplate = (text: string): boolean => HELM.test(text) || OTHERS.test(text);

/** The same value, with a mark where nobody knows what will stand there. */
export const withoutExpressions = (value: unknown): unknown =>
  mapScalars(value, (scalar) =>
    typeof scalar === "string" && HELM.test(scalar) ? UNKNOWN : scalar,
  );
