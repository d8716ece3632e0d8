import * as tfl from '@tensorflow/tfjs-layers';

type Tensor = tfl.SymbolicTensor;
type AnyLayer = ReturnType<typeof tfl.layers.dense>;

export interface LayerCase {
  name: string;
  /** Without the batch; default [9, 8, 3]. */
  input?: number[];
  build: (x: Tensor) => Tensor;
}

const { layers } = tfl;
const images = [9, 8, 3];
const sequences = [11, 4];

/** Layers one after another. */
function chain(x: Tensor, ...made: { apply(x: Tensor): unknown }[]): Tensor {
  return made.reduce((value, layer) => layer.apply(value) as Tensor, x);
}

function single(name: string, make: () => unknown, input = images): LayerCase {
  return { name, input, build: (x) => chain(x, make() as AnyLayer) };
}

/** Two feature maps of one size from one input. */
function branches(x: Tensor): [Tensor, Tensor] {
  const conv = (filters: number) => layers.conv2d({ filters, kernelSize: 3, padding: 'same' }).apply(x) as Tensor;
  return [conv(5), conv(5)];
}

function merging(name: string, make: () => unknown): LayerCase {
  return { name, build: (x) => (make() as AnyLayer).apply(branches(x)) as Tensor };
}

const activationNames = [
  'elu',
  'gelu',
  'gelu_new',
  'hardSigmoid',
  'linear',
  'mish',
  'relu',
  'relu6',
  'selu',
  'sigmoid',
  'softmax',
  'softplus',
  'softsign',
  'swish',
  'tanh',
] as const;

const convolutions: LayerCase[] = [
  single('conv2d valid', () => layers.conv2d({ filters: 4, kernelSize: 3 })),
  single('conv2d same, stride 2, even kernel', () =>
    layers.conv2d({ filters: 4, kernelSize: [4, 3], strides: 2, padding: 'same', activation: 'relu' }),
  ),
  single('conv2d same, stride [2,3]', () =>
    layers.conv2d({ filters: 4, kernelSize: [2, 5], strides: [2, 3], padding: 'same', useBias: false }),
  ),
  single('conv2d dilated', () => layers.conv2d({ filters: 2, kernelSize: 3, dilationRate: 2, padding: 'same' })),
  single('conv1d same', () => layers.conv1d({ filters: 3, kernelSize: 4, strides: 2, padding: 'same' }), sequences),
  single('depthwiseConv2d', () => layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2, padding: 'same' })),
  single('depthwiseConv2d stride 2', () => layers.depthwiseConv2d({ kernelSize: 3, strides: 2, useBias: false })),
  single('separableConv2d', () =>
    layers.separableConv2d({ filters: 5, kernelSize: 3, depthMultiplier: 2, padding: 'same', activation: 'tanh' }),
  ),
  single('conv2dTranspose valid', () => layers.conv2dTranspose({ filters: 2, kernelSize: 3, strides: 2 })),
  single('conv2dTranspose same', () =>
    layers.conv2dTranspose({ filters: 2, kernelSize: 4, strides: 2, padding: 'same' }),
  ),
  single('conv2dTranspose same, odd', () =>
    layers.conv2dTranspose({ filters: 2, kernelSize: 3, strides: 2, padding: 'same' }),
  ),
  single('conv2dTranspose narrow kernel', () =>
    layers.conv2dTranspose({ filters: 2, kernelSize: 2, strides: 3, padding: 'same' }),
  ),
  single('conv2dTranspose narrow kernel, valid', () =>
    layers.conv2dTranspose({ filters: 2, kernelSize: 2, strides: 3 }),
  ),
];

const dense: LayerCase[] = [
  single('dense on a vector', () => layers.dense({ units: 5, activation: 'softmax' }), [7]),
  single('dense on an image', () => layers.dense({ units: 5 })),
  single('dense on a sequence', () => layers.dense({ units: 5, useBias: false }), sequences),
  { name: 'dense after flatten', build: (x) => chain(x, layers.flatten(), layers.dense({ units: 4 })) },
  {
    name: 'dense after two flattens and dropout',
    build: (x) =>
      chain(
        x,
        layers.conv2d({ filters: 4, kernelSize: 3 }),
        layers.flatten(),
        layers.dropout({ rate: 0.5 }),
        layers.activation({ activation: 'tanh' }),
        layers.dense({ units: 4 }),
      ),
  },
];

