import { expectArgument, SightlineError } from '../core/errors.js';
import type { Constant } from '../graph/constant.js';
import type { Graph } from '../graph/ir.js';
import { GraphBuilder } from './builder.js';
import { drawn, layerDefault, ones, zeros, type Initialisation } from './initialisation.js';

/** What every builder takes. */
export interface NetworkOptions {
  /** Channels of the input image. */
  channels: number;
  /** Side of the square input, in pixels. */
  size: number;
  /** Scores per image (per pixel for U-Net). Default: 2; 1000, as the published weights have, for DenseNet, ResNet, VGG. */
  classes?: number;
  /** All layers' widths times this, rounded, at least 1; default 1. */
  widthMultiplier?: number;
  /** Of the random initialisation; default 0. */
  seed?: number;
  /** Parameters by name to start from instead of drawing them; a name that the network lacks is ignored. */
  weights?: ReadonlyMap<string, Constant>;
}

/** A value f32[B, channels, height, width]. */
export interface Maps {
  readonly value: string;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** A value f32[B, length]. */
export interface Vector {
  readonly value: string;
  readonly length: number;
}

export interface ConvSettings {
  kernel: number;
  stride?: number;
  padding?: number;
  bias?: Initialisation;
  weight?: (dims: readonly number[]) => Initialisation;
}

/**
 * A graph built from PyTorch's layers: parameters are initializers named as in its state_dict ("conv1.weight"), each
 * layer's output is the value named by its module path ("conv1"), and what is no parameter keeps GraphBuilder's names.
 */
export class Network extends GraphBuilder {
  readonly #seed: number;
  readonly #weights: ReadonlyMap<string, Constant>;
  readonly #width: number;

  /** @throws SightlineError E_ARGUMENT for an option outside its domain */
  constructor(name: string, options: NetworkOptions) {
    super(name);
    const { channels, size, classes, widthMultiplier = 1, seed = 0, weights = new Map() } = options;
    expectArgument(Number.isInteger(channels) && channels > 0, 'channels', 'a positive integer', channels);
    expectArgument(Number.isInteger(size) && size > 0, 'size', 'a positive integer', size);
    expectArgument(
      classes === undefined || (Number.isInteger(classes) && classes > 0),
      'classes',
      'a positive integer',
      classes,
    );
    expectArgument(
      Number.isFinite(widthMultiplier) && widthMultiplier > 0,
      'widthMultiplier',
      'a positive number',
      widthMultiplier,
    );
    expectArgument(Number.isFinite(seed), 'seed', 'a number', seed);
    this.#seed = seed;
    this.#weights = weights;
    this.#width = widthMultiplier;
  }

