import { readFileSync } from "node:fs";
import { join } from "node:path";
import { transformSync } from "@swc/core";
import ts from "typescript";
import type { RuleArgs } from "../engine/rule";
import { POLICIES } from "./fixtures";

/** A rule with one thing turned off. */
export interface Mutant {
  /** @example "12: if (published.value === undefined) is never so" */
  readonly what: string;
  readonly kind: "silent" | "condition";
  readonly rule: RuleArgs;
}

/**
 * Every rule that one change makes of a rule: a report that is not made (`silent`), a condition that is always
 * or never so, one side of an `&&` or `||` alone (`condition`).
 */
export function mutantsOf(id: string, wanted: Mutant["kind"]): Mutant[] {
  const file = join(POLICIES, id, "rule.ts");
  const text = readFileSync(file, "utf8");
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
  const mutants: Mutant[] = [];
  const replace = (node: ts.Node, by: string, kind: Mutant["kind"], how: string): void => {
    if (kind !== wanted) return;
    const line = source.getLineAndCharacterOfPosition(node.getStart()).line + 1;
    const was = node.getText().replace(/\s+/g, " ");
    mutants.push({
      what: `${line}: ${was.length > 70 ? `${was.slice(0, 70)}…` : was} ${how}`,
      kind,
      rule: load(`${text.slice(0, node.getStart())}(${by})${text.slice(node.getEnd())}`, id),
    });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && /^(?:context\.)?report$/.test(node.expression.getText()))
      replace(node, "undefined", "silent", "is left out");
    if (ts.isIfStatement(node)) {
      replace(node.expression, "true", "condition", "is always so");
      replace(node.expression, "false", "condition", "is never so");
    }
    if (
      ts.isBinaryExpression(node) &&
      [ts.SyntaxKind.AmpersandAmpersandToken, ts.SyntaxKind.BarBarToken].includes(
        node.operatorToken.kind,
      )
    ) {
      replace(node, node.left.getText(), "condition", "is its left side alone");
      replace(node, node.right.getText(), "condition", "is its right side alone");
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return mutants;
}

/** Runs a rule's source, with what it imports resolved from its own folder. */
function load(text: string, id: string): RuleArgs {
  // A program of its own for each of a thousand mutants, as the compiler makes it, is half of what they cost.
  const { code } = transformSync(text, {
    swcrc: false,
    jsc: { parser: { syntax: "typescript" }, target: "es2022" },
    module: { type: "commonjs" },
  });
  const exported: { rule?: RuleArgs } = {};
  const resolve = (name: string): unknown =>
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- what a mutant imports
    require(name.startsWith(".") ? join(POLICIES, id, name) : name);
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- our own rule, with one change
  const run = new Function("exports", "require", code) as (...args: unknown[]) => void;
  run(exported, resolve);
  if (exported.rule === undefined) throw new Error(`${id}: no rule`);
  return exported.rule;
}
