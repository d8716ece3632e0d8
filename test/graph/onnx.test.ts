import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { constantOf, halfToNumber, numberToHalf, valuesOf, type Constant } from '../../src/graph/constant.js';
import { importOnnx } from '../../src/graph/onnx_import.js';
import { exportOnnx } from '../../src/graph/onnx_export.js';
import { ModelProto, type ModelMessage, type TensorMessage } from '../../src/graph/onnx_schema.js';
import { smallModel, smallModelBytes } from './small_models.js';

const folder = mkdtempSync(join(tmpdir(), 'sightline-onnx-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A one-node model with `tensor` as its only weight. */
function withWeight(tensor: TensorMessage, more: Partial<ModelMessage> = {}): Uint8Array {
  const message: ModelMessage = {
    irVersion: 8,
    opsetImport: [{ domain: '', version: 17 }],
    graph: {
      node: [{ opType: 'Identity', input: ['w'], output: ['y'] }],
      output: [{ name: 'y' }],
      initializer: [{ name: 'w', ...tensor }],
    },
    ...more,
  };
  return ModelProto.encode(message).finish();
}

const weightOf = (model: string | Uint8Array) => importOnnx(model).initializers.get('w') as Constant;

describe('round trip', () => {
  it('keeps everything', () => {
    const graph = smallModel({ tail: ['Softmax'] });
    graph.metadata.set('labels', '["ä", "b", "c"]');
    graph.opsets.set('com.example', 3);
    graph.nodes[0].attributes.names = { kind: 'strings', value: ['x', 'ß'] };
    graph.nodes[0].attributes.factors = { kind: 'floats', value: [0.5, -2] };
    graph.nodes[0].attributes.negative = { kind: 'int', value: -7 };
    graph.nodes[0].attributes.table = { kind: 'tensor', value: constantOf('i64', [2], [-1, 2 ** 40]) };
    const bytes = exportOnnx(graph);
    const back = importOnnx(bytes);
    expect(back.nodes).toEqual(graph.nodes.map((node) => ({ ...node, attributes: expect.anything() as unknown })));
    expect(back.opsets).toEqual(graph.opsets);
    expect(back.metadata).toEqual(graph.metadata);
    expect(back.inputs).toEqual(graph.inputs);
    const { table, negative, names, factors } = back.nodes[0].attributes;
    expect(table.kind === 'tensor' && [...Array.from(valuesOf(table.value))]).toEqual([-1, 2 ** 40]);
    expect([negative, names, factors]).toEqual([
      { kind: 'int', value: -7 },
      { kind: 'strings', value: ['x', 'ß'] },
      { kind: 'floats', value: [0.5, -2] },
    ]);
    expect(exportOnnx(back)).toEqual(bytes);
  });

  it('puts nodes into topological order', () => {
    const graph = smallModel();
    const order = graph.nodes.map((node) => node.name);
    const back = importOnnx(exportOnnx({ ...graph, nodes: [...graph.nodes].reverse() }));
    expect(back.nodes.map((node) => node.name)).toEqual(order);
  });

  it('passes subgraphs through and knows what they read', () => {
    const branch = ModelProto.encode({
      graph: { node: [{ opType: 'Relu', input: ['outer'], output: ['r'] }], output: [{ name: 'r' }] },
    }).finish();
    // The encoded GraphProto is the model's field 7: tag, length, content.
    const content = branch.subarray(2);
    const bytes = withWeight({ dataType: 1, dims: [1], floatData: [1] });
    const message = ModelProto.decode(bytes) as ModelMessage;
    message.graph!.node!.unshift(
      { opType: 'Neg', input: ['w'], output: ['outer'] },
      { opType: 'If', input: ['w'], output: ['z'], attribute: [{ name: 'then_branch', type: 5, g: content }] },
    );
    const graph = importOnnx(Uint8Array.from(ModelProto.encode(message).finish()));
    const attribute = graph.nodes[1].attributes.then_branch;
    expect(attribute.kind === 'opaque' && attribute.captures).toEqual(['outer']);
    expect(importOnnx(exportOnnx(graph)).nodes[1].attributes.then_branch).toEqual(attribute);
  });

  it('tolerates unknown fields', () => {
    // Field 99, a varint: tag 99·8 = 792 → 0x98 0x06.
    const bytes = Buffer.concat([Buffer.from([0x98, 0x06, 0x05]), smallModelBytes()]);
    expect(importOnnx(bytes).nodes.length).toBeGreaterThan(5);
  });
});

describe('weights in every encoding', () => {
  it.each<[string, TensorMessage, number[]]>([
    ['raw f32', { dataType: 1, rawData: new Uint8Array(new Float32Array([1.5, -2]).buffer) }, [1.5, -2]],
    ['float_data', { dataType: 1, floatData: [1.5, -2] }, [1.5, -2]],
    ['double_data', { dataType: 11, doubleData: [0.1, -2] }, [0.1, -2]],
    ['int64_data', { dataType: 7, int64Data: [-1, 2 ** 40] }, [-1, 2 ** 40]],
    ['raw i64', { dataType: 7, rawData: new Uint8Array(new BigInt64Array([-1n, 5n]).buffer) }, [-1, 5]],
    ['int32_data as i32', { dataType: 6, int32Data: [-1, 7] }, [-1, 7]],
    ['int32_data as u8', { dataType: 2, int32Data: [255, 7] }, [255, 7]],
    ['int32_data as i8', { dataType: 3, int32Data: [-128, 7] }, [-128, 7]],
    ['int32_data as bool', { dataType: 9, int32Data: [1, 0] }, [1, 0]],
    ['int32_data as f16 bits', { dataType: 10, int32Data: [0x3c00, 0xc000] }, [1, -2]],
    ['int32_data as bf16 bits', { dataType: 16, int32Data: [0x3f80, 0xc000] }, [1, -2]],
    ['uint64_data', { dataType: 13, uint64Data: [1, 9] }, [1, 9]],
  ])('%s', (_name, message, values) => {
    expect(Array.from(valuesOf(weightOf(withWeight({ dims: [2], ...message }))))).toEqual(values);
  });

  it('scalars, empty tensors and unaligned data', () => {
    expect(Array.from(valuesOf(weightOf(withWeight({ dataType: 1, floatData: [3] }))))).toEqual([3]);
    expect(weightOf(withWeight({ dataType: 1, dims: [0, 4] })).raw).toHaveLength(0);
    for (let shift = 0; shift < 8; shift++) {
      const bytes = withWeight(
        { dims: [1], dataType: 7, rawData: new Uint8Array(new BigInt64Array([-3n]).buffer), name: 'w' },
        { producerName: 'x'.repeat(shift) },
      );
      expect(Array.from(valuesOf(weightOf(Buffer.from(bytes))))).toEqual([-3]);
    }
  });

  it('16-bit floats both ways', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff }), (bits) => {
        const value = halfToNumber(bits);
        if (Number.isNaN(value)) expect(Number.isNaN(halfToNumber(numberToHalf(value)))).toBe(true);
        else expect(numberToHalf(value)).toBe(bits);
      }),
    );
    expect(numberToHalf(65519)).toBe(0x7bff);
    expect(numberToHalf(1e6)).toBe(0x7c00);
    // Half-way between two neighbours: to the even one.
    expect(numberToHalf(1 + 2 ** -11)).toBe(0x3c00);
    expect(numberToHalf(1 + 3 * 2 ** -11)).toBe(0x3c02);
  });
});

