import type { Rng } from '../../../src/core/rng.js';
import { sizeOf } from '../../../src/core/tensor.js';
import { f32 } from '../../../src/graph/constant.js';
import { Emitter } from '../../../src/graph/emitter.js';
import { Inference } from '../../../src/graph/infer.js';
import { emptyGraph, type Graph } from '../../../src/graph/ir.js';
import { blocks } from './blocks.js';
import { appendHead } from './heads.js';

/** A model while it is being drawn. Feature maps are [1, C, H, W]. */
export interface Drawing {
  emit: Emitter;
  rng: Rng;
  /** Feature maps so far. */
  maps: string[];
  /** Random weights of about the size that keeps activations near 1. */
  weights(dims: readonly number[], fanIn?: number): string;
  /** Weights in [low, high]. */
  between(dims: readonly number[], low: number, high: number): string;
  pick<T>(choices: readonly T[]): T;
  /** Whole number in [low, high]. */
  whole(low: number, high: number): number;
  chance(probability: number): boolean;
}

export interface RandomModel {
  graph: Graph;
  /** [C, H, W] */
  image: readonly number[];
  layout: 'NCHW' | 'NHWC';
  /** Blocks and head, in order. */
  story: string[];
}

const opsets = [7, 8, 9, 11, 12, 13, 17, 18, 20];
/** Larger maps only cost time. */
const largest = 160;

/** A random image classifier: some blocks in a row or joined by skips, then a head. All draws come from `rng`. */
export function randomModel(rng: Rng): RandomModel {
  const pick = <T>(choices: readonly T[]): T => choices[rng.int(choices.length)];
  const whole = (low: number, high: number) => low + rng.int(high - low + 1);
  const opset = pick(opsets);
  const image = [whole(1, 3), whole(1, 9), whole(1, 9)];
  const layout = rng.uniform() < 0.8 ? 'NCHW' : 'NHWC';
  const given = layout === 'NCHW' ? image : [image[1], image[2], image[0]];
  const batch = rng.uniform() < 0.6 ? null : 1;
  const graph = emptyGraph('random', opset);
  graph.inputs.push({ name: 'image', type: 'f32', dims: [batch, ...given] });
  const known = new Inference(graph);
  known.setShape('image', { type: 'f32', dims: [1, ...given] });
  const emit = new Emitter(graph, known, (node) => known.visit(node));
  const drawing: Drawing = {
    emit,
    rng,
    maps: [layout === 'NCHW' ? 'image' : emit.transpose('image', [0, 3, 1, 2])],
    weights: (dims, fanIn = 1) =>
      emit.constant(
        f32(
          dims,
          Array.from({ length: sizeOf(dims) }, () => rng.normal() / Math.sqrt(fanIn)),
        ),
      ),
    between: (dims, low, high) =>
      emit.constant(
        f32(
          dims,
          Array.from({ length: sizeOf(dims) }, () => low + (high - low) * rng.uniform()),
        ),
      ),
    pick,
    whole,
    chance: (probability) => rng.uniform() < probability,
  };
  const story = [`opset ${opset}`, `image ${[batch ?? 'N', ...given].join('×')}`];
  const names = Object.keys(blocks);
  for (let left = whole(1, 7); left > 0; left--) {
    const name = pick(names);
    // Mostly the newest map, sometimes an older one.
    const x = drawing.chance(0.8) ? (drawing.maps.at(-1) as string) : pick(drawing.maps);
    const before = { nodes: graph.nodes.length, initializers: graph.initializers.size };
    const y = blocks[name](drawing, x);
    if (!y) continue;
    const dims = known.shape(y)?.dims;
    if (!dims) throw new Error(`${name}: ${known.reasons.get(y)} after ${before.nodes} nodes`);
    if (dims.length !== 4 || sizeOf(dims) > largest || dims.includes(0)) continue;
    drawing.maps.push(y);
    story.push(`${name} ${dims.slice(1).join('×')}`);
  }
  const { value, classes, name } = appendHead(drawing, drawing.maps.at(-1) as string);
  story.push(`${name} ${classes}`);
  graph.outputs.push({ name: value, type: 'f32', dims: [batch, classes] });
  return { graph, image, layout, story };
}
