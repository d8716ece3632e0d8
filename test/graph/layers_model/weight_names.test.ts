import { describe, expect, it } from 'vitest';
import { WeightNames } from '../../../src/graph/layers_model/weight_names.js';

function names(...all: string[]): WeightNames {
  return new WeightNames(all.map((name, i) => ({ name, dims: [1], data: Float32Array.of(i) })));
}

const at = (path: string, checkpoint = path) => ({ names: path.split(' '), checkpoints: checkpoint.split(' ') });
const found = (table: WeightNames, path: string, name: string, index = 0, checkpoint?: string) =>
  table.find(at(path, checkpoint), name.split('|'), index, `layer '${path}'`).name;

describe('weights by the name of their layer', () => {
  it.each([
    ['TensorFlow.js, Keras 2', 'conv/kernel', 'conv', 'kernel'],
    ['TensorFlow 1', 'conv/kernel:0', 'conv', 'kernel'],
    ['a scope before it', 'model_1/conv/kernel', 'conv', 'kernel'],
    ['a cell between', 'separable/cell/kernel', 'separable', 'kernel'],
    ['a name with a slash', 'block/conv/kernel', 'block/conv', 'kernel'],
    ['alternatives', 'dw/kernel', 'dw', 'depthwise_kernel|kernel'],
    ['numbered over the model', 'scale/variable_12', 'scale', 'gamma|variable'],
    ['numbered in its class', 'layers/conv2d_1/vars/0', 'stem', 'kernel'],
    ['numbered, in a model', 'layers/functional/layers/conv2d_1/vars/0', 'inner stem', 'kernel'],
    ['numbered, as tf_keras', '_layer_checkpoint_dependencies/conv2d_1/vars/0', 'stem', 'kernel'],
  ])('%s: %s', (_, file, path, name) => {
    const checkpoint = path.startsWith('inner') ? 'functional conv2d_1' : 'conv2d_1';
    expect(found(names('other/kernel', 'other/bias', file), path, name, 0, checkpoint)).toBe(file);
  });

  it('layers of one name in several models are told apart by the models', () => {
    const table = names(
      'left/conv/kernel',
      'right/conv/kernel',
      'layers/a/layers/conv2d/vars/0',
      'layers/conv2d/vars/0',
    );
    expect(found(table, 'right conv', 'kernel')).toBe('right/conv/kernel');
    expect(found(table, 'left conv', 'kernel')).toBe('left/conv/kernel');
    expect(found(table, 'x y', 'kernel', 0, 'a conv2d')).toBe('layers/a/layers/conv2d/vars/0');
    expect(found(table, 'x', 'kernel', 0, 'conv2d')).toBe('layers/conv2d/vars/0');
  });

  it('none, and several that fit equally, are errors that name the layer', () => {
    const table = names('a/conv/kernel', 'b/conv/kernel');
    expect(() => found(table, 'conv', 'kernel')).toThrow(/layer 'conv'.*both 'a\/conv\/kernel' and 'b\/conv\/kernel'/);
    expect(() => found(table, 'dense', 'kernel')).toThrow(/layer 'dense'.*no 'kernel'/);
    expect(() => found(table, 'conv', 'bias')).toThrow(/no 'bias'/);
  });
});