describe('weights beside the model', () => {
  const external = (location: string, more: [string, string][] = []) =>
    withWeight({
      dims: [2],
      dataType: 1,
      dataLocation: 1,
      externalData: [['location', location] as [string, string], ...more].map(([key, value]) => ({ key, value })),
    });
  const save = (name: string, bytes: Uint8Array) => {
    writeFileSync(join(folder, name), bytes);
    return join(folder, name);
  };
  save('model.onnx.data', new Uint8Array(new Float32Array([9, 1, 2, 9]).buffer));

  it('are read with offset and length', () => {
    const path = save(
      'model.onnx',
      external('model.onnx.data', [
        ['offset', '4'],
        ['length', '8'],
      ]),
    );
    expect(Array.from(valuesOf(weightOf(path)))).toEqual([1, 2]);
    const graph = importOnnx(path);
    expect(Array.from(valuesOf(weightOf(exportOnnx(graph))))).toEqual([1, 2]);
  });

  it.each([
    ['missing', external('gone.data'), /missing/],
    [
      'truncated',
      external('model.onnx.data', [
        ['offset', '12'],
        ['length', '8'],
      ]),
      /lie outside/,
    ],
    ['a parent folder', external('../model.onnx.data'), /outside its own folder/],
    ['an absolute path', external('/etc/hostname'), /outside its own folder/],
    ['the folder itself', external('.'), /outside its own folder/],
    ['a link out of the folder', external('link.data'), /outside its own folder/],
    ['no location', external(''), /outside its own folder/],
  ])('%s is refused', (_name, bytes, message) => {
    rmSync(join(folder, 'link.data'), { force: true });
    symlinkSync('/etc/hostname', join(folder, 'link.data'));
    const path = save('refused.onnx', bytes);
    expect(() => importOnnx(path)).toThrow(
      expect.objectContaining({ code: 'E_MODEL_FORMAT', message: expect.stringMatching(message) as string }),
    );
  });

  it('need a path', () => {
    expect(() => importOnnx(external('model.onnx.data'))).toThrow(/was given as bytes/);
  });
});

