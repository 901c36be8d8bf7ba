import type { Rule } from "../../../policies/engine/rule";
import type { FailOn, Report, ReportFinding } from "../report";

/** What a format needs beside the report. */
export interface FormatContext {
  /** In force in this audit. */
  readonly rules: readonly { readonly rule: Rule; readonly level: ReportFinding["level"] }[];
  readonly failOn: FailOn;
  /** An earlier report, for the trend. */
  readonly previous?: Report;
  /** Every place, not the first ones alone. */
  readonly all?: boolean;
  /** Colours, for a terminal. */
  readonly coloured?: boolean;
}

export type Format = (report: Report, context: FormatContext) => string;

/** Open findings: neither exempt nor accepted. */
export const isOpen = ({ exempt, accepted }: ReportFinding): boolean =>
  exempt === undefined && accepted !== true;

/** `1 finding`, `2 findings`. */
export const counted = (count: number, one: string, many = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`;
