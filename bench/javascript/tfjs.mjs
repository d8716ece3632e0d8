/**
 * The kernels in TensorFlow.js operations. Every entry takes the case's inputs and parameters and returns a function that
 * computes the op's outputs; tensors are made outside of it, what it returns is downloaded inside, as a caller needs it.
 */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { getThreadsCount } from '@tensorflow/tfjs-backend-wasm';

tf.enableProdMode();

export const versions = { tfjs: tf.version_core };
export const backends = ['wasm', 'cpu'];

/** Makes tfjs use one of its backends; returns the number of threads it then uses. */
export async function use(backend) {
  if (!(await tf.setBackend(backend))) throw new Error(`tfjs has no ${backend} backend here`);
  await tf.ready();
  return backend === 'wasm' ? getThreadsCount() : 1;
}

const tensorOf = ({ data, dims }, dtype = 'float32') => tf.tensor(data, dims, dtype);

/** Runs `compute` and downloads what it returns, leaving no tensor behind. */
function downloading(compute) {
  return async () => {
    const outputs = tf.tidy(compute);
    const entries = await Promise.all(Object.entries(outputs).map(async ([name, t]) => [name, await t.data()]));
    tf.dispose(outputs);
    return Object.fromEntries(entries);
  };
}

export const kernels = {
  gradcam({ activations, gradients }, { height, width }) {
    const [B, C, h, w] = activations.dims;
    const [a, g] = [activations, gradients].map(({ data }) => tf.tensor(data, [B, C, h * w]));
    return downloading(() => {
      const weights = tf.reshape(tf.mean(g, 2), [B, 1, C]);
      const cams = tf.reshape(tf.relu(tf.matMul(weights, a)), [B, h, w, 1]);
      const maps = tf.reshape(tf.image.resizeBilinear(cams, [height, width], false, true), [B, height * width]);
      const low = tf.min(maps, 1, true);
      const range = tf.sub(tf.max(maps, 1, true), low);
      return {
        maps: tf.mul(tf.sub(maps, low), tf.divNoNan(1, range)),
        flat: tf.cast(tf.equal(range, 0), 'int32'),
        cams,
      };
    });
  },

  dice({ maps, masks, thresholds }) {
    const [p, t] = [tensorOf(maps), tf.tidy(() => tf.expandDims(tensorOf(thresholds), 1))];
    const g = tf.tidy(() =>
      tf.cast(tf.notEqual(tensorOf({ ...masks, data: Int32Array.from(masks.data) }, 'int32'), 0), 'float32'),
    );
    return downloading(() => {
      // What is not below the threshold: comparisons that broadcast are several times slower than this on wasm.
      const below = tf.step(tf.sub(t, p));
      const sumOfMask = tf.sum(g, 1);
      const overlap = tf.sub(sumOfMask, tf.sum(tf.mul(below, g), 1));
      const inside = tf.sub(maps.dims[1], tf.sum(below, 1));
      return { dice: tf.div(tf.mul(2, overlap), tf.add(inside, sumOfMask)) };
    });
  },

  histogram({ maps }, { bins, low, high }) {
    const x = tensorOf(maps);
    const centres = tf.tidy(() => tf.add(low, tf.mul(tf.add(tf.range(0, bins), 0.5), (high - low) / bins)));
    const standardised = (mean, m2, m3, m4) =>
      tf.stack([mean, m2, tf.div(m3, tf.pow(m2, 1.5)), tf.div(m4, tf.square(m2))], 1);
    return downloading(() => {
      const index = tf.cast(tf.minimum(tf.floor(tf.mul(tf.sub(x, low), bins / (high - low))), bins - 1), 'int32');
      const counts = tf.denseBincount(index, [], bins);
      const p = tf.div(counts, maps.dims[1]);
      const centre = tf.sum(tf.mul(p, centres), 1);
      const d = tf.sub(tf.expandDims(centres, 0), tf.expandDims(centre, 1));
      const ofBins = (k) => tf.sum(tf.mul(p, tf.pow(d, k)), 1);
      const entropy = tf.neg(tf.sum(tf.mul(p, tf.log(tf.maximum(p, 1e-30))), 1));
      const mean = tf.mean(x, 1);
      const e = tf.sub(x, tf.expandDims(mean, 1));
      const squares = tf.square(e);
      const raw = standardised(
        mean,
        tf.mean(squares, 1),
        tf.mean(tf.mul(squares, e), 1),
        tf.mean(tf.square(squares), 1),
      );
      const binned = tf.concat(
        [standardised(centre, ofBins(2), ofBins(3), ofBins(4)), tf.expandDims(tf.div(entropy, Math.LN2), 1)],
        1,
      );
      return { counts, binned, raw };
    });
  },

  pairwise({ a, b }) {
    const [x, y] = [tensorOf(a), tensorOf(b)];
    return downloading(() => ({ distances: tf.sqrt(tf.relu(squaredDistances(x, y))) }));
  },

  nearest({ a, centres }) {
    const [x, y] = [tensorOf(a), tensorOf(centres)];
    return downloading(() => {
      const squared = squaredDistances(x, y);
      return { index: tf.argMin(squared, 1), distance: tf.sqrt(tf.relu(tf.min(squared, 1))) };
    });
  },
};

/** |x|² + |y|² − 2 x·y; with the transpose of its own, which is ten times as fast on wasm as the flag of matMul. */
function squaredDistances(x, y) {
  const norms = tf.add(tf.sum(tf.square(x), 1, true), tf.expandDims(tf.sum(tf.square(y), 1), 0));
  return tf.sub(norms, tf.mul(2, tf.matMul(x, tf.transpose(y))));
}
