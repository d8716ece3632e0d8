import type { Emitter } from '../emitter.js';
import { appendGradient } from '../gradient.js';
import { applyAlong, matrix, type Matrix } from '../ops/axes.js';

/** Loss on where the model looks: weight · mean over samples with an ROI of 1 − soft Dice(Grad-CAM, ROI). */
export interface AlignmentSettings {
  weight: number;
  /** Target layer of Grad-CAM: a value, node or module name. Default: the last spatial activation. */
  layer?: string;
}

/**
 * Appends 1 − soft Dice between each sample's Grad-CAM and its region of interest, the mean over samples that have one:
 * what XAL measures when it selects, as a loss. Grad-CAM is that of the labels (Σ targets · logits), divided by its
 * maximum; the ROI is averaged over the map's pixels. The map's own gradient pass stands in standard ops, so that the
 * loss can be differentiated through it once more.
 * @param layer [B,C,h,w]
 * @param rois f32[B,H,W]
 * @returns a value f32[], 0 where no sample has an ROI
 */
export function appendAlignment(emit: Emitter, layer: string, logits: string, targets: string, rois: string): string {
  const gradient = appendGradient(emit.graph, emit, logits, targets, layer);
  const [batch, , height, width] = emit.dims(layer);
  const importance = emit.scale(emit.reduceSum(gradient, [2, 3], true), 1 / (height * width));
  const map = emit.op('Relu', [emit.reduceSum(emit.mul(importance, layer), [1], false)]);
  const flat = emit.reshape(map, [batch, height * width]);
  const peak = emit.op('ReduceMax', emit.opset < 18 ? [flat] : [flat, emit.ints([1])], {
    ...(emit.opset < 18 && { axes: [1] }),
    keepdims: 1,
  });
  const looked = emit.div(flat, emit.add(peak, emit.mask('Equal', peak, emit.scalar(peak, 0))));
  const rows = applyAlong(emit, rois, 1, areaMeans(emit.dims(rois)[1], height));
  const region = emit.reshape(applyAlong(emit, rows, 2, areaMeans(emit.dims(rois)[2], width)), [batch, height * width]);
  const sum = (value: string) => emit.reduceSum(value, [1], false);
  const inside = sum(region);
  const present = emit.mask('Greater', inside, emit.scalar(inside, 0));
  const absent = emit.sub(emit.scalar(inside, 1), present);
  const overlap = emit.scale(sum(emit.mul(looked, region)), 2);
  // Nothing is divided by 0 where a sample has no ROI and no map.
  const dice = emit.div(overlap, emit.add(emit.add(sum(looked), inside), absent));
  const missed = emit.reduceSum(emit.mul(present, emit.sub(emit.scalar(dice, 1), dice)), [0], false);
  const count = emit.op('Max', [emit.reduceSum(present, [0], false), emit.scalar(present, 1)]);
  return emit.reshape(emit.div(missed, count), []);
}

/** Means over `to` equal parts of `from` pixels, those that a border cuts weighted by their share. */
function areaMeans(from: number, to: number): Matrix {
  const means = matrix(to, from);
  const step = from / to;
  for (let i = 0; i < to; i++) {
    for (let j = Math.floor(i * step); j < Math.min(from, Math.ceil((i + 1) * step)); j++) {
      const share = Math.min(j + 1, (i + 1) * step) - Math.max(j, i * step);
      means.values[i * from + j] = share / step;
    }
  }
  return means;
}