describe('files that are not ONNX', () => {
  const text = (content: string) => Buffer.from(content, 'latin1');
  it.each<[string, Uint8Array, RegExp]>([
    ['an empty file', new Uint8Array(0), /empty/],
    ['a PyTorch checkpoint', text('PK\x03\x04rest'), /PyTorch checkpoint.*torch\.onnx\.export/],
    ['a pickle', text('\x80\x02}q\x00.'), /pickle/],
    ['a Keras model', text('\x89HDF\r\n\x1a\n'), /tf2onnx/],
    ['a TensorFlow.js model', text('{"format": "layers-model"}'), /TensorFlow\.js/],
    ['a web page', text('<!DOCTYPE html><html>'), /web page/],
    ['a Git LFS pointer', text('version https://git-lfs.github.com/spec/v1\n'), /git lfs pull/],
    ['a TensorFlow Lite model', text('\x1c\0\0\0TFL3'), /Lite/],
    ['prose', text('hello, this is not a model at all'), /not an ONNX file/],
    ['zeros', new Uint8Array(100), /not an ONNX file/],
    ['a truncated model', smallModelBytes().slice(0, 900), /not an ONNX file/],
    ['weights shorter than their dims', withWeight({ dims: [3], dataType: 1, floatData: [1] }), /as much data/],
  ])('%s', (_name, bytes, message) => {
    expect(() => importOnnx(bytes)).toThrow(
      expect.objectContaining({ code: 'E_MODEL_FORMAT', message: expect.stringMatching(message) as string }),
    );
  });

  it('a missing file and a folder', () => {
    expect(() => importOnnx(join(folder, 'nothing.onnx'))).toThrow(expect.objectContaining({ code: 'E_NOT_FOUND' }));
    mkdirSync(join(folder, 'saved_model'), { recursive: true });
    expect(() => importOnnx(join(folder, 'saved_model'))).toThrow(/folder, not a model file/);
  });

  it('any damage is an error of ours or a readable model, never a crash', () => {
    const whole = smallModelBytes();
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 }), (at, value) => {
        const bytes = whole.slice();
        bytes[at] = value;
        try {
          importOnnx(bytes);
        } catch (error) {
          expect(error).toMatchObject({ name: 'SightlineError' });
        }
      }),
      { numRuns: 300, seed: 1 },
    );
  });
});
