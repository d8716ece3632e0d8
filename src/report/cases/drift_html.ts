import type { Drift, DriftCase, DriftCell } from './attention_drift.js';
import { escapeMarkup } from '../figures/svg.js';
import { layerSwitches } from './layer_switches.js';
import { caseView, definePicture } from './tile.js';

/**
 * Attention across rounds as HTML: a sample after the other, a line for each strategy. Style: `casesStyle`.
 * @param prefix of ids: of several drifts on a page, each has its own
 */
export function driftHtml(drifts: readonly Drift[], prefix = ''): string {
  const [first] = drifts;
  if (!first) return '';
  const ids = [...new Set(drifts.flatMap(({ cases }) => cases.map(({ id }) => id)))];
  const regions = drifts.some(({ cases }) => cases.some(({ picture }) => picture.outline));
  const strategies = drifts.map(({ strategy, seed }) => `${escapeMarkup(strategy)} (seed ${seed})`).join(' and ');
  const dice = regions ? 'Dice: overlap of its map with the region of interest.' : '';
  return [
    '<div class="cases">',
    `<p class="case-lead">Test images as the models of ${strategies} see them from round to round: ${escapeMarkup(first.explanation)} of the true class. p: probability of that class. ${dice}</p>`,
    layerSwitches({ regions }),
    ...ids.map((id, position) => ofSample(drifts, id, `${prefix}drift-${position}`)),
    '</div>',
  ].join('\n');
}

function ofSample(drifts: readonly Drift[], id: string, name: string): string {
  const own = drifts.flatMap(({ strategy, cases }) => {
    const found = cases.find((one) => one.id === id);
    return found ? [{ strategy, found }] : [];
  });
  const { picture, label } = own[0].found;
  return [
    `<section class="drift"><h4><span class="case-id">${escapeMarkup(id)}</span> ${escapeMarkup(label)}</h4>`,
    definePicture(name, picture),
    ...own.map(({ strategy, found }) => strip(strategy, found, name)),
    '</section>',
  ].join('\n');
}

function strip(strategy: string, own: DriftCase, defined: string): string {
  const cells = own.cells.map((cell) => `<li>${view(strategy, own, cell, defined)}</li>`).join('\n');
  return `<div class="drift-run"><h5>${escapeMarkup(strategy)}</h5><ol class="drift-strip">${cells}</ol></div>`;
}

function view(strategy: string, { id, label, picture }: DriftCase, cell: DriftCell, defined: string): string {
  const { round, labelled, heat, probability, dice } = cell;
  const overlap = Number.isNaN(dice) ? '' : `, Dice of map and region ${dice.toFixed(2)}`;
  const alt = `${id} by ${strategy} after round ${round}: probability of ${label} ${probability.toFixed(2)}${overlap}`;
  return [
    `<figure class="case"><div class="case-frame">${caseView(picture, { heat, alt, defined })}`,
    heat ? '' : '<span class="case-flat">no evidence</span>',
    `</div><figcaption><p class="drift-round">round ${round} <span>${labelled.toLocaleString('en')} labels</span></p>`,
    `<dl class="drift-values">${bar('p', probability)}${bar('Dice', dice)}</dl></figcaption></figure>`,
  ].join('');
}

function bar(name: string, value: number): string {
  if (Number.isNaN(value)) return '';
  const text = value.toFixed(2);
  return `<div class="drift-${name.toLowerCase()}"><dt>${name}</dt><dd><span style="width:${(100 * value).toFixed(0)}%"></span></dd><dd>${text}</dd></div>`;
}
