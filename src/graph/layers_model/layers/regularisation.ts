import { f32 } from '../../constant.js';
import { inputOf, parameter, type LayerRule } from './rule.js';

/** Does nothing at inference, but stays in the graph with its rate: Monte-Carlo dropout draws its masks there. */
const dropout: LayerRule = (view) => {
  const input = inputOf(view);
  const rate = view.config.number('rate', 0.5);
  if (rate === 0 || dropsSamples(view.config.fields.noise_shape)) return input;
  const ratio = parameter(view, 'rate', () => f32([], [rate]));
  return { ...input, name: view.write.op('Dropout', [input.name, ratio]) };
};

/** One mask for all of a sample's values is stochastic depth (EfficientNet's blocks): no dropout of units. */
function dropsSamples(noise: unknown): boolean {
  return Array.isArray(noise) && noise.length > 1 && noise.slice(1).every((dim) => dim === 1);
}

/** Noise and penalties of training: nothing at inference. */
const identity: LayerRule = (view) => inputOf(view);

const ofTraining = [
  'ActivityRegularization',
  'AlphaDropout',
  'GaussianDropout',
  'GaussianNoise',
  'Identity',
  'RandomBrightness',
  'RandomColorDegeneration',
  'RandomColorJitter',
  'RandomContrast',
  'RandomErasing',
  'RandomFlip',
  'RandomGaussianBlur',
  'RandomGrayscale',
  'RandomHue',
  'RandomInvert',
  'RandomPerspective',
  'RandomPosterization',
  'RandomRotation',
  'RandomSaturation',
  'RandomSharpness',
  'RandomShear',
  'RandomTranslation',
  'RandomZoom',
  'StochasticDepth',
];

export const regularisation: Record<string, LayerRule> = {
  Dropout: dropout,
  SpatialDropout1D: dropout,
  SpatialDropout2D: dropout,
  ...Object.fromEntries(ofTraining.map((name) => [name, identity])),
};
