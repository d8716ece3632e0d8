import type { Tensor } from '../core/tensor.js';
import { relevance } from '../graph/passes/relevance.js';
import { relevancePresets } from '../graph/relevance/presets.js';
import type { Explanation } from './explanation.js';
import { mapsOfAttributions } from './planes.js';

/**
 * Deep Taylor decomposition and LRP, one explanation per preset: relevance summed over the channels, its positive part
 * scaled to [0, 1]. A class whose logit is not positive has no relevance under Deep Taylor: an all-zero, flagged map.
 */
export const relevanceExplanations: readonly Explanation[] = relevancePresets.map((preset) => ({
  name: preset.name,
  summary: preset.summary,
  atLayer: false,
  runs: 1,
  passes: (range) => [relevance(preset, range)],
  maps: ({ outputs }, backend, size) =>
    mapsOfAttributions(outputs.relevance as Tensor<'f32'>, 'positive', backend, size),
}));
