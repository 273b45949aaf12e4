"""The style sheet of a report: for light and dark mode, narrow and wide screens, and paper.

The colours are Okabe and Ito's, which colour-blind readers can tell apart. No information is given
by colour alone.
"""

STYLE = """\
:root {
  color-scheme: light dark;
  --page: #fff; --text: #1b1b1b; --soft: #595959; --line: #c4c4c4; --box: #f4f5f6;
  --seen: #0072b2; --unseen: #c85000; --proxy: #007d5b; --window: #b8d8ec; --mark: #1b1b1b;
  --heat: 0, 114, 178; --warning: #fff3d6; --warning-line: #b87900;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #16181b; --text: #e8e8e8; --soft: #a9adb3; --line: #4a4f57; --box: #212429;
    --seen: #56b4e9; --unseen: #f0883e; --proxy: #2cc398; --window: #234559; --mark: #e8e8e8;
    --heat: 60, 140, 200; --warning: #3a2f14; --warning-line: #e69f00;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--text);
  font: 1rem/1.5 system-ui, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif;
}
main { max-width: 64rem; margin: 0 auto; padding: 1rem; overflow-wrap: break-word; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0.5rem 0 0; }
h2 { font-size: 1.25rem; margin: 2.2rem 0 0.4rem; }
p { margin: 0.5rem 0; max-width: 46rem; }
.soft, caption, figcaption { color: var(--soft); font-size: 0.9rem; }
nav ul { display: flex; flex-wrap: wrap; gap: 0.2rem 1rem; padding: 0; list-style: none; }
a { color: var(--seen); }
.headline { display: flex; flex-wrap: wrap; gap: 0.6rem; margin: 1rem 0; padding: 0; }
.headline div { background: var(--box); border-radius: 6px; padding: 0.5rem 1rem; flex: 1 1 8rem; }
.headline dt { color: var(--soft); font-size: 0.85rem; }
.headline dd { margin: 0; font-size: 1.7rem; font-weight: 600; }
.warnings { background: var(--warning); border-left: 4px solid var(--warning-line); }
.warnings { padding: 0.6rem 1rem 0.6rem 2rem; margin: 0.6rem 0; }
.scroll { overflow-x: auto; margin: 0.6rem 0; }
.pair, .many { display: grid; gap: 0 1.5rem; align-items: start; }
.pair { grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); }
.many { grid-template-columns: repeat(auto-fill, minmax(min(17rem, 100%), 1fr)); }
table { border-collapse: collapse; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding: 0.2rem 0; }
caption span {
  display: inline-block; position: sticky; left: 0; max-width: min(46rem, calc(100vw - 2rem));
}
th, td { padding: 0.2rem 0.6rem; border-bottom: 1px solid var(--line); text-align: right; }
td, thead th { white-space: nowrap; }
th { font-weight: 600; }
tbody th { text-align: left; font-weight: 400; }
thead th:first-child { text-align: left; }
.pair > * { min-width: 0; }
.wide table, .pair table { width: 100%; }
.pair tbody th { width: 60%; }
.words td, .words th { text-align: left; }
.words td { white-space: normal; }
.bar { display: inline-block; width: 4rem; height: 0.7rem; background: var(--box); }
.bar span { display: block; height: 100%; background: var(--seen); }
.unseen .bar span { background: var(--unseen); }
.heat table { font-size: 0.8rem; }
.heat td, .heat th { padding: 0.15rem 0.2rem; min-width: 1.6rem; }
.heat td { text-align: center; border: 1px solid var(--page); }
.heat th { border: 0; }
.heat tbody th { white-space: nowrap; position: sticky; left: 0; background: var(--page); }
.heat tbody th { max-width: 11rem; overflow: hidden; text-overflow: ellipsis; }
.heat .self { outline: 1.5px solid var(--soft); outline-offset: -2px; }
figure { margin: 0.8rem 0; max-width: 36rem; }
svg { display: block; width: 100%; height: auto; font-size: 12px; }
svg text { fill: var(--text); paint-order: stroke; stroke: var(--page); stroke-width: 3px; }
svg .soft { fill: var(--soft); font-size: 11px; }
svg .line { fill: none; stroke: var(--seen); stroke-width: 1.8; }
svg .axis { stroke: var(--line); stroke-width: 1; }
svg .rule { stroke: var(--mark); stroke-width: 1.2; stroke-dasharray: 4 3; }
svg .window { fill: var(--window); }
svg .mark { fill: var(--mark); stroke: var(--page); stroke-width: 1.5; }
svg .seen, svg .SL, svg .count { fill: var(--seen); }
svg .unseen, svg .ZSL { fill: var(--unseen); }
svg .proxy { fill: var(--proxy); }
svg .GZSL { fill: var(--line); }
svg .inside { fill: var(--page); stroke: none; font-weight: 600; }
svg .inside-GZSL { stroke: none; font-weight: 600; }
@media (max-width: 30rem) { th, td { padding: 0.2rem 0.35rem; } .bar { width: 3rem; } }
@media print {
  html { font-size: 11px; }
  :root { --page: #fff; --text: #000; --soft: #444; --line: #aaa; --box: #eee; --mark: #000; }
  :root { --seen: #0072b2; --unseen: #c85000; --proxy: #007d5b; --window: #b8d8ec; }
  :root { --heat: 0, 114, 178; --warning: #fff; --warning-line: #b87900; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  main { max-width: none; padding: 0; }
  nav { display: none; }
  .scroll { overflow: visible; }
  .heat table { font-size: 0.75rem; }
  .heat td, .heat th { padding: 0.1rem; min-width: 0; }
  figure, tr { break-inside: avoid; }
  h2 { break-after: avoid; }
}
"""
