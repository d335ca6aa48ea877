/** The page's style sheet: one column, readable without a script, on a phone and on paper. */

/** Text has a contrast of 4.5:1 at least on its ground, in light and dark; marks of charts 3:1. */
const LIGHT = `\
  --bg: #ffffff; --panel: #f4f6f8; --fg: #1b2026; --muted: #59626d; --line: #dde2e7; --accent: #00639c;
  --bar-advised: #3f9bd3; --bar-baseline: #87929e; --bar-other: #b9c3cd; --gain: #2f86bd; --loss: #d5691e; --rest: #b4bcc5;
  --right: #00684c; --wrong: #a63d00; --tint: #eaf3f9; --shade: #a3acb6;
  --c1: #0072b2; --c2: #d55e00; --c3: #009e73; --c4: #c0659b; --c5: #c08a00; --c6: #3d97d1; --c7: #4a4f57; --c8: #7c3f1d;`;

export const STYLE_SHEET = `
:root {
  color-scheme: light dark;
${LIGHT}
}
@media (prefers-color-scheme: dark) {
  :root {
    --bg: #13171c; --panel: #1c2229; --fg: #e7eaee; --muted: #a3adb8; --line: #323a44; --accent: #7cc4ef;
    --bar-advised: #3a8fc4; --bar-baseline: #77828e; --bar-other: #4d5864; --gain: #3a8fc4; --loss: #cf6a28; --rest: #59636f;
    --right: #4fcaa4; --wrong: #f0965c; --tint: #182733; --shade: #5f6b78;
    --c1: #56b4e9; --c2: #f08a4b; --c3: #2cc598; --c4: #dd8fbe; --c5: #e3b02e; --c6: #8fb3ff; --c7: #c3c9d1; --c8: #c79a7c;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0; background: var(--bg); color: var(--fg);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
main { max-width: 964px; margin: 0 auto; padding: 40px 32px 72px; }
h1, h2, h3, h4 { line-height: 1.25; text-wrap: balance; }
h1 { font-size: 32px; letter-spacing: -0.02em; margin: 0 0 20px; overflow-wrap: anywhere; }
h2 { font-size: 22px; letter-spacing: -0.01em; margin: 0 0 10px; }
h3 { font-size: 16px; margin: 28px 0 8px; }
h4 { font-size: 14px; font-weight: 600; margin: 0 0 4px; }
p { margin: 0 0 14px; max-width: 76ch; overflow-wrap: anywhere; }
a { color: var(--accent); }
.eyebrow { color: var(--muted); font-size: 13px; font-weight: 600; letter-spacing: 0.06em; text-transform: uppercase; margin: 0 0 6px; }
.small, .note, .count { color: var(--muted); font-size: 14px; }
.count { font-weight: 400; }
nav { margin: 28px 0 0; font-size: 14px; }
nav ul { display: flex; flex-wrap: wrap; gap: 4px 18px; list-style: none; margin: 0; padding: 0; }
nav a { text-decoration: none; }
nav a:hover { text-decoration: underline; }
main > section { border-top: 1px solid var(--line); margin-top: 40px; padding-top: 32px; }
main > section.first { border: 0; margin: 0; padding: 0; }
.verdict {
  background: var(--tint); border-left: 4px solid var(--accent); border-radius: 4px; font-size: 18px; line-height: 1.5;
  margin: 0 0 20px; max-width: none; padding: 18px 22px;
}
.tiles { display: grid; gap: 12px; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); margin: 0 0 28px; }
.tiles > div { border: 1px solid var(--line); border-radius: 8px; display: flex; flex-direction: column; padding: 14px 16px; }
.tiles dt { color: var(--muted); font-size: 13px; font-weight: 600; overflow-wrap: anywhere; }
.tiles dd { display: flex; flex-direction: column; gap: 4px; margin: 2px 0 0; }
.tiles .value { font-size: 26px; font-weight: 650; letter-spacing: -0.02em; line-height: 1.25; overflow-wrap: anywhere; }
.tiles .note { font-size: 13px; line-height: 1.4; }
.steps { margin: 0 0 8px; max-width: 76ch; padding-left: 20px; overflow-wrap: anywhere; }
.steps li { margin-bottom: 6px; }
/* What is wider than its place scrolls inside it. A shade lies on the side where there is more: covers that scroll along hide it at an end. */
.scroll {
  background:
    linear-gradient(to right, var(--bg) 40%, transparent) left / 36px 100% local no-repeat,
    linear-gradient(to left, var(--bg) 40%, transparent) right / 36px 100% local no-repeat,
    linear-gradient(to right, var(--shade), transparent) left / 14px 100% scroll no-repeat,
    linear-gradient(to left, var(--shade), transparent) right / 14px 100% scroll no-repeat;
  margin: 12px 0 16px; overflow-x: auto;
}
.scroll:focus-visible, summary:focus-visible, a:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
table { border-collapse: collapse; font-size: 14px; line-height: 1.4; width: 100%; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--line); padding: 7px 10px; vertical-align: top; }
th:first-child, td:first-child { padding-left: 0; }
th:last-child, td:last-child { padding-right: 0; }
thead th { border-bottom-color: var(--muted); color: var(--muted); font-size: 13px; font-weight: 600; vertical-align: bottom; }
tbody th { font-weight: 400; min-width: 10em; }
.word { text-align: left; }
td.word { min-width: 8em; }
.number { text-align: right; white-space: nowrap; }
thead .number { white-space: normal; }
.strong th, .strong td { background: var(--tint); font-weight: 650; }
.strong td.word { font-weight: 400; }
.strong th:first-child { box-shadow: -8px 0 0 var(--tint); }
.strong td:last-child { box-shadow: 8px 0 0 var(--tint); }
.word .label { overflow-wrap: anywhere; }
.terms { columns: 380px; column-gap: 32px; margin: 18px 0 0; }
.terms > div { break-inside: avoid; margin-bottom: 10px; }
.range { color: var(--muted); display: block; font-size: 12px; font-weight: 400; }
.tag { border: 1px solid var(--muted); border-radius: 9px; color: var(--muted); font-size: 11px; font-weight: 600; padding: 0 7px; white-space: nowrap; }
code { font: 13px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.argument { display: inline-block; max-width: 100%; }
.steps code { background: var(--panel); border-radius: 4px; padding: 2px 6px; }
.terms dt { font-size: 14px; font-weight: 600; }
.terms dd { color: var(--muted); font-size: 14px; line-height: 1.45; margin: 0; overflow-wrap: anywhere; }
figure { margin: 20px 0 16px; break-inside: avoid; }
figcaption { font-size: 15px; font-weight: 600; margin-bottom: 8px; overflow-wrap: anywhere; }
.chart { display: block; font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; height: auto; max-width: 100%; }
.chart text { white-space: pre; }
.scroll .chart { max-width: none; }
.on-narrow { display: none; }
.maps { display: grid; gap: 0 32px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); }
.maps.large { grid-template-columns: minmax(0, 1fr); }
.legend { display: flex; flex-wrap: wrap; font-size: 14px; gap: 4px 18px; list-style: none; margin: 0 0 10px; padding: 0; }
.legend li { align-items: center; display: flex; gap: 5px; overflow-wrap: anywhere; }
.key { flex: none; }
details > summary { cursor: pointer; }
.fold { margin: 10px 0; }
.fold > summary { color: var(--accent); font-size: 14px; }
.more > summary { list-style: none; }
.more > summary::-webkit-details-marker { display: none; }
.more > summary::after { color: var(--accent); content: " more"; font-size: 13px; }
.more[open] > summary::after { content: " less"; }
.more[open] > summary > bdi { display: none; }
.more .whole { display: block; max-height: 24em; overflow: auto; }
.case { border: 1px solid var(--line); border-radius: 8px; break-inside: avoid; margin: 0 0 16px; overflow: hidden; }
.case .query { background: var(--panel); font-weight: 600; padding: 12px 16px; overflow-wrap: anywhere; }
.case .truth { color: var(--muted); font-size: 14px; font-weight: 400; margin: 2px 0 0; }
.case .truth .label { color: var(--fg); font-weight: 600; }
.choices { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 340px), 1fr)); }
.choices section { padding: 12px 16px; min-width: 0; }
.choices section + section { border-left: 1px solid var(--line); }
.choices .small { font-size: 13px; margin: 0 0 6px; }
.choices ol { font-size: 14px; line-height: 1.45; margin: 0; padding-left: 20px; }
.choices li { margin-bottom: 6px; overflow-wrap: anywhere; }
.choices li > span { display: block; font-size: 13px; }
.own .label, .own em { color: var(--right); font-weight: 650; }
.other .label, .other em { color: var(--muted); }
h4 .other .label, h4 .other em { color: var(--wrong); }
.reply { border-left: 3px solid var(--line); font-size: 14px; line-height: 1.45; margin: 2px 0 8px; overflow-wrap: anywhere; padding-left: 10px; }
.tick { color: var(--right); font-weight: 700; }
.cross { color: var(--wrong); font-weight: 700; }
.others { border-top: 1px solid var(--line); font-size: 13px; margin: 0; max-width: none; padding: 8px 16px; }
.others .answer { display: inline-block; margin-right: 12px; }
pre { background: var(--panel); border-radius: 6px; font-size: 13px; line-height: 1.5; overflow-x: auto; padding: 12px 16px; white-space: pre-wrap; overflow-wrap: anywhere; }
footer { border-top: 1px solid var(--line); color: var(--muted); font-size: 13px; margin-top: 40px; padding-top: 16px; }
@media (max-width: 640px) {
  main { padding: 24px 18px 48px; }
  h1 { font-size: 25px; }
  h2 { font-size: 20px; }
  .verdict { font-size: 16px; padding: 14px 16px; }
  tbody th { min-width: 8em; }
  .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .tiles .value { font-size: 21px; }
  .on-wide { display: none; }
  .on-narrow { display: block; }
  .choices section + section { border-left: 0; border-top: 1px solid var(--line); }
}
@media print {
  :root {
    color-scheme: light;
${LIGHT}
  }
  @page { margin: 14mm; }
  html { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  body { font-size: 11pt; }
  main { max-width: none; padding: 0; }
  nav { display: none; }
  .on-wide { display: block; }
  .on-narrow { display: none; }
  .scroll { background: none; overflow: visible; }
  .scroll .chart { max-width: 100%; }
  table { font-size: 8.5pt; }
  thead th { font-size: 8pt; }
  th, td { padding: 3px 4px; }
  .number { white-space: normal; }
  .range { font-size: 7pt; white-space: nowrap; }
  tbody th, td.word { min-width: 0; }
  .strong th:first-child, .strong td:last-child { box-shadow: none; }
  .fold::details-content { content-visibility: visible; display: block; height: auto; }
  .fold > summary { color: var(--muted); list-style: none; }
  .more > summary::after { content: ""; }
  .verdict { font-size: 12pt; padding: 10px 14px; }
  .tiles { grid-template-columns: repeat(4, 1fr); }
  .tiles > div { padding: 8px 10px; }
  .tiles .value { font-size: 15pt; }
  .terms dt, .terms dd, .small, .note, .count, .choices ol, .others { font-size: 8.5pt; line-height: 1.35; }
  .case { margin-bottom: 10px; }
  .case .query { font-size: 9.5pt; line-height: 1.35; padding: 6px 10px; }
  .case .truth, .case h4 { font-size: 8.5pt; }
  .choices { grid-template-columns: repeat(auto-fit, minmax(0, 1fr)); }
  .choices section, .others { padding: 6px 10px; }
  .choices li { margin-bottom: 2px; }
  .choices li > span { font-size: 8pt; }
  main > section { margin-top: 24px; padding-top: 18px; }
  h2, h3, h4, figcaption { break-after: avoid; }
  tr, .tiles, .verdict { break-inside: avoid; }
  thead { display: table-header-group; }
}
`;