const normalisations: LayerCase[] = [
  single('batchNormalization', () => layers.batchNormalization({ epsilon: 0.01 })),
  single('batchNormalization without scale', () => layers.batchNormalization({ scale: false })),
  single('batchNormalization without centre', () => layers.batchNormalization({ center: false })),
  single('batchNormalization on a sequence', () => layers.batchNormalization(), sequences),
  { name: 'batchNormalization after flatten', build: (x) => chain(x, layers.flatten(), layers.batchNormalization()) },
  single('layerNormalization', () => layers.layerNormalization()),
  single('layerNormalization over [H,W,C]', () => layers.layerNormalization({ axis: [1, 2, 3] })),
  single('layerNormalization without scale', () => layers.layerNormalization({ scale: false }), sequences),
];

const activationLayers: LayerCase[] = [
  ...activationNames.map((activation) => single(`activation ${activation}`, () => layers.activation({ activation }))),
  single('softmax', () => layers.softmax({ axis: -1 })),
  single('softmax of a vector', () => layers.softmax(), [7]),
  // Known to TensorFlow.js, but not to its types.
  single('activation logSoftmax', () => layers.activation({ activation: 'logSoftmax' as 'softmax' })),
  single('reLU', () => layers.reLU()),
  single('reLU up to 0.3', () => layers.reLU({ maxValue: 0.3 })),
  single('leakyReLU', () => layers.leakyReLU({ alpha: 0.15 })),
  single('leakyReLU default', () => layers.leakyReLU()),
  single('prelu', () => layers.prelu()),
  single('prelu shared', () => layers.prelu({ sharedAxes: [1, 2] })),
  { name: 'prelu after flatten', build: (x) => chain(x, layers.flatten(), layers.prelu()) },
  single('elu', () => layers.elu()),
  single('thresholdedReLU', () => layers.thresholdedReLU({ theta: 0.25 })),
];

const poolings: LayerCase[] = [
  single('maxPooling2d', () => layers.maxPooling2d({ poolSize: 2 })),
  single('maxPooling2d same', () => layers.maxPooling2d({ poolSize: 3, strides: 2, padding: 'same' })),
  single('averagePooling2d', () => layers.averagePooling2d({ poolSize: [2, 3], strides: [1, 2] })),
  single('averagePooling2d same', () => layers.averagePooling2d({ poolSize: 3, strides: 2, padding: 'same' })),
  single('maxPooling1d', () => layers.maxPooling1d({ poolSize: 3, strides: 2, padding: 'same' }), sequences),
  single('averagePooling1d', () => layers.averagePooling1d({ poolSize: 3 }), sequences),
  single('globalAveragePooling2d', () => layers.globalAveragePooling2d({})),
  single('globalMaxPooling2d', () => layers.globalMaxPooling2d({})),
  single('globalAveragePooling1d', () => layers.globalAveragePooling1d(), sequences),
  single('globalMaxPooling1d', () => layers.globalMaxPooling1d(), sequences),
];

const merges: LayerCase[] = [
  merging('add', () => layers.add()),
  merging('multiply', () => layers.multiply()),
  merging('average', () => layers.average()),
  merging('maximum', () => layers.maximum()),
  merging('minimum', () => layers.minimum()),
  merging('concatenate', () => layers.concatenate()),
  merging('concatenate rows', () => layers.concatenate({ axis: 1 })),
  { name: 'add of three', build: (x) => layers.add().apply([...branches(x), ...branches(x)]) as Tensor },
  {
    name: 'concatenate flattened',
    build: (x) => {
      const [a, b] = branches(x).map((branch) => layers.flatten().apply(branch) as Tensor);
      return chain(layers.concatenate().apply([a, b]) as Tensor, layers.dense({ units: 3 }));
    },
  },
  {
    name: 'multiply by a gate of one per channel (squeeze and excitation)',
    build: (x) => {
      const [a] = branches(x);
      const gate = chain(
        a,
        layers.globalAveragePooling2d({}),
        layers.reshape({ targetShape: [1, 1, 5] }),
        layers.conv2d({ filters: 5, kernelSize: 1, activation: 'sigmoid' }),
      );
      return layers.multiply().apply([a, gate]) as Tensor;
    },
  },
  {
    name: 'add a vector to a sequence',
    input: sequences,
    build: (x) => layers.add().apply([x, chain(x, layers.globalAveragePooling1d())]) as Tensor,
  },
  {
    name: 'dot of vectors',
    build: (x) =>
      layers
        .dot({ axes: 1 })
        .apply(branches(x).map((branch) => chain(branch, layers.globalMaxPooling2d({})))) as Tensor,
  },
  {
    name: 'cosine of vectors',
    build: (x) =>
      layers
        .dot({ axes: -1, normalize: true })
        .apply(branches(x).map((branch) => chain(branch, layers.globalMaxPooling2d({})))) as Tensor,
  },
  { name: 'dot of sequences', input: sequences, build: (x) => layers.dot({ axes: [2, 2] }).apply([x, x]) as Tensor },
  {
    name: 'dot of transposed sequences',
    input: sequences,
    build: (x) => layers.dot({ axes: [1, 1] }).apply([x, chain(x, layers.dense({ units: 3 }))]) as Tensor,
  },
  {
    name: 'dot of a sequence and a vector',
    input: sequences,
    build: (x) => layers.dot({ axes: [2, 1] }).apply([x, chain(x, layers.globalMaxPooling1d())]) as Tensor,
  },
];

