import protobuf from 'protobufjs';
import { SightlineError } from '../core/errors.js';
import { elementTypeCode, type Constant } from './constant.js';
import type { Attribute, Graph, ValueInfo } from './ir.js';
import {
  GraphProto,
  ModelProto,
  TensorProto,
  type AttributeMessage,
  type GraphMessage,
  type ModelMessage,
  type TensorMessage,
  type ValueInfoMessage,
} from './onnx_schema.js';

/** protobuf's own limit on one message. */
const largestFile = 2 ** 31 - 1;

/** Encodes a graph as an ONNX file, weights inside. @throws SightlineError E_MODEL_UNSUPPORTED above 2 GiB. */
export function exportOnnx(graph: Graph): Uint8Array {
  let weights = 0;
  for (const constant of graph.initializers.values()) weights += constant.raw.byteLength;
  if (weights > largestFile) {
    throw new SightlineError('E_MODEL_UNSUPPORTED', {
      what: `the model's weights take ${(weights / 2 ** 30).toFixed(1)} GiB; one ONNX message holds at most 2 GiB`,
      remedy: 'Use a smaller model, or convert its weights to 16-bit floats.',
    });
  }
  const message: ModelMessage = {
    irVersion: Math.max(graph.irVersion, 4),
    producerName: 'sightline',
    opsetImport: [...graph.opsets].map(([domain, version]) => ({ domain, version })),
    metadataProps: [...graph.metadata].map(([key, value]) => ({ key, value })),
    functions: graph.functions,
  };
  const body: GraphMessage = {
    name: graph.name || 'sightline',
    input: graph.inputs.map(valueInfo),
    output: graph.outputs.map(valueInfo),
    valueInfo: [...graph.declared.values()].map(valueInfo),
    node: graph.nodes.map((node) => ({
      input: node.inputs,
      output: node.outputs,
      name: node.name,
      opType: node.op,
      domain: node.domain,
      attribute: Object.entries(node.attributes).map(([name, attribute]) => attributeMessage(name, attribute)),
    })),
  };
  // A message's fields may come in any order and be put together from pieces: protobufjs copies every byte of a nested
  // message several times, which for hundreds of megabytes of weights takes longer than compiling.
  const tensors = [...graph.initializers].flatMap(([name, constant]) => {
    const { rawData, ...head } = tensorMessage(name, constant);
    return field(5, [encoded(TensorProto, head), ...(rawData ? field(9, [rawData]) : [])]);
  });
  return joined([encoded(ModelProto, message), ...field(7, [encoded(GraphProto, body), ...tensors])]);
}

function encoded(type: protobuf.Type, message: object): Uint8Array {
  return type.encode(message).finish();
}

/** A length-delimited field of a message: its tag, its length, then its content in pieces. */
function field(id: number, content: readonly Uint8Array[]): Uint8Array[] {
  const length = content.reduce((sum, part) => sum + part.byteLength, 0);
  return [
    protobuf.Writer.create()
      .uint32((id << 3) | 2)
      .uint32(length)
      .finish(),
    ...content,
  ];
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.byteLength;
  }
  return out;
}

function tensorMessage(name: string, constant: Constant): TensorMessage {
  if (constant.opaque) return { ...(constant.opaque as TensorMessage), name };
  return { name, dims: [...constant.dims], dataType: elementTypeCode(constant.type), rawData: constant.raw };
}

const utf8 = new TextEncoder();

function attributeMessage(name: string, attribute: Attribute): AttributeMessage {
  switch (attribute.kind) {
    case 'float':
      return { name, type: 1, f: attribute.value };
    case 'int':
      return { name, type: 2, i: attribute.value };
    case 'string':
      return { name, type: 3, s: utf8.encode(attribute.value) };
    case 'tensor':
      return { name, type: 4, t: tensorMessage('', attribute.value) };
    case 'floats':
      return { name, type: 6, floats: attribute.value };
    case 'ints':
      return { name, type: 7, ints: attribute.value };
    case 'strings':
      return { name, type: 8, strings: attribute.value.map((text) => utf8.encode(text)) };
    case 'opaque':
      return attribute.value as AttributeMessage;
  }
}

function valueInfo(info: ValueInfo): ValueInfoMessage {
  return {
    name: info.name,
    type: {
      tensorType: {
        elemType: elementTypeCode(info.type ?? 'f32'),
        shape: info.dims && {
          dim: info.dims.map((dim, axis) => (dim === null ? { dimParam: `d${axis}` } : { dimValue: dim })),
        },
      },
    },
  };
}
