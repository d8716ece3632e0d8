import { f32 } from '../../constant.js';
import { inputOf, parameter, type LayerRule } from './rule.js';

/** Does nothing at inference, but stays in the graph with its rate: Monte-Carlo dropout draws its masks there. */
const dropout: LayerRule = (view) => {
  const input = inputOf(view);
  const rate = view.config.number('rate', 0.5);
  const ratio = parameter(view, 'rate', () => f32([], [rate]));
  return { ...input, name: view.write.op('Dropout', [input.name, ratio]) };
};

/** Noise and penalties of training: nothing at inference. */
const identity: LayerRule = (view) => inputOf(view);

export const regularisation: Record<string, LayerRule> = {
  Dropout: dropout,
  SpatialDropout1D: dropout,
  SpatialDropout2D: dropout,
  GaussianDropout: identity,
  GaussianNoise: identity,
  AlphaDropout: identity,
  ActivityRegularization: identity,
  RandomFlip: identity,
  RandomRotation: identity,
  RandomZoom: identity,
  RandomTranslation: identity,
  RandomContrast: identity,
  RandomBrightness: identity,
};