const shapes: LayerCase[] = [
  single('zeroPadding2d', () =>
    layers.zeroPadding2d({
      padding: [
        [1, 2],
        [0, 3],
      ],
    }),
  ),
  single('cropping2D', () =>
    layers.cropping2D({
      cropping: [
        [1, 0],
        [2, 3],
      ],
    }),
  ),
  single('upSampling2d nearest', () => layers.upSampling2d({ size: [2, 3] })),
  single('upSampling2d bilinear', () => layers.upSampling2d({ size: [2, 3], interpolation: 'bilinear' })),
  single('rescaling', () => layers.rescaling({ scale: 1 / 127.5, offset: -1 })),
  single('reshape', () => layers.reshape({ targetShape: [4, 54] })),
  single('reshape to an image', () => layers.reshape({ targetShape: [3, 12, 6] })),
  single('permute', () => layers.permute({ dims: [3, 1, 2] })),
  {
    name: 'convolution after permute',
    build: (x) => chain(x, layers.permute({ dims: [2, 3, 1] }), layers.conv2d({ filters: 2, kernelSize: 2 })),
  },
  {
    name: 'image to sequence and back',
    build: (x) =>
      chain(
        x,
        layers.reshape({ targetShape: [72, 3] }),
        layers.conv1d({ filters: 4, kernelSize: 3 }),
        layers.permute({ dims: [2, 1] }),
        layers.reshape({ targetShape: [4, 7, 10] }),
        layers.conv2d({ filters: 2, kernelSize: 2 }),
      ),
  },
  single('repeatVector', () => layers.repeatVector({ n: 3 }), [6]),
  { name: 'repeatVector after flatten', build: (x) => chain(x, layers.flatten(), layers.repeatVector({ n: 2 })) },
];

const training: LayerCase[] = [
  single('dropout', () => layers.dropout({ rate: 0.4 })),
  single('spatialDropout1d', () => layers.spatialDropout1d({ rate: 0.4 }), sequences),
  single('gaussianNoise', () => layers.gaussianNoise({ stddev: 1 })),
  single('gaussianDropout', () => layers.gaussianDropout({ rate: 0.3 })),
  single('alphaDropout', () => layers.alphaDropout({ rate: 0.3 })),
];

const first = { dataFormat: 'channelsFirst' } as const;
const planes = [3, 9, 8];
const channelsFirst: LayerCase[] = [
  single('conv2d channels first', () => layers.conv2d({ filters: 4, kernelSize: 3, strides: 2, ...first }), planes),
  single('maxPooling2d channels first', () => layers.maxPooling2d({ poolSize: 2, ...first }), planes),
  single('batchNormalization channels first', () => layers.batchNormalization({ axis: 1 }), [3]),
  single('upSampling2d channels first', () => layers.upSampling2d({ size: [2, 2], ...first }), planes),
  single('zeroPadding2d channels first', () => layers.zeroPadding2d({ padding: 1, ...first }), planes),
  single('globalAveragePooling2d channels first', () => layers.globalAveragePooling2d(first), planes),
  {
    name: 'flatten channels first',
    input: planes,
    build: (x) =>
      chain(
        x,
        layers.conv2d({ filters: 4, kernelSize: 3, ...first }),
        layers.flatten(first),
        layers.dense({ units: 3 }),
      ),
  },
];

/** Every layer class of TensorFlow.js that an image classifier can have. */
export const layerCases: readonly LayerCase[] = [
  ...convolutions,
  ...dense,
  ...normalisations,
  ...activationLayers,
  ...poolings,
  ...merges,
  ...shapes,
  ...training,
  ...channelsFirst,
];
