import { escapeMarkup } from '../figures/svg.js';
import type { Case, Gallery } from './galleries.js';
import { layerSwitches } from './layer_switches.js';
import { caseView } from './tile.js';

/**
 * Galleries as HTML, by strategy: the last round that selected, and the first one folded away below it.
 * Style: `casesStyle`.
 */
export function galleryHtml(galleries: readonly Gallery[]): string {
  if (!galleries.length) return '';
  const names = [...new Set(galleries.map(({ strategy }) => strategy))];
  const regions = galleries.some(({ most, least }) => [...most, ...least].some(({ picture }) => picture.outline));
  return [
    '<div class="cases">',
    '<p class="case-lead">What each strategy would have an expert label next, and what it would leave for last. Each map is of the model that made the choice, scaled to [0, 1] by itself.</p>',
    layerSwitches({ regions }),
    ...names.map((name) => ofStrategy(galleries.filter(({ strategy }) => strategy === name))),
    '</div>',
  ].join('\n');
}

function ofStrategy(galleries: readonly Gallery[]): string {
  const [last, ...earlier] = galleries;
  return [
    `<section class="case-gallery"><h4>${escapeMarkup(last.strategy)}</h4>`,
    `<p class="case-about">${about(last)}</p>`,
    ends(last),
    ...earlier.map(
      (gallery) =>
        `<details class="case-earlier"><summary>First selection: ${about(gallery)}</summary>${ends(gallery)}</details>`,
    ),
    '</section>',
  ].join('\n');
}

function about({ round, labelled, of, explanation, seed, random }: Gallery): string {
  const by = random ? `after ${count(labelled)} labels` : `by the model of ${count(labelled)} labels`;
  const map = explanation ? ` · ${escapeMarkup(explanation)}` : '';
  return `round ${round}, ${by} · ${count(of)} images ranked${map} · seed ${seed}`;
}

function ends(gallery: Gallery): string {
  const { most, least, random } = gallery;
  return [
    row(random ? 'Drawn first' : 'Most informative', random ? 'whatever they show' : 'labelled next', most, gallery),
    row('Least informative', 'left for last', least, gallery),
  ].join('');
}

function row(title: string, meaning: string, cases: readonly Case[], gallery: Gallery): string {
  if (!cases.length) return '';
  const facts = [meaning, ...summary(cases)].join(' · ');
  return [
    `<h5>${title} <span>${facts}</span></h5>`,
    `<ol class="case-grid">${cases.map((own) => `<li>${tile(own, gallery)}</li>`).join('\n')}</ol>`,
  ].join('\n');
}

/** What the cases have in common. */
function summary(cases: readonly Case[]): string[] {
  const judged = cases.filter(({ label, predicted }) => label !== undefined && predicted);
  const wrong = judged.filter(({ label, predicted }) => label !== predicted!.label).length;
  const overlaps = cases.map(({ dice }) => dice).filter((dice) => !Number.isNaN(dice));
  const mean = overlaps.reduce((sum, dice) => sum + dice, 0) / overlaps.length;
  return [
    ...(judged.length ? [`${wrong} of ${judged.length} taken for the wrong class`] : []),
    ...(overlaps.length ? [`mean Dice of map and region ${mean.toFixed(2)}`] : []),
  ];
}

function tile(own: Case, { strategy }: Gallery): string {
  const { id, rank, reason, picture, heat } = own;
  const alt = `${id}, ${own.label ?? 'class unknown'}. ${reason}`;
  const said = facts(own);
  return [
    `<figure class="case" title="${escapeMarkup(`${strategy}: ${reason}`)}">`,
    `<div class="case-frame">${caseView(picture, { heat, alt })}<span class="case-rank"><span>rank </span>${count(rank)}</span></div>`,
    `<figcaption><p class="case-id">${escapeMarkup(id)}</p>${verdict(own)}`,
    said && `<p class="case-facts">${escapeMarkup(said)}</p>`,
    '</figcaption></figure>',
  ]
    .filter(Boolean)
    .join('');
}

/** True and predicted class; a sign beside the colour, for every colour vision. */
function verdict({ label, predicted }: Case): string {
  const truth = label === undefined ? '' : `<b>${escapeMarkup(label)}</b> `;
  if (!predicted) return truth && `<p class="case-verdict">${truth}</p>`;
  const confidence = `(${predicted.confidence.toFixed(2)})`;
  const taken = `taken for ${escapeMarkup(predicted.label)} ${confidence}`;
  if (label === undefined) return `<p class="case-verdict">${taken}</p>`;
  return label === predicted.label
    ? `<p class="case-verdict">${truth}<span class="case-right">✓ recognised ${confidence}</span></p>`
    : `<p class="case-verdict">${truth}<span class="case-wrong">✗ ${taken}</span></p>`;
}

/** The reason without what stands elsewhere in the tile, and what it does not say. */
function facts({ reason, score, dice }: Case): string {
  const [, said = ''] = /^rank [\d,.]+ of [^:;]*?(?:: ([^;]*))?(?:;.*)?$/.exec(reason) ?? [undefined, reason];
  const says = (value: number) => said.includes(Math.abs(value).toFixed(2));
  return [
    said,
    ...(Number.isNaN(dice) || says(dice) ? [] : [`map overlaps the region by ${dice.toFixed(2)}`]),
    ...(Number.isNaN(score) || !said || says(score) ? [] : [`score ${score.toPrecision(3)}`]),
  ]
    .filter(Boolean)
    .join(', ');
}

const count = (value: number): string => value.toLocaleString('en');
