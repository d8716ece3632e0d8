import type { Graph } from '../graph/ir.js';
import { kaimingNormal } from './initialisation.js';
import { Network, type ConvSettings, type Maps, type NetworkOptions } from './network.js';

export interface ResNetOptions extends NetworkOptions {
  /** Bottlenecks in each stage; default ResNet-50's. */
  blocks?: readonly number[];
  /** Filters of the first convolution. */
  stem?: number;
  /** Inner width of the first stage; each stage doubles it, and a bottleneck puts out four times its inner width. */
  planes?: number;
  /** Share of the pooled features dropped in training, before the last layer; default 0: torchvision has none. */
  dropout?: number;
}

const expansion = 4;

/**
 * ResNet of bottlenecks (stride in the 3×3 convolution, "v1.5"): image f32[B,channels,size,size] → logits f32[B,classes].
 * Structure, names and initialisation are torchvision's (kaiming-normal by fan-out; the last layer uniform). He et al.,
 * "Deep residual learning for image recognition", CVPR 2016.
 * @throws SightlineError E_ARGUMENT for an option outside its domain, E_SHAPE for weights that do not fit
 */
export function buildResNet50(options: ResNetOptions): Graph {
  const { blocks = [3, 4, 6, 3], stem = 64, planes = 64, classes = 1000, dropout = 0 } = options;
  const n = new Network('resnet50', options);
  const weight = (dims: readonly number[]) => kaimingNormal(dims, 'out');
  const unit = (x: Maps, conv: string, norm: string, channels: number, settings: ConvSettings) =>
    n.batchNorm(n.convolution(x, conv, channels, { ...settings, weight }), norm);

  const bottleneck = (x: Maps, path: string, inner: number, stride: number): Maps => {
    const outer = expansion * inner;
    let y = n.rectified(unit(x, `${path}.conv1`, `${path}.bn1`, inner, { kernel: 1 }), `${path}.relu1`);
    y = unit(y, `${path}.conv2`, `${path}.bn2`, inner, { kernel: 3, stride, padding: 1 });
    y = unit(n.rectified(y, `${path}.relu2`), `${path}.conv3`, `${path}.bn3`, outer, { kernel: 1 });
    const straight =
      stride === 1 && x.channels === outer
        ? x
        : unit(x, `${path}.downsample.0`, `${path}.downsample.1`, outer, { kernel: 1, stride });
    return n.rectified({ ...y, value: n.layer(`${path}.sum`, 'Add', [y.value, straight.value]) }, path);
  };

  let x = unit(n.image(options), 'conv1', 'bn1', n.scaled(stem), { kernel: 7, stride: 2, padding: 3 });
  x = n.maxPool(n.rectified(x, 'relu'), 'maxpool', 3, 2, 1);
  blocks.forEach((count, stage) => {
    const inner = n.scaled(planes * 2 ** stage);
    for (let i = 0; i < count; i++) x = bottleneck(x, `layer${stage + 1}.${i}`, inner, stage > 0 && i === 0 ? 2 : 1);
  });
  return n.logits(n.linear(n.dropout(n.globalMean(x), 'dropout', dropout), 'fc', classes));
}
