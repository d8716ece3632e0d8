import { escapeMarkup } from '../figures/svg.js';
import type { CasePicture } from './layers.js';

/** What lies over a picture, and what it is called. */
export interface ViewOptions {
  /** Saliency map as a data URI. */
  heat: string | null;
  /** For those who do not see it. */
  alt: string;
  /** Name of a picture that `definePicture` has put on the page, in place of the picture's own bytes. */
  defined?: string;
}

/**
 * A picture with its layers as one SVG element, so that they stay in place at any size: image, heat, outline of the region of
 * interest. The heat is laid where the model has looked, and cut at the picture's edge.
 */
export function caseView(picture: CasePicture, { heat, alt, defined }: ViewOptions): string {
  const { width, height, outline } = picture;
  const { x0, y0, x1, y1 } = picture.covers;
  const region = defined ? `<use href="#${defined}-roi"/>` : outline && `<path d="${outline}"/>`;
  return [
    `<svg class="case-view" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeMarkup(alt)}">`,
    defined ? `<use href="#${defined}"/>` : imageOf(picture),
    heat &&
      `<image class="case-heat" x="${short(x0)}" y="${short(y0)}" width="${short(x1 - x0)}" height="${short(y1 - y0)}" preserveAspectRatio="none" href="${heat}"/>`,
    outline && `<g class="case-roi"><g class="case-casing">${region}</g><g class="case-line">${region}</g></g>`,
    '</svg>',
  ]
    .filter(Boolean)
    .join('');
}

/** Puts a picture that is shown many times on the page once. @param name an id, unique on the page */
export function definePicture(name: string, picture: CasePicture): string {
  const { outline } = picture;
  const shared = imageOf(picture, name) + (outline ? `<path id="${name}-roi" d="${outline}"/>` : '');
  return `<svg class="case-defs" width="0" height="0" aria-hidden="true"><defs>${shared}</defs></svg>`;
}

const imageOf = ({ width, height, image }: CasePicture, id?: string): string =>
  `<image${id ? ` id="${id}"` : ''} width="${width}" height="${height}" href="${image}"/>`;

const short = (value: number): string => String(Math.round(100 * value) / 100);
