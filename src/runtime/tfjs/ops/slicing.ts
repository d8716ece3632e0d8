import { intAttribute, stringAttribute } from '../../../graph/ir.js';
import { axisOf } from '../../../graph/ops/rules.js';
import { padsOf, paddedPositions, rangesOf } from '../../../graph/ops/slicing.js';
import { inOwnLayout } from '../elementwise.js';
import type { NodeRun, Op } from '../node_run.js';
import type { Result, Tf, TfTensor } from '../value.js';

function sliced(run: NodeRun): Result {
  const { tf, node } = run;
  const value = run.value(0);
  return inOwnLayout(value, (x, order) => {
    const ranges = order(rangesOf(node, value.dims, (index) => run.numbers(index)));
    const counts = ranges.map((range) => range.count);
    if (counts.includes(0)) return tf.zeros(counts, x.dtype as 'float32');
    const back = ranges.flatMap(({ step }, axis) => (step < 0 ? [axis] : []));
    // Backwards: forwards over the same places, then reversed.
    const places = ranges.map(({ start, count, step }) => ({
      first: step < 0 ? start + (count - 1) * step : start,
      length: (count - 1) * Math.abs(step) + 1,
      step: Math.abs(step),
    }));
    const cut = tf.slice(
      x,
      places.map((p) => p.first),
      places.map((p) => p.length),
    );
    const every = places.every((p) => p.step === 1)
      ? cut
      : tf.stridedSlice(
          cut,
          places.map(() => 0),
          cut.shape,
          places.map((p) => p.step),
        );
    return back.length > 0 ? tf.reverse(every, back) : every;
  });
}

/** Copies the border's pixels outwards, axis by axis. */
function repeated(tf: Tf, x: TfTensor, mode: string, begins: number[], ends: number[]): TfTensor {
  return begins.reduce((y, begin, axis) => {
    if (begin <= 0 && ends[axis] <= 0) return y;
    const positions = paddedPositions(mode, y.shape[axis], Math.max(0, begin), Math.max(0, ends[axis]));
    return tf.gather(y, tf.tensor1d(Int32Array.from(positions), 'int32'), axis);
  }, x);
}

function padded(run: NodeRun): Result {
  const { tf, node } = run;
  const value = run.value(0);
  const pads = padsOf(node, value.rank, (index) => run.numbers(index));
  const mode = stringAttribute(node, 'mode', 'constant');
  const attribute = node.attributes.value;
  const filler = run.numbers(2)?.[0] ?? (attribute?.kind === 'float' ? attribute.value : 0);
  return inOwnLayout(value, (x, order) => {
    const begins = order(pads.slice(0, value.rank));
    const ends = order(pads.slice(value.rank));
    // Negative pads crop.
    const starts = begins.map((pad) => Math.max(0, -pad));
    const sizes = x.shape.map((size, axis) => size - starts[axis] - Math.max(0, -ends[axis]));
    const cropped = [...begins, ...ends].some((pad) => pad < 0) ? tf.slice(x, starts, sizes) : x;
    if (mode !== 'constant') return own(tf, repeated(tf, cropped, mode, begins, ends), x);
    const pairs = begins.map((pad, axis) => [Math.max(0, pad), Math.max(0, ends[axis])] as [number, number]);
    return pairs.flat().every((pad) => pad === 0) ? own(tf, cropped, x) : filled(tf, cropped, pairs, filler);
  });
}

/** TensorFlow.js pads up to four axes; axes that are not padded count as one with their neighbours. */
function filled(tf: Tf, x: TfTensor, pairs: readonly [number, number][], value: number): TfTensor {
  const sizes: number[] = [];
  const widths: [number, number][] = [];
  let open = false;
  pairs.forEach(([before, after], axis) => {
    const still = before === 0 && after === 0;
    if (still && open) sizes[sizes.length - 1] *= x.shape[axis];
    else {
      sizes.push(x.shape[axis]);
      widths.push([before, after]);
    }
    open = still;
  });
  const dims = x.shape.map((size, axis) => size + pairs[axis][0] + pairs[axis][1]);
  return tf.reshape(tf.pad(tf.reshape(x, sizes), widths, value), dims);
}

function own(tf: Tf, y: TfTensor, x: TfTensor): TfTensor {
  return y === x ? tf.clone(y) : y;
}

export const slicing: Record<string, Op> = {
  Slice: sliced,
  Pad: padded,
  CumSum: (run) => {
    const { tf, node } = run;
    const axis = axisOf(run.numbers(1)?.[0] ?? 0, run.value(0).rank);
    const flag = (name: string) => intAttribute(node, name, 0) === 1;
    return tf.cumsum(run.x(), axis, flag('exclusive'), flag('reverse'));
  },
  Trilu: (run) => {
    const { tf, node } = run;
    const x = run.x();
    const [rows, columns] = x.shape.slice(-2);
    const k = run.numbers(1)?.[0] ?? 0;
    const upper = intAttribute(node, 'upper', 1) === 1;
    const mask = Uint8Array.from({ length: rows * columns }, (_, i) => {
      const distance = (i % columns) - Math.floor(i / columns);
      return Number(upper ? distance >= k : distance <= k);
    });
    return tf.where(tf.tensor2d(mask, [rows, columns], 'bool'), x, tf.zerosLike(x));
  },
};
