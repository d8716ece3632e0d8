import { fromArithmetic } from './arithmetic_blocks.js';
import { fromLayers } from './layer_blocks.js';
import type { Drawing } from './model.js';
import { fromShapes } from './shape_blocks.js';

/** Appends a block behind a feature map: the new feature map, or undefined where the map does not allow it. */
export type Block = (drawing: Drawing, x: string) => string | undefined;

export const blocks: Readonly<Record<string, Block>> = { ...fromLayers, ...fromArithmetic, ...fromShapes };
