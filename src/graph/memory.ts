import { sizeOf } from '../core/tensor.js';
import { bytesPerElement } from './constant.js';
import { findImageInput } from './image_input.js';
import { readsOf, type Graph } from './ir.js';
import { shapesFor } from './classifier.js';

/**
 * Bytes that intermediate values take at most at one time while the graph runs one sample, freeing each value after
 * its last reader: an estimate of what the runtime allocates per sample besides the weights.
 * @param size image size to assume where the model leaves it open
 */
export function peakActivationBytes(graph: Graph, size: readonly [number, number] = [224, 224]): number {
  const image = findImageInput(graph, {});
  const batch = image.batch ?? 1;
  const shapes = shapesFor(graph, image, batch, [image.height ?? size[0], image.width ?? size[1]]);
  const bytesOf = (name: string) => {
    const shape = shapes.shape(name);
    return shape && !shapes.constant(name) ? sizeOf(shape.dims) * bytesPerElement(shape.type) : 0;
  };
  const lastRead = new Map<string, number>();
  graph.nodes.forEach((node, at) => readsOf(node).forEach((name) => lastRead.set(name, at)));
  let held = bytesOf(image.name);
  let peak = held;
  graph.nodes.forEach((node, at) => {
    for (const name of node.outputs) if (name) held += bytesOf(name);
    peak = Math.max(peak, held);
    for (const name of new Set(readsOf(node))) if (lastRead.get(name) === at) held -= bytesOf(name);
    for (const name of node.outputs) if (name && !lastRead.has(name)) held -= bytesOf(name);
  });
  return peak / batch;
}
