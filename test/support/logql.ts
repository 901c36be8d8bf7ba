import { parser } from "@grafana/lezer-logql";

/** A question as Grafana's own grammar of LogQL reads it. */
export interface Read {
  /** Pieces that are no LogQL: none where all of it is. */
  readonly wrong: readonly string[];
  /** Names of labels in its selectors and behind `by`. */
  readonly labels: readonly string[];
  /** Kinds of its pieces, outermost first. @example ["LogQL", "Expr", "LogExpr", …] */
  readonly pieces: readonly string[];
}

/** Reads LogQL. */
export function readLogql(expr: string): Read {
  const wrong: string[] = [];
  const labels: string[] = [];
  const pieces: string[] = [];
  parser.parse(expr).iterate({
    enter: ({ type, from, to, node }) => {
      pieces.push(type.name);
      if (type.isError) wrong.push(`${from}: ${expr.slice(from, to)}`);
      const inside = node.parent?.type.name;
      if (type.name === "Identifier" && (inside === "Matcher" || inside === "Labels")) {
        labels.push(expr.slice(from, to));
      }
    },
  });
  return { wrong, labels, pieces };
}
