import { colormap, colormapLevels } from '../colormap.js';
import { heatAlpha } from '../heat.js';
import { theme } from '../canvas.js';
import { roiColour } from '../contour.js';

/** Heat as it looks over mid-grey anatomy, from 0 to 1: stops of a gradient. */
function heatStops(): string {
  const table = colormap('inferno');
  const grey = 96;
  return Array.from({ length: 9 }, (_, i) => {
    const saliency = i / 8;
    const level = Math.round(saliency * (colormapLevels - 1)) * 3;
    const alpha = heatAlpha(saliency);
    const mixed = [0, 1, 2].map((channel) => Math.round(grey * (1 - alpha) + table[level + channel] * alpha));
    return `rgb(${mixed.join(' ')})`;
  }).join(', ');
}

/**
 * Style of galleries and drifts. Text takes the page's colours (`--figure-text`, `-muted`, `-rule`, `-background`); pictures
 * stand on black on any page, so that eyes stay adapted to them. Two tiles a row on a phone, six on a desk.
 */
export const casesStyle = `
.cases {
  --case-text: var(--figure-text, #1a1f26);
  --case-muted: var(--figure-muted, #586270);
  --case-rule: var(--figure-rule, #d5dae0);
  --case-ground: var(--figure-background, #fff);
  --case-wrong: var(--figure-series1, #cc5500);
  --case-right: var(--figure-series2, #00805c);
  color: var(--case-text);
  font-size: .8125rem;
  line-height: 1.4;
}
.cases p, .cases dl, .cases dd, .cases figure, .cases ol { margin: 0; padding: 0; }
.cases .case-lead { max-width: 46rem; font-size: .9375rem; line-height: 1.5; margin-bottom: .75rem; }
.cases h4 { font-size: 1.125rem; margin: 2rem 0 0; line-height: 1.3; }
.cases h5 { font-size: .875rem; margin: 1.1rem 0 .5rem; line-height: 1.35; }
.cases h5 span { font-weight: 400; color: var(--case-muted); margin-left: .35rem; }
.cases .case-about { color: var(--case-muted); }
.case-switches {
  position: sticky; top: 0; z-index: 2; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; align-items: center;
  margin: 0; padding: .5rem 0; border: 0; border-bottom: 1px solid var(--case-rule); background: var(--case-ground);
}
.case-switches legend { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.case-switches label { display: inline-flex; align-items: center; gap: .4rem; cursor: pointer; }
.case-switches input { accent-color: var(--figure-series0, #0067a5); margin: 0; width: 1rem; height: 1rem; }
.case-scale { display: inline-flex; align-items: center; gap: .25rem; color: var(--case-muted); font-size: .75rem; }
.case-scale i { font-style: normal; }
.case-scale b { width: 5rem; height: .6rem; border-radius: 2px; background: linear-gradient(to right, ${heatStops()}); }
.case-sample { width: 1.4rem; height: .5rem; border: 2px solid ${roiColour}; border-radius: 50%; background: ${theme.panel}; }
.case-hint { display: none; color: var(--case-muted); }
.case-grid, .drift-strip { display: grid; list-style: none; gap: .9rem .75rem; grid-template-columns: repeat(2, minmax(0, 1fr)); }
.case-frame {
  position: relative; aspect-ratio: 1; overflow: hidden; border-radius: 4px; background: ${theme.panel};
  box-shadow: 0 0 0 1px color-mix(in srgb, var(--case-rule) 70%, transparent);
}
.case-view { position: absolute; inset: 0; width: 100%; height: 100%; display: block; overflow: hidden; }
.case-defs { position: absolute; }
.case-heat { transition: opacity .12s; }
.case-roi { fill: none; stroke-linejoin: round; }
.case-roi path, .case-roi use { vector-effect: non-scaling-stroke; }
.case-casing { stroke: #000; stroke-opacity: .7; stroke-width: 3.4px; }
.case-line { stroke: ${roiColour}; stroke-width: 1.5px; }
.case-rank {
  position: absolute; left: .375rem; top: .375rem; padding: 0 .5em; border-radius: 1em; background: ${theme.accent};
  color: #16181c; font-weight: 700; font-size: .75rem; line-height: 1.35rem; font-variant-numeric: tabular-nums;
  box-shadow: 0 0 0 1px rgb(0 0 0 / .5);
}
.case-rank span { font-weight: 400; }
.case-flat {
  position: absolute; left: .375rem; bottom: .375rem; padding: 0 .5em; border-radius: 1em; background: rgb(0 0 0 / .65);
  color: ${theme.text}; font-size: .6875rem; line-height: 1.25rem;
}
.cases figcaption { padding-top: .4rem; }
.case-facts { margin-top: .1rem; }
.cases .case-id { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: .75rem; overflow-wrap: anywhere; }
.case-right, .case-wrong { display: block; }
.case-right { color: var(--case-right); }
.case-wrong { color: var(--case-wrong); }
.case-facts, .drift-round span { color: var(--case-muted); }
.case-earlier { margin-top: 1rem; }
.case-earlier summary { cursor: pointer; color: var(--case-muted); padding: .25rem 0; }
.drift { border-top: 1px solid var(--case-rule); margin-top: 1.25rem; }
.cases .drift h4 { font-size: .9375rem; margin-top: .75rem; }
.cases .drift h4 .case-id { font-size: .8125rem; font-weight: 400; color: var(--case-muted); margin-right: .5rem; }
.cases .drift-run h5 { margin: .75rem 0 .4rem; }
.drift-strip { grid-template-columns: repeat(3, minmax(0, 1fr)); gap: .75rem .6rem; }
.drift-round span { display: block; white-space: nowrap; }
.drift-values { font-variant-numeric: tabular-nums; font-size: .75rem; }
.drift-values div { display: grid; grid-template-columns: 2em 1fr 2.2em; align-items: center; gap: .3rem; }
.drift-values dt { color: var(--case-muted); }
.drift-values dd:last-child { text-align: right; }
.drift-values dd:nth-child(2) { height: 4px; border-radius: 2px; background: var(--case-rule); overflow: hidden; }
.drift-values dd > span { display: block; height: 100%; background: var(--figure-series0, #0067a5); }
.drift-dice dd > span { background: var(--figure-series6, #0a8299); }
.cases:has(.case-show-map:not(:checked)) .case-heat, .cases:has(.case-show-roi:not(:checked)) .case-roi { display: none; }
@media (hover: hover) {
  .case-frame:hover .case-heat { opacity: 0; }
  .case-hint { display: inline; }
}
@media (min-width: 600px) { .case-grid { grid-template-columns: repeat(3, minmax(0, 1fr)); } }
@media (min-width: 900px) {
  .case-grid, .drift-strip { grid-template-columns: repeat(6, minmax(0, 1fr)); }
  .drift-run { display: grid; grid-template-columns: 6.5rem 1fr; gap: .5rem; margin-top: .75rem; }
  .cases .drift-run h5 { margin: .25rem 0 0; overflow-wrap: anywhere; }
}
@media (prefers-reduced-motion: reduce) { .case-heat { transition: none; } }
@media print { .case-switches { display: none; } .case, .drift-run { break-inside: avoid; } }
`.trimStart();
