import { SightlineError } from '../core/errors.js';
import { sizeOf } from '../core/tensor.js';
import { bytesPerElement, constantOf, elementTypeOf, type Constant } from './constant.js';
import type { Attribute, Graph, Node, ValueInfo } from './ir.js';
import { ExternalData, readModelFile, recogniseOther } from './model_file.js';
import {
  CaptureGraphProto,
  ModelProto,
  toNumber,
  type AttributeMessage,
  type GraphMessage,
  type ModelMessage,
  type NodeMessage,
  type TensorMessage,
  type ValueInfoMessage,
} from './onnx_schema.js';

/** A model and the files it was read from, the main one first; none for a model given as bytes. */
export interface ImportedModel {
  graph: Graph;
  files: string[];
}

/** As `readOnnx`, the graph alone. */
export function importOnnx(model: string | Uint8Array): Graph {
  return readOnnx(model).graph;
}

/**
 * Reads an ONNX model. Weights stay views of the file's bytes.
 * @param model path, or the file's bytes (without external weights)
 * @throws SightlineError E_NOT_FOUND; E_MODEL_FORMAT saying what the file looks like instead.
 */
export function readOnnx(model: string | Uint8Array): ImportedModel {
  const path = typeof model === 'string' ? model : undefined;
  const bytes = typeof model === 'string' ? readModelFile(model) : model;
  const notOnnx = (what: string, remedy: string, cause?: unknown) =>
    new SightlineError('E_MODEL_FORMAT', { where: path ?? 'model', what, remedy, cause });
  const other = recogniseOther(bytes);
  if (other) throw notOnnx(`not an ONNX file: ${other.what}`, other.remedy);
  let message: ModelMessage;
  try {
    message = ModelProto.decode(bytes) as ModelMessage;
  } catch (error) {
    throw notOnnx('not an ONNX file, or a truncated one', 'Copy or export the model again.', error);
  }
  if (!message.graph || (message.graph.node ?? []).length === 0 || !message.opsetImport?.length) {
    throw notOnnx('not an ONNX file: it holds no graph', 'Give a model exported to ONNX (.onnx).');
  }
  const external = new ExternalData(path);
  const graph = graphOf(message, message.graph, external, path);
  return { graph, files: path === undefined ? [] : [path, ...external.paths()] };
}

function graphOf(model: ModelMessage, graph: GraphMessage, external: ExternalData, path: string | undefined): Graph {
  if (graph.sparseInitializer?.length) {
    throw new SightlineError('E_MODEL_UNSUPPORTED', {
      where: path,
      what: 'the model stores sparse weights',
      remedy: 'Export it with dense weights.',
    });
  }
  const initializers = new Map<string, Constant>();
  for (const tensor of graph.initializer ?? [])
    initializers.set(tensor.name ?? '', constantFrom(tensor, external, path));
  const names = new Set<string>();
  const nodes = (graph.node ?? []).map((node, index) => nodeFrom(node, index, names, external, path));
  return {
    name: graph.name ?? '',
    irVersion: toNumber(model.irVersion),
    opsets: new Map((model.opsetImport ?? []).map((entry) => [domainOf(entry.domain), toNumber(entry.version)])),
    // Before IR version 4 every initializer was listed as an input too.
    inputs: (graph.input ?? []).map(valueInfoFrom).filter((input) => !initializers.has(input.name)),
    outputs: (graph.output ?? []).map(valueInfoFrom),
    nodes: sorted(nodes, path),
    initializers,
    declared: new Map((graph.valueInfo ?? []).map(valueInfoFrom).map((info) => [info.name, info])),
    metadata: new Map((model.metadataProps ?? []).map((entry) => [entry.key ?? '', entry.value ?? ''])),
    functions: model.functions ?? [],
  };
}

function domainOf(domain: string | undefined): string {
  return domain === 'ai.onnx' ? '' : (domain ?? '');
}

function nodeFrom(
  message: NodeMessage,
  index: number,
  names: Set<string>,
  external: ExternalData,
  path: string | undefined,
): Node {
  const op = message.opType ?? '';
  let name = message.name || `${op}_${index}`;
  while (names.has(name)) name += '_';
  names.add(name);
  const attributes: Record<string, Attribute> = {};
  for (const attribute of message.attribute ?? []) {
    attributes[attribute.name ?? ''] = attributeFrom(attribute, external, path);
  }
  return {
    name,
    op,
    domain: domainOf(message.domain),
    inputs: [...(message.input ?? [])],
    outputs: [...(message.output ?? [])],
    attributes,
  };
}

const utf8 = new TextDecoder();

function attributeFrom(message: AttributeMessage, external: ExternalData, path: string | undefined): Attribute {
  // AttributeProto.AttributeType. Files of IR version 1 leave it out: then the field that is set decides.
  switch (message.type || typeFromFields(message)) {
    case 1:
      return { kind: 'float', value: message.f ?? 0 };
    case 2:
      return { kind: 'int', value: toNumber(message.i) };
    case 3:
      return { kind: 'string', value: utf8.decode(message.s) };
    case 4:
      return { kind: 'tensor', value: constantFrom(message.t ?? {}, external, path) };
    case 6:
      return { kind: 'floats', value: [...(message.floats ?? [])] };
    case 7:
      return { kind: 'ints', value: (message.ints ?? []).map(toNumber) };
    case 8:
      return { kind: 'strings', value: (message.strings ?? []).map((s) => utf8.decode(s)) };
    default:
      return { kind: 'opaque', value: message, captures: capturesOf(message) };
  }
}

