import { activations } from './activations.js';
import { convolution } from './convolution.js';
import { denseLayers } from './dense.js';
import { merging } from './merging.js';
import { normalisation } from './normalisation.js';
import { pixels } from './pixels.js';
import { pooling } from './pooling.js';
import { products } from './products.js';
import { regularisation } from './regularisation.js';
import { resampling } from './resampling.js';
import type { LayerRule } from './rule.js';
import { shaping } from './shaping.js';

/** Every Keras layer class that is read, from one file per family. */
const table = new Map<string, LayerRule>(
  [
    activations,
    convolution,
    denseLayers,
    merging,
    normalisation,
    pixels,
    pooling,
    products,
    regularisation,
    resampling,
    shaping,
  ].flatMap((family) => Object.entries(family)),
);

/** The rule of a layer class. Registered classes are called "package>Class". */
export function layerRule(className: string): LayerRule | undefined {
  return table.get(className.slice(className.lastIndexOf('>') + 1));
}

/** Names of the layer classes that are read, sorted. */
export function layerClasses(): string[] {
  return [...table.keys()].sort();
}
