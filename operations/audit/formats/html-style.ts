import { SEVERITIES } from "../../../policies/engine/rule";

/** A severity that is not asked for is not shown; done by the style sheet, since nothing in the page runs. */
const FILTERS = SEVERITIES.map(
  (each) => `#findings:has(#show-${each}:not(:checked)) details.${each} { display: none; }`,
).join("\n");

/** The page's whole style. Colours keep a contrast of 4.5:1 on both grounds. */
export const STYLE = `
:root {
  --ground: #fff; --raised: #f5f6f8; --text: #1b1f24; --soft: #57606a; --line: #d5dae0; --link: #0b57a4;
  --critical: #a40e26; --high: #bc4c00; --medium: #7d5700; --low: #4a5a6a; --good: #1a6b34;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171b; --raised: #1e2329; --text: #e4e8ec; --soft: #9aa5b1; --line: #353c45; --link: #7ab7ff;
    --critical: #ff8a93; --high: #ffa666; --medium: #e3bd5a; --low: #a9b8c6; --good: #6fd08c;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 3.5rem; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body { margin: 0 auto; max-width: 76rem; padding: 0 1.5rem 4rem; background: var(--ground); color: var(--text);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
code { font: .875em/1.4 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
a { color: var(--link); }
a:focus-visible, summary:focus-visible, input:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 3px; }
.skip { position: absolute; left: -100vw; }
.skip:focus { left: 1rem; top: 1rem; padding: .5rem 1rem; background: var(--ground); z-index: 2; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
header { padding: 2.5rem 0 1rem; }
.kicker { margin: 0; color: var(--soft); font-size: .8rem; letter-spacing: .08em; text-transform: uppercase; }
h1 { margin: .1rem 0 .5rem; font-size: 1.9rem; line-height: 1.2; overflow-wrap: anywhere; }
h2 { margin: 2.5rem 0 .9rem; font-size: 1.25rem; }
.facts { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: 0 0 1rem; color: var(--soft); }
.verdict { display: inline-block; margin: 0; padding: .35rem .9rem; border: 2px solid; border-radius: 2rem; font-weight: 650; }
.bad { color: var(--critical); } .good { color: var(--good); }
nav { position: sticky; top: 0; z-index: 1; margin: 0 -1.5rem; padding: .6rem 1.5rem; background: var(--ground); border-bottom: 1px solid var(--line); }
nav ul { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin: 0; padding: 0; list-style: none; font-size: .925rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.2rem, 1fr)); gap: .75rem; margin: 0; }
.card { padding: .7rem .9rem; background: var(--raised); border-radius: .5rem; border-top: 4px solid var(--line); }
.card dt { color: var(--soft); font-size: .875rem; }
.card dd { margin: 0; font-size: 1.75rem; font-weight: 650; font-variant-numeric: tabular-nums; line-height: 1.25; }
.card small { font-size: .9rem; font-weight: 500; color: var(--soft); }
${SEVERITIES.map((each) => `.card.${each} { border-top-color: var(--${each}); } .bar .${each} { background: var(--${each}); } .badge.${each} { color: var(--${each}); }`).join("\n")}
table { width: 100%; border-collapse: collapse; font-size: .925rem; }
th, td { padding: .4rem .6rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
thead th { color: var(--soft); font-weight: 550; white-space: nowrap; }
tbody th { font-weight: 550; overflow-wrap: anywhere; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.zero { color: var(--soft); opacity: .55; }
.wide { overflow-x: auto; }
.bars { max-width: 48rem; } .bars th { white-space: nowrap; } .bars td.bar { width: 60%; }
.bar span { display: inline-block; height: .9rem; min-width: 2px; vertical-align: middle; }
.badge { display: inline-block; min-width: 4.4rem; padding: 0 .45rem; border: 1px solid; border-radius: .3rem; font-size: .8rem; font-weight: 600; text-align: center; }
details { margin: .6rem 0; }
summary { cursor: pointer; }
details.rule { border: 1px solid var(--line); border-radius: .5rem; padding: .55rem .9rem; }
details.rule[open] { padding-bottom: .9rem; }
details.rule p { max-width: 60rem; margin: .6rem 0; }
summary .title { font-weight: 550; } summary .count { color: var(--soft); font-size: .9rem; white-space: nowrap; }
.references { color: var(--soft); font-size: .85rem; }
.filter { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin: 0 0 1rem; padding: .4rem .9rem .6rem; border: 1px solid var(--line); border-radius: .5rem; }
.filter legend { color: var(--soft); font-size: .875rem; padding: 0 .3rem; }
.changes { padding-left: 1.2rem; } .changes li { margin: .25rem 0; }
.columns { columns: 24rem; padding-left: 1.2rem; font-size: .925rem; } .columns li { break-inside: avoid; margin: .2rem 0; }
.none, footer { color: var(--soft); }
footer { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--line); font-size: .875rem; }
${FILTERS}
@media (max-width: 40rem) { body { padding: 0 1rem 3rem; } nav { position: static; margin: 0 -1rem; padding: .6rem 1rem; } }
@media print {
  :root { --ground: #fff; --raised: #fff; --text: #000; --soft: #444; --line: #bbb; --link: #000;
    --critical: #8b0015; --high: #9a3d00; --medium: #6b4a00; --low: #444; --good: #145528; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav, .filter, .skip { display: none; }
  details:not([open]) > *:not(summary) { display: revert; }
  details::details-content { content-visibility: visible; display: block; height: auto; }
  details.rule { border: 0; border-top: 1px solid var(--line); border-radius: 0; padding: .5rem 0; }
  tr, summary { break-inside: avoid; } thead { display: table-header-group; } h2 { break-after: avoid; }
  .wide { overflow: visible; }
}
`;
