import { html as markup, raw } from "hono/html";
import { formatName } from "../../../policies/engine/evaluate";
import { SEVERITIES, type Severity } from "../../../policies/engine/rule";
import { countBySeverity, type Report, type ReportFinding } from "../report";
import { counted, type Format, type FormatContext, isOpen } from "./format";
import { STYLE } from "./html-style";
import { byRule, place, requirement } from "./table";

/** Markup; hono escapes all that is put into it, since names come from anybody's files. */
type Html = ReturnType<typeof raw>;
type Part = Html | string | number | undefined | readonly Part[];

// It waits only for promises, and there are none.
const html = (texts: TemplateStringsArray, ...parts: readonly Part[]): Html =>
  markup(texts, ...parts) as Html;

const WORST_FIRST: readonly Severity[] = [...SEVERITIES].reverse();

/**
 * One page that an auditor can be given: nothing is loaded from elsewhere, nothing in it runs, it prints,
 * and everything can be reached by keyboard.
 */
export const page: Format = (report, context) => {
  const open = report.findings.filter(isOpen);
  const what = report.audited.join(", ");
  return `<!doctype html>\n${html`<html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta
        http-equiv="Content-Security-Policy"
        content="default-src 'none'; style-src 'unsafe-inline'"
      />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      <title>Policy audit of ${what}</title>
      <style>
        ${raw(STYLE)}
      </style>
    </head>
    <body>
      <a class="skip" href="#findings">Skip to the findings</a>
      <header>
        <p class="kicker">Policy audit</p>
        <h1>${what}</h1>
        <p class="facts">
          ${[
            html`<span>${report.created.slice(0, 16).replace("T", " ")} UTC</span>`,
            html`<span>as for <strong>${report.environment}</strong></span>`,
            html`<span>${counted(report.summary.objects, "object")}</span>`,
            html`<span>${counted(context.rules.length, "rule")} in force</span>`,
            html`<span>atalaya ${report.tool.version}</span>`,
          ]}
        </p>
        ${verdict(report, open)}
      </header>
      <nav aria-label="Contents">
        <ul>
          ${[
            ["summary", "Summary"],
            ...(context.previous === undefined ? [] : [["trend", "Trend"]]),
            ["systems", "By system"],
            ["rules", "By rule"],
            ["findings", "Findings"],
            ["exemptions", "Exemptions"],
            ["limits", "What was not judged"],
            ["passed", "What holds"],
          ].map(([id, title]) => html`<li><a href="#${id}">${title}</a></li>`)}
        </ul>
      </nav>
      <main>
        ${summary(report, context)}
        ${context.previous === undefined ? undefined : trend(open, context.previous)}
        ${bySystem(open)} ${ruleTable(open, context)} ${findings(open, context)}
        ${exemptions(report)} ${limits(report)} ${passed(report, context)}
      </main>
      <footer>
        Levels: <em>mandatory</em> findings stop a preview, <em>advisory</em> ones warn,
        <em>remediate</em> mends what can be mended safely. A finding's value is never shown where
        it could be a secret.
      </footer>
    </body>
  </html>`}\n`;
};

function verdict({ summary: of }: Report, open: readonly ReportFinding[]): Html {
  if (of.failing > 0) {
    return html`<p class="verdict bad">
      ${counted(of.failing, "finding")} ${of.failing === 1 ? "does" : "do"} not pass
    </p>`;
  }
  return of.unreadable > 0
    ? html`<p class="verdict bad">Not everything could be read</p>`
    : html`<p class="verdict good">
        Passed${open.length > 0 ? `, with ${counted(open.length, "finding")} to look at` : undefined}
      </p>`;
}