  /** Channels of a layer at the chosen width. */
  scaled(channels: number): number {
    return Math.max(1, Math.round(channels * this.#width));
  }

  image({ channels, size }: NetworkOptions): Maps {
    return { value: this.input('image', [null, channels, size, size]), channels, height: size, width: size };
  }

  /** Ends the network in `logits` f32[B, classes] or f32[B, classes, H, W]. */
  logits(x: Vector | Maps): Graph {
    const dims = 'length' in x ? [null, x.length] : [null, x.channels, x.height, x.width];
    this.output(x.value, 'logits', dims);
    return this.graph;
  }

  /** Declares a parameter (or running statistic) and gives it its start. @throws SightlineError E_SHAPE */
  parameter(name: string, dims: readonly number[], from: Initialisation): string {
    const given = this.#weights.get(name);
    if (given && (given.type !== 'f32' || given.dims.join() !== dims.join())) {
      throw new SightlineError('E_SHAPE', {
        where: name,
        what: `expected f32[${dims.join(', ')}], received ${given.type}[${given.dims.join(', ')}]`,
        remedy: 'Build the network with the width, channels and classes that these weights were trained with.',
      });
    }
    this.graph.initializers.set(name, given ?? drawn(this.#seed, name, dims, from));
    return name;
  }

  /** torch.nn.Conv2d with as many filters as `channels`; no bias unless its initialisation is given. */
  convolution(x: Maps, path: string, channels: number, settings: ConvSettings): Maps {
    const { kernel, stride = 1, padding = 0, bias, weight = layerDefault } = settings;
    const dims = [channels, x.channels, kernel, kernel];
    const inputs = [x.value, this.parameter(`${path}.weight`, dims, weight(dims))];
    if (bias) inputs.push(this.parameter(`${path}.bias`, [channels], bias));
    return this.#window(x, path, 'Conv', inputs, channels, { kernel, stride, padding });
  }

  /** torch.nn.ConvTranspose2d of kernel 2 and stride 2: both sides doubled. */
  deconvolution(x: Maps, path: string, channels: number): Maps {
    const dims = [x.channels, channels, 2, 2];
    const weight = this.parameter(`${path}.weight`, dims, layerDefault(dims));
    const bias = this.parameter(`${path}.bias`, [channels], layerDefault(dims));
    const attributes = { kernel_shape: [2, 2], strides: [2, 2] };
    const value = this.layer(path, 'ConvTranspose', [x.value, weight, bias], attributes);
    return { value, channels, height: 2 * x.height, width: 2 * x.width };
  }

  /**
   * torch.nn.BatchNorm2d in inference form, with its running statistics as initializers. `momentum` is ONNX's, the share
   * of the old statistics that stays: 1 − PyTorch's.
   */
  batchNorm(x: Maps, path: string): Maps {
    const one = (name: string, from: Initialisation) => this.parameter(`${path}.${name}`, [x.channels], from);
    const inputs = [one('weight', ones), one('bias', zeros), one('running_mean', zeros), one('running_var', ones)];
    const attributes = { epsilon: 1e-5, momentum: 0.9 };
    return { ...x, value: this.layer(path, 'BatchNormalization', [x.value, ...inputs], attributes) };
  }

  rectified<X extends { readonly value: string }>(x: X, path: string): X {
    return { ...x, value: this.layer(path, 'Relu', [x.value]) };
  }

  maxPool(x: Maps, path: string, kernel: number, stride = kernel, padding = 0): Maps {
    return this.#window(x, path, 'MaxPool', [x.value], x.channels, { kernel, stride, padding });
  }

  meanPool(x: Maps, path: string, kernel: number): Maps {
    return this.#window(x, path, 'AveragePool', [x.value], x.channels, { kernel, stride: kernel, padding: 0 });
  }

  /** [B,C,H,W] → [B,C], the mean over positions. */
  globalMean(x: Maps): Vector {
    return { value: this.globalPool(x.value, 'average'), length: x.channels };
  }

  flattened(x: Maps): Vector {
    return { value: this.op('Flatten', [x.value], { axis: 1 }), length: x.channels * x.height * x.width };
  }

  joined(path: string, ...maps: readonly Maps[]): Maps {
    const channels = maps.reduce((sum, { channels }) => sum + channels, 0);
    const inputs = maps.map(({ value }) => value);
    return { ...maps[0], channels, value: this.layer(path, 'Concat', inputs, { axis: 1 }) };
  }

  /** torch.nn.Linear: weight [length, x.length]. */
  linear(
    x: Vector,
    path: string,
    length: number,
    start: { weight?: Initialisation; bias?: Initialisation } = {},
  ): Vector {
    const dims = [length, x.length];
    const weight = this.parameter(`${path}.weight`, dims, start.weight ?? layerDefault(dims));
    const bias = this.parameter(`${path}.bias`, [length], start.bias ?? layerDefault(dims));
    return { value: this.layer(path, 'Gemm', [x.value, weight, bias], { transB: 1 }), length };
  }

  /** Identity in inference; `rate` is the share of units that training drops. None at rate 0. */
  dropout<X extends { readonly value: string }>(x: X, path: string, rate: number): X {
    expectArgument(rate >= 0 && rate < 1, 'dropout', 'a share in [0, 1)', rate);
    return rate === 0 ? x : { ...x, value: this.layer(path, 'Dropout', [x.value, this.floats([], [rate])]) };
  }

  /** A node whose output is named by the module's path, and which is itself named as torch.onnx does. */
  layer(path: string, op: string, inputs: readonly string[], attributes: Parameters<GraphBuilder['op']>[2] = {}) {
    const value = this.op(op, inputs, attributes, path);
    this.graph.nodes[this.graph.nodes.length - 1].name = `/${path.replaceAll('.', '/')}/${op}`;
    return value;
  }

  #window(
    x: Maps,
    path: string,
    op: string,
    inputs: readonly string[],
    channels: number,
    { kernel, stride, padding }: { kernel: number; stride: number; padding: number },
  ): Maps {
    const side = (length: number) => Math.floor((length + 2 * padding - kernel) / stride) + 1;
    const [height, width] = [side(x.height), side(x.width)];
    if (height < 1 || width < 1) {
      throw new SightlineError('E_ARGUMENT', {
        where: 'size',
        what: `the map that reaches ${path} is ${x.height} × ${x.width}, smaller than its ${kernel} × ${kernel} window`,
        remedy: 'Choose a larger input size.',
      });
    }
    const attributes = {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [padding, padding, padding, padding],
    };
    return { value: this.layer(path, op, inputs, attributes), channels, height, width };
  }
}
