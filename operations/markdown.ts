/** Text from elsewhere as code: it formats nothing, names nobody and ends no cell of a table. */
export function code(text: string): string {
  const plain = text.replace(/\s+/g, " ").replaceAll("`", "'").replaceAll("|", "\\|").trim();
  return plain === "" ? "" : `\`${plain}\``;
}

/** A block of text as it is. */
export function block(text: string, language = ""): string {
  // Longer than any fence inside.
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}${language}\n${text.trimEnd()}\n${fence}`;
}

/** A table; its cells are Markdown already. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

/** A part that opens at a click. */
export function folded(title: string, body: string): string {
  return `<details><summary>${title}</summary>\n\n${body}\n\n</details>`;
}

/** What a reader must not miss. */
export function warning(title: string, lines: readonly string[]): string {
  return ["> [!CAUTION]", `> **${title}**`, ">", ...lines.map((line) => `> - ${line}`)].join("\n");
}

/** @example counted(2, "object") // "2 objects" */
export function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? "" : "s"}`;
}