function summary({ summary: of }: Report, { previous }: FormatContext): Html {
  const card = (title: string, count: number, mark: string, before?: number): Html =>
    html`<div class="card ${mark}">
      <dt>${title}</dt>
      <dd>
        ${count}${
          before === undefined || before === count
            ? undefined
            : html` <small
                >${count < before ? "−" : "+"}${Math.abs(count - before)}<span class="unseen">
                  since the previous report</span
                ></small
              >`
        }
      </dd>
    </div>`;
  return html`<section id="summary" aria-labelledby="summary-title">
    <h2 id="summary-title">Summary</h2>
    <dl class="cards">
      ${WORST_FIRST.map((each) => card(each, of.findings[each], each, previous?.summary.findings[each]))}
      ${card("exempt", of.exempt, "aside", previous?.summary.exempt)}
      ${card("in the baseline", of.accepted, "aside", previous?.summary.accepted)}
      ${card("not read", of.unreadable, of.unreadable > 0 ? "critical" : "aside", previous?.summary.unreadable)}
      ${card("not checked", of.unchecked, "aside", previous?.summary.unchecked)}
    </dl>
  </section>`;
}

/** What came and went since an earlier report. */
function trend(open: readonly ReportFinding[], previous: Report): Html {
  const before = previous.findings.filter(isOpen);
  const known = new Set(before.map(({ fingerprint }) => fingerprint));
  const now = new Set(open.map(({ fingerprint }) => fingerprint));
  const fresh = open.filter(({ fingerprint }) => !known.has(fingerprint));
  const gone = before.filter(({ fingerprint }) => !now.has(fingerprint));
  const most = Math.max(1, before.length, open.length);
  const bar = (title: string, of: readonly ReportFinding[]): Html => {
    const counts = countBySeverity(of);
    return html`<tr>
      <th scope="row">${title}</th>
      <td class="number">${of.length}</td>
      <td class="bar" aria-hidden="true">
        ${WORST_FIRST.map((each) =>
          counts[each] === 0
            ? undefined
            : html`<span
                class="${each}"
                style="width:${((100 * counts[each]) / most).toFixed(2)}%"
              ></span>`,
        )}
      </td>
    </tr>`;
  };
  return html`<section id="trend" aria-labelledby="trend-title">
    <h2 id="trend-title">Trend since ${previous.created.slice(0, 10)}</h2>
    <table class="bars">
      <thead>
        <tr>
          <th scope="col">Findings</th>
          <th scope="col" class="number">Count</th>
          <th scope="col">By severity</th>
        </tr>
      </thead>
      <tbody>
        ${bar("Before", before)}${bar("Now", open)}${bar("New", fresh)}${bar("Resolved", gone)}
      </tbody>
    </table>
    ${changes("New findings", fresh)}${changes("Resolved findings", gone)}
  </section>`;
}

const changes = (title: string, of: readonly ReportFinding[]): Html | undefined =>
  of.length === 0
    ? undefined
    : html`<details>
        <summary>${title} (${of.length})</summary>
        <ul class="changes">
          ${of.map(
            (each) =>
              html`<li>
                ${badge(each.severity)} <code>${each.rule}</code> ${formatName(each.resource)}
                <code>${each.path}</code>
              </li>`,
          )}
        </ul>
      </details>`;

function bySystem(open: readonly ReportFinding[]): Html {
  const systems = new Map<string, ReportFinding[]>();
  for (const finding of open) {
    const known = systems.get(finding.system);
    if (known === undefined) systems.set(finding.system, [finding]);
    else known.push(finding);
  }
  const rows = [...systems]
    .map(([name, of]) => ({ name, counts: countBySeverity(of), total: of.length }))
    .sort(
      (a, b) =>
        b.counts.critical - a.counts.critical ||
        b.counts.high - a.counts.high ||
        b.total - a.total ||
        (a.name < b.name ? -1 : 1),
    );
  return html`<section id="systems" aria-labelledby="systems-title">
    <h2 id="systems-title">By system</h2>
    ${
      rows.length === 0
        ? html`<p class="none">No findings.</p>`
        : html`<table>
            <thead>
              <tr>
                <th scope="col">System</th>
                ${WORST_FIRST.map((each) => html`<th scope="col" class="number">${each}</th>`)}
                <th scope="col" class="number">All</th>
              </tr>
            </thead>
            <tbody>
              ${rows.map(
                ({ name, counts, total }) =>
                  html`<tr>
                    <th scope="row">${name === "" ? html`<em>says none</em>` : name}</th>
                    ${WORST_FIRST.map((each) => html`<td class="number${counts[each] === 0 ? " zero" : ""}">${counts[each]}</td>`)}
                    <td class="number">${total}</td>
                  </tr>`,
              )}
            </tbody>
          </table>`
    }
  </section>`;
}