function typeFromFields(message: AttributeMessage): number {
  const has = (field: keyof AttributeMessage) => Object.hasOwn(message, field);
  if (has('f')) return 1;
  if (has('i')) return 2;
  if (has('s')) return 3;
  if (has('t')) return 4;
  if (message.floats?.length) return 6;
  if (message.ints?.length) return 7;
  if (message.strings?.length) return 8;
  return 0;
}

/** Names that the subgraphs of an attribute read; values of the subgraph itself are among them and do no harm. */
function capturesOf(message: AttributeMessage): string[] {
  const captures: string[] = [];
  const graphs = [...(message.g ? [message.g] : []), ...(message.graphs ?? [])];
  for (const bytes of graphs) {
    const graph = CaptureGraphProto.decode(bytes) as GraphMessage;
    for (const node of graph.node ?? []) {
      captures.push(...(node.input ?? []).filter((name) => name !== ''));
      for (const attribute of node.attribute ?? []) captures.push(...capturesOf(attribute));
    }
  }
  return captures;
}

function constantFrom(message: TensorMessage, external: ExternalData, path: string | undefined): Constant {
  const type = elementTypeOf(message.dataType ?? 0);
  const dims = (message.dims ?? []).map(toNumber);
  const width = bytesPerElement(type);
  if (message.dataLocation === 1) {
    const entries = new Map((message.externalData ?? []).map((entry) => [entry.key, entry.value ?? '']));
    const size = width > 0 ? sizeOf(dims) * width : undefined;
    const length = entries.has('length') ? Number(entries.get('length')) : size;
    const raw = external.read(entries.get('location') ?? '', Number(entries.get('offset') ?? 0), length);
    if (size !== undefined && raw.byteLength !== size) throw truncated(message, path);
    return width > 0 ? { type, dims, raw } : { type, dims, raw: new Uint8Array(0), opaque: inlined(message, raw) };
  }
  if (width === 0) return { type, dims, raw: new Uint8Array(0), opaque: message };
  const size = sizeOf(dims) * width;
  if (message.rawData?.length) {
    if (message.rawData.byteLength !== size) throw truncated(message, path);
    return { type, dims, raw: message.rawData };
  }
  const values = typedValues(message);
  if (values.length !== sizeOf(dims)) throw truncated(message, path);
  if (type === 'f16' || type === 'bf16') {
    // Half floats in typed fields are stored as their bit patterns.
    return { type, dims, raw: new Uint8Array(Uint16Array.from(values).buffer) };
  }
  return constantOf(type, dims, values);
}

function inlined(message: TensorMessage, raw: Uint8Array): TensorMessage {
  return { name: message.name, dims: message.dims, dataType: message.dataType, rawData: raw };
}

function typedValues(message: TensorMessage): number[] {
  if (message.floatData?.length) return message.floatData;
  if (message.int32Data?.length) return message.int32Data;
  if (message.doubleData?.length) return message.doubleData;
  if (message.int64Data?.length) return message.int64Data.map(toNumber);
  return (message.uint64Data ?? []).map(toNumber);
}

function truncated(message: TensorMessage, path: string | undefined): SightlineError {
  return new SightlineError('E_MODEL_FORMAT', {
    where: path,
    what: `weight '${message.name ?? ''}' does not have as much data as its dims [${(message.dims ?? []).map(toNumber).join(', ')}] say`,
    remedy: 'The file is truncated or damaged: copy or export the model again.',
  });
}

function valueInfoFrom(message: ValueInfoMessage): ValueInfo {
  const tensor = message.type?.tensorType;
  const dims = tensor?.shape?.dim ?? (tensor?.shape ? [] : undefined);
  return {
    name: message.name ?? '',
    type: tensor?.elemType ? elementTypeOf(tensor.elemType) : undefined,
    dims: dims?.map((dim) => {
      const known = Object.hasOwn(dim, 'dimValue') ? toNumber(dim.dimValue) : null;
      // Some exporters write 0 or −1 for a size that they do not know.
      return known !== null && known > 0 ? known : null;
    }),
  };
}

/** Topological order (files must have it, but graph surgery tools do not always keep it), otherwise stable. */
function sorted(nodes: Node[], path: string | undefined): Node[] {
  const producer = new Map<string, Node>();
  for (const node of nodes) for (const output of node.outputs) if (output) producer.set(output, node);
  const state = new Map<Node, 'open' | 'done'>();
  const order: Node[] = [];
  // An explicit stack: models are thousands of nodes deep.
  for (const start of nodes) {
    const stack: Node[] = [start];
    while (stack.length > 0) {
      const node = stack[stack.length - 1];
      if (state.get(node) === 'done') {
        stack.pop();
        continue;
      }
      const waiting: Node[] = [];
      for (const name of node.inputs) {
        const before = producer.get(name);
        if (before && before !== node && state.get(before) !== 'done') waiting.push(before);
      }
      for (const attribute of Object.values(node.attributes)) {
        if (attribute.kind !== 'opaque') continue;
        for (const name of attribute.captures) {
          const before = producer.get(name);
          if (before && before !== node && state.get(before) !== 'done') waiting.push(before);
        }
      }
      if (waiting.length === 0) {
        state.set(node, 'done');
        order.push(node);
        stack.pop();
      } else if (waiting.some((before) => state.get(before) === 'open')) {
        throw new SightlineError('E_MODEL_FORMAT', {
          where: path,
          what: `the graph has a cycle through node '${node.name}'`,
          remedy: 'Export the model again.',
        });
      } else {
        state.set(node, 'open');
        stack.push(...waiting.reverse());
      }
    }
  }
  return order;
}
