/**
 * The kernels in gpu.js, CPU mode: a function per output element. Entries as in tfjs.mjs. There is no histogram: a gpu.js
 * kernel writes only its own element, so that counting would visit every pixel once per bin.
 */
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { GPU } = require('gpu.js');
const gpu = new GPU({ mode: 'cpu' });

export const versions = { 'gpu.js': require('gpu.js/package.json').version };
export const backends = ['cpu'];
export const use = async () => 1;

const kernel = (body, output, constants) => gpu.createKernel(body, { output, constants, optimizeFloatMemory: true });

export const kernels = {
  gradcam({ activations, gradients }, { height, width }) {
    const [B, C, h, w] = activations.dims;
    const sizes = { C, h, w, area: h * w, height, width, pixels: height * width };
    const weigh = kernel(
      function (gradients) {
        let sum = 0;
        const at = this.thread.x * this.constants.area;
        for (let i = 0; i < this.constants.area; i++) sum += gradients[at + i];
        return sum / this.constants.area;
      },
      [B * C],
      sizes,
    );
    const combine = kernel(
      function (weights, activations) {
        const b = Math.floor(this.thread.x / this.constants.area);
        const i = this.thread.x - b * this.constants.area;
        let sum = 0;
        for (let c = 0; c < this.constants.C; c++) {
          const plane = b * this.constants.C + c;
          sum += weights[plane] * activations[plane * this.constants.area + i];
        }
        return Math.max(sum, 0);
      },
      [B * h * w],
      sizes,
    );
    const resample = kernel(
      function (cams) {
        const b = Math.floor(this.thread.x / this.constants.pixels);
        const i = this.thread.x - b * this.constants.pixels;
        const y = Math.floor(i / this.constants.width);
        const x = i - y * this.constants.width;
        const v = Math.max(0, ((y + 0.5) * this.constants.h) / this.constants.height - 0.5);
        const u = Math.max(0, ((x + 0.5) * this.constants.w) / this.constants.width - 0.5);
        const y0 = Math.floor(v);
        const x0 = Math.floor(u);
        const top = b * this.constants.area + y0 * this.constants.w;
        const bottom = b * this.constants.area + Math.min(y0 + 1, this.constants.h - 1) * this.constants.w;
        const x1 = Math.min(x0 + 1, this.constants.w - 1);
        const left = cams[top + x0] + (v - y0) * (cams[bottom + x0] - cams[top + x0]);
        const right = cams[top + x1] + (v - y0) * (cams[bottom + x1] - cams[top + x1]);
        return left + (u - x0) * (right - left);
      },
      [B * height * width],
      sizes,
    );
    const smallest = kernel(
      function (maps) {
        let low = maps[this.thread.x * this.constants.pixels];
        for (let i = 1; i < this.constants.pixels; i++)
          low = Math.min(low, maps[this.thread.x * this.constants.pixels + i]);
        return low;
      },
      [B],
      sizes,
    );
    const largest = kernel(
      function (maps) {
        let high = maps[this.thread.x * this.constants.pixels];
        for (let i = 1; i < this.constants.pixels; i++)
          high = Math.max(high, maps[this.thread.x * this.constants.pixels + i]);
        return high;
      },
      [B],
      sizes,
    );
    const scale = kernel(
      function (maps, low, high) {
        const b = Math.floor(this.thread.x / this.constants.pixels);
        if (high[b] === low[b]) return 0;
        return (maps[this.thread.x] - low[b]) / (high[b] - low[b]);
      },
      [B * height * width],
      sizes,
    );
    return () => {
      const cams = combine(weigh(gradients.data), activations.data);
      const raw = resample(cams);
      const [low, high] = [smallest(raw), largest(raw)];
      return { maps: scale(raw, low, high), flat: low.map((v, b) => Number(v === high[b])), cams };
    };
  },

  dice({ maps, masks, thresholds }) {
    const [B, P] = maps.dims;
    const overlap = kernel(
      function (maps, masks, thresholds) {
        let both = 0;
        let sum = 0;
        for (let i = 0; i < this.constants.P; i++) {
          let p = 0;
          if (maps[this.thread.x * this.constants.P + i] >= thresholds[this.thread.x]) p = 1;
          let g = 0;
          if (masks[this.thread.x * this.constants.P + i] !== 0) g = 1;
          both += p * g;
          sum += p + g;
        }
        if (sum === 0) return 1;
        return (2 * both) / sum;
      },
      [B],
      { P },
    );
    return () => ({ dice: overlap(maps.data, masks.data, thresholds.data) });
  },

  pairwise({ a, b }) {
    const [N, D] = a.dims;
    const M = b.dims[0];
    const distances = kernel(
      function (a, b) {
        const i = Math.floor(this.thread.x / this.constants.M);
        const j = this.thread.x - i * this.constants.M;
        let sum = 0;
        for (let k = 0; k < this.constants.D; k++) {
          const d = a[i * this.constants.D + k] - b[j * this.constants.D + k];
          sum += d * d;
        }
        return Math.sqrt(sum);
      },
      [N * M],
      { M, D },
    );
    return () => ({ distances: distances(a.data, b.data) });
  },

  nearest({ a, centres }) {
    const [N, D] = a.dims;
    const M = centres.dims[0];
    const sizes = { M, D };
    const find = kernel(
      function (a, centres) {
        let best = 0;
        let index = 0;
        for (let j = 0; j < this.constants.M; j++) {
          let sum = 0;
          for (let k = 0; k < this.constants.D; k++) {
            const d = a[this.thread.x * this.constants.D + k] - centres[j * this.constants.D + k];
            sum += d * d;
          }
          if (j === 0 || sum < best) {
            best = sum;
            index = j;
          }
        }
        return index;
      },
      [N],
      sizes,
    );
    const measure = kernel(
      function (a, centres, index) {
        let sum = 0;
        for (let k = 0; k < this.constants.D; k++) {
          const d = a[this.thread.x * this.constants.D + k] - centres[index[this.thread.x] * this.constants.D + k];
          sum += d * d;
        }
        return Math.sqrt(sum);
      },
      [N],
      sizes,
    );
    return () => {
      const index = find(a.data, centres.data);
      return { index, distance: measure(a.data, centres.data, index) };
    };
  },
};