/** An anchor of a rule's own. */
const anchor = (rule: string): string => `rule-${rule.replace(/[^a-z0-9]+/gi, "-")}`;

const badge = (severity: Severity): Html =>
  html`<span class="badge ${severity}">${severity}</span>`;

function ruleTable(open: readonly ReportFinding[], { rules }: FormatContext): Html {
  const groups = byRule(open);
  return html`<section id="rules" aria-labelledby="rules-title">
    <h2 id="rules-title">By rule</h2>
    ${
      groups.length === 0
        ? html`<p class="none">No findings.</p>`
        : html`<table>
            <thead>
              <tr>
                <th scope="col">Severity</th>
                <th scope="col">Rule</th>
                <th scope="col">What must hold</th>
                <th scope="col">Level</th>
                <th scope="col" class="number">Findings</th>
              </tr>
            </thead>
            <tbody>
              ${groups.map((group) => {
                const { rule, severity, level } = group[0]!;
                const title = rules.find((each) => each.rule.id === rule)?.rule.title;
                return html`<tr>
                  <td>${badge(severity)}</td>
                  <th scope="row">
                    <a href="#${anchor(rule)}"><code>${rule}</code></a>
                  </th>
                  <td>${title}</td>
                  <td>${level}</td>
                  <td class="number">${group.length}</td>
                </tr>`;
              })}
            </tbody>
          </table>`
    }
  </section>`;
}

function findings(open: readonly ReportFinding[], { rules }: FormatContext): Html {
  return html`<section id="findings" aria-labelledby="findings-title">
    <h2 id="findings-title">Findings</h2>
    ${
      open.length === 0
        ? html`<p class="none">No findings.</p>`
        : html`<fieldset class="filter">
            <legend>Show</legend>
            ${WORST_FIRST.map(
              (each) =>
                html`<label><input type="checkbox" id="show-${each}" checked /> ${each}</label>`,
            )}
          </fieldset>`
    }${byRule(open).map((group) => {
      const { rule: id, severity, level } = group[0]!;
      const rule = rules.find((each) => each.rule.id === id)?.rule;
      return html`<details
        class="rule ${severity}"
        id="${anchor(id)}"
        ${severity === "critical" || severity === "high" ? html` open` : undefined}
      >
        <summary>
          ${badge(severity)} <code>${id}</code> <span class="title">${rule?.title}</span>
          <span class="count">${counted(group.length, "finding")}, ${level}</span>
        </summary>
        ${
          rule === undefined
            ? undefined
            : html`<p>${rule.why}</p>
                <p><strong>Fix:</strong> ${rule.fix}.</p>
                <p class="references">${rule.references.join(" · ")}</p>`
        }
        <div class="wide">
          <table>
            <thead>
              <tr>
                <th scope="col">Resource</th>
                <th scope="col">Property</th>
                <th scope="col">Place</th>
                <th scope="col">What must hold</th>
              </tr>
            </thead>
            <tbody>
              ${group.map(
                (each) =>
                  html`<tr>
                    <th scope="row">${formatName(each.resource)}</th>
                    <td><code>${each.path}</code></td>
                    <td><code>${place(each)}</code></td>
                    <td>${requirement(each)}</td>
                  </tr>`,
              )}
            </tbody>
          </table>
        </div>
      </details>`;
    })}
  </section>`;
}

