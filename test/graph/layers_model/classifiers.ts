import * as tfl from '@tensorflow/tfjs-layers';
import { seedWeights } from './tfjs_models.js';

const { layers } = tfl;
type Tensor = tfl.SymbolicTensor;
interface Applicable {
  apply(x: Tensor): unknown;
}

function chain(x: Tensor, ...made: Applicable[]): Tensor {
  return made.reduce((value, layer) => layer.apply(value) as Tensor, x);
}

/** Like Keras's MobileNet: separable convolutions under ReLU6, dropout and a convolution as head. */
export function mobileNet(shape: (number | null)[] = [32, 32, 3]): tfl.LayersModel {
  const block = (filters: number, strides: 1 | 2, id: number): Applicable[] => [
    ...(strides === 2
      ? [
          layers.zeroPadding2d({
            padding: [
              [0, 1],
              [0, 1],
            ],
            name: `pad_${id}`,
          }),
        ]
      : []),
    layers.depthwiseConv2d({
      kernelSize: 3,
      strides,
      padding: strides === 2 ? 'valid' : 'same',
      useBias: false,
      depthwiseInitializer: 'glorotNormal',
      name: `depthwise_${id}`,
    }),
    layers.batchNormalization({ name: `depthwise_norm_${id}` }),
    layers.reLU({ maxValue: 6, name: `depthwise_relu_${id}` }),
    layers.conv2d({ filters, kernelSize: 1, useBias: false, name: `pointwise_${id}` }),
    layers.batchNormalization({ name: `pointwise_norm_${id}` }),
    layers.reLU({ maxValue: 6, name: `relu_${id}` }),
  ];
  const input = tfl.input({ shape, name: 'image' });
  const output = chain(
    input,
    layers.rescaling({ scale: 2, offset: -1, name: 'rescaling' }),
    layers.conv2d({ filters: 6, kernelSize: 3, strides: 2, padding: 'same', useBias: false, name: 'stem' }),
    layers.batchNormalization({ name: 'stem_norm' }),
    layers.reLU({ maxValue: 6, name: 'stem_relu' }),
    ...block(8, 1, 1),
    ...block(12, 2, 2),
    ...block(12, 1, 3),
    layers.globalAveragePooling2d({ name: 'pool' }),
    layers.reshape({ targetShape: [1, 1, 12], name: 'reshape_1' }),
    layers.dropout({ rate: 0.1, name: 'dropout' }),
    layers.conv2d({ filters: 5, kernelSize: 1, padding: 'same', name: 'scores' }),
    layers.reshape({ targetShape: [5], name: 'reshape_2' }),
    layers.activation({ activation: 'softmax', name: 'predictions' }),
  );
  return seeded(tfl.model({ inputs: input, outputs: output, name: 'mobilenet' }));
}

/** A DenseNet without its head inside a Sequential model with a new one, as transfer learning makes them. */
export function nestedDenseNet(): tfl.LayersModel {
  const input = tfl.input({ shape: [24, 24, 3], name: 'densenet_input' });
  const normal = (x: Tensor, name: string) =>
    chain(
      x,
      layers.batchNormalization({ epsilon: 1.001e-5, name: `${name}_bn` }),
      layers.activation({ activation: 'relu', name: `${name}_relu` }),
    );
  let x = chain(input, layers.conv2d({ filters: 6, kernelSize: 5, strides: 2, padding: 'same', name: 'conv1' }));
  x = chain(x, layers.maxPooling2d({ poolSize: 3, strides: 2, padding: 'same', name: 'pool1' }));
  for (const stage of [2, 3]) {
    for (const block of [1, 2]) {
      const name = `conv${stage}_block${block}`;
      const grown = chain(
        normal(x, name),
        layers.conv2d({ filters: 4, kernelSize: 3, padding: 'same', useBias: false, name: `${name}_conv` }),
      );
      x = layers.concatenate({ name: `${name}_concat` }).apply([x, grown]) as Tensor;
    }
    if (stage === 2)
      x = chain(
        normal(x, 'pool2'),
        layers.conv2d({ filters: 7, kernelSize: 1, useBias: false, name: 'pool2_conv' }),
        layers.averagePooling2d({ poolSize: 2, strides: 2, name: 'pool2_pool' }),
      );
  }
  const base = tfl.model({ inputs: input, outputs: normal(x, 'final'), name: 'densenet' });
  return seeded(
    tfl.sequential({
      name: 'transfer',
      layers: [
        base,
        layers.globalAveragePooling2d({ name: 'gap' }),
        layers.dropout({ rate: 0.3, name: 'drop' }),
        layers.dense({ units: 4, activation: 'softmax', name: 'head' }),
      ],
    }),
  );
}

/** One grey channel, a flattened head, one sigmoid output. */
export function greyClassifier(size = 20): tfl.LayersModel {
  return seeded(
    tfl.sequential({
      name: 'grey',
      layers: [
        layers.conv2d({ filters: 6, kernelSize: 3, activation: 'relu', inputShape: [size, size, 1], name: 'conv_a' }),
        layers.maxPooling2d({ poolSize: 2, name: 'pool_a' }),
        layers.conv2d({ filters: 8, kernelSize: 3, padding: 'same', activation: 'relu', name: 'conv_b' }),
        layers.maxPooling2d({ poolSize: 2, name: 'pool_b' }),
        layers.flatten({ name: 'flat' }),
        layers.dense({ units: 6, activation: 'relu', name: 'hidden' }),
        layers.dense({ units: 1, activation: 'sigmoid', name: 'lesion' }),
      ],
    }),
  );
}

/** One encoder for both halves of the image's channels: shared layers, and a model used twice. */
export function siamese(): tfl.LayersModel {
  const part = tfl.input({ shape: [12, 12, 4], name: 'part' });
  const shared = layers.conv2d({ filters: 4, kernelSize: 3, padding: 'same', activation: 'elu', name: 'shared' });
  const encoder = tfl.model({ inputs: part, outputs: chain(part, shared, shared), name: 'encoder' });
  const input = tfl.input({ shape: [12, 12, 3], name: 'image' });
  const view = (name: string) => chain(input, layers.conv2d({ filters: 4, kernelSize: 1, name }), encoder);
  const joined = layers.add({ name: 'joined' }).apply([view('left'), view('right')]) as Tensor;
  const output = chain(joined, layers.globalMaxPooling2d({ name: 'pool' }), layers.dense({ units: 3, name: 'scores' }));
  return seeded(tfl.model({ inputs: input, outputs: output, name: 'siamese' }));
}

function seeded<M extends tfl.LayersModel>(model: M): M {
  seedWeights(model);
  return model;
}
