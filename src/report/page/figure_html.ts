import type { Figure } from '../figures/figure.js';
import { escapeMarkup } from '../figures/svg.js';
import { figureCsv, figureSvg } from '../figures/write_figure.js';

/** The least part of a drawing's width at which its text is still read: what does not fit a narrow screen scrolls in its own box. */
const least = 0.93;
const most = 1.25;

/** A figure of a page: the drawing, its caption, and its numbers and itself to take away. */
export async function figureHtml(figure: Figure): Promise<string> {
  const [svg, paper] = [await figureSvg(figure, 'page'), await figureSvg(figure, 'paper')];
  const width = Number(/ width="([\d.]+)"/.exec(svg)?.[1]);
  const sized = svg.replace(
    /^<svg /,
    `<svg style="min-width:${Math.round(least * width)}px;max-width:${Math.round(most * width)}px" `,
  );
  const file = (kind: string, extension: string, content: string): string =>
    `<a download="${escapeMarkup(figure.name)}.${extension}" href="data:${kind};charset=utf-8,${encodeURIComponent(content)}"` +
    ` aria-label="${escapeMarkup(`${figure.title} as ${extension.toUpperCase()}`)}">${extension.toUpperCase()}</a>`;
  const files = [file('text/csv', 'csv', figureCsv(figure)), file('image/svg+xml', 'svg', paper)].join(' · ');
  return (
    // A box that scrolls has to be within reach of the keyboard.
    `<figure id="figure-${escapeMarkup(figure.name)}"><div class="drawing" tabindex="0" role="group" aria-label="${escapeMarkup(figure.title)}">${sized}</div>` +
    `<figcaption><b>${escapeMarkup(figure.title)}.</b> ${escapeMarkup(figure.caption)} <span class="files">${files}</span></figcaption></figure>\n`
  );
}