function exemptions({ exemptions: of, created, findings: all }: Report): Html {
  const today = Date.parse(created.slice(0, 10));
  return html`<section id="exemptions" aria-labelledby="exemptions-title">
    <h2 id="exemptions-title">Exemptions</h2>
    ${
      of.length === 0
        ? html`<p class="none">None are configured.</p>`
        : html`<div class="wide">
            <table>
              <thead>
                <tr>
                  <th scope="col">Rule</th>
                  <th scope="col">Resource</th>
                  <th scope="col">Reason</th>
                  <th scope="col">Owner</th>
                  <th scope="col">Expires</th>
                  <th scope="col" class="number">Covers</th>
                </tr>
              </thead>
              <tbody>
                ${[...of]
                  .sort((a, b) => (a.expires < b.expires ? -1 : 1))
                  .map((each) => {
                    const days = Math.round((Date.parse(each.expires) - today) / 86_400_000);
                    const left = each.expired
                      ? html`<strong class="bad">expired</strong>`
                      : html`<small>in ${counted(days, "day")}</small>`;
                    return html`<tr>
                      <th scope="row"><code>${each.rule}</code></th>
                      <td>${each.resource}</td>
                      <td>${each.reason}</td>
                      <td>${each.owner}</td>
                      <td>${each.expires} ${left}</td>
                      <td class="number">${each.findings}</td>
                    </tr>`;
                  })}
              </tbody>
            </table>
          </div>`
    }${covered(all)}
  </section>`;
}

/** What is exempt or in the baseline, one by one: an auditor asks. */
function covered(all: readonly ReportFinding[]): Html | undefined {
  const of = all.filter((finding) => !isOpen(finding));
  if (of.length === 0) return undefined;
  return html`<details>
    <summary>Findings that are exempt or in the baseline (${of.length})</summary>
    <ul class="changes">
      ${of.map(
        (each) =>
          html`<li>
            ${badge(each.severity)} <code>${each.rule}</code> ${formatName(each.resource)}
            <code>${each.path}</code> –
            ${each.exempt === undefined ? "in the baseline" : `${each.exempt.reason} (${each.exempt.owner}, until ${each.exempt.expires})`}
          </li>`,
      )}
    </ul>
  </details>`;
}

function limits({ unreadable, unchecked, summary: { skippedFiles } }: Report): Html {
  return html`<section id="limits" aria-labelledby="limits-title">
    <h2 id="limits-title">What was not judged</h2>
    ${
      unreadable.length === 0
        ? html`<p>Everything that was to be judged could be read.</p>`
        : html`<div class="wide">
            <table>
              <thead>
                <tr>
                  <th scope="col">Not read</th>
                  <th scope="col">Why</th>
                  <th scope="col">What to do</th>
                </tr>
              </thead>
              <tbody>
                ${unreadable.map(
                  ({ source, reason, fix }) =>
                    html`<tr>
                      <th scope="row">
                        <code
                          >${source.file}${source.line === undefined ? undefined : `:${source.line}`}</code
                        >
                      </th>
                      <td>${reason}</td>
                      <td>${fix}</td>
                    </tr>`,
                )}
              </tbody>
            </table>
          </div>`
    }
    ${skippedFiles === 0 ? undefined : html`<p>${counted(skippedFiles, "file")} of the folders ${skippedFiles === 1 ? "has" : "have"} nothing in ${skippedFiles === 1 ? "it" : "them"} that these rules judge.</p>`}
    ${
      unchecked.length === 0
        ? undefined
        : html`<details>
            <summary>
              Not checked, since nobody can know the value from here (${unchecked.length})
            </summary>
            <ul class="changes">
              ${unchecked.map(
                ({ rule, message }) => html`<li><code>${rule}</code> ${message}</li>`,
              )}
            </ul>
          </details>`
    }
  </section>`;
}

function passed(report: Report, { rules }: FormatContext): Html {
  const broken = new Set(report.findings.map(({ rule }) => rule));
  const held = rules.filter(({ rule }) => !broken.has(rule.id));
  return html`<section id="passed" aria-labelledby="passed-title">
    <h2 id="passed-title">What holds</h2>
    <p>
      ${held.length} of ${counted(rules.length, "rule")} ${held.length === 1 ? "has" : "have"} no
      finding.
    </p>
    <details>
      <summary>Show them</summary>
      <ul class="columns">
        ${held.map(({ rule }) => html`<li><code>${rule.id}</code> ${rule.title}</li>`)}
      </ul>
    </details>
  </section>`;
}
