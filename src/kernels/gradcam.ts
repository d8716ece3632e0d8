import { SightlineError } from '../core/errors.js';
import { defineOp, spec } from '../backend/op.js';

/**
 * Grad-CAM reduction (Selvaraju et al., ICCV 2017).
 *   weight_c = mean over (h, w) of gradient_c
 *   cam      = ReLU(Σ_c weight_c · activation_c)
 *   map      = cam resampled to height × width: bilinear, half-pixel centres, edges clamped
 *              (torch's interpolate(mode='bilinear', align_corners=False))
 *   normalise = 1: (map − min) / (max − min); a constant map becomes zeros and `flat` is 1
 *   normalise = 0: map as it is, in logit units; `flat` says whether it is constant
 * `cams` is the cam itself, at the activation's size and in logit units.
 * A NaN or infinity anywhere in the cam makes cam and map NaN throughout, and flat 0.
 */
export const gradcam = defineOp({
  name: 'gradcam',
  inputs: { activations: spec('f32', 'B', 'C', 'h', 'w'), gradients: spec('f32', 'B', 'C', 'h', 'w') },
  params: { height: 1, width: 1, normalise: 1 },
  outputs: { maps: spec('f32', 'B', 'height', 'width'), flat: spec('u32', 'B'), cams: spec('f32', 'B', 'h', 'w') },

  check({ C, h, w }, { height, width }) {
    if (C * h * w > 0 && height > 0 && width > 0) return;
    throw new SightlineError('E_SHAPE', {
      where: 'gradcam',
      what: `activations [C,h,w] = [${C},${h},${w}] → [${height},${width}] has no pixels`,
    });
  },

  reference({ activations, gradients }, { maps, flat, cams }, { B, C, h, w }, { height, width, normalise }) {
    const area = h * w;
    const cam = new Float64Array(area);
    const map = new Float64Array(height * width);
    for (let b = 0; b < B; b++) {
      cam.fill(0);
      for (let c = 0; c < C; c++) {
        const at = (b * C + c) * area;
        let weight = 0;
        for (let i = 0; i < area; i++) weight += gradients[at + i];
        weight /= area;
        for (let i = 0; i < area; i++) cam[i] += weight * activations[at + i];
      }
      const finite = cam.every(Number.isFinite);
      for (let i = 0; i < area; i++) cam[i] = Math.max(0, cam[i]);
      if (finite) cams.set(cam, b * area);
      else cams.fill(NaN, b * area, (b + 1) * area);
      resample(cam, h, w, map, height, width);

      let low = Infinity;
      let high = -Infinity;
      for (const value of map) {
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
      flat[b] = Number(finite && low === high);
      const out = maps.subarray(b * height * width, (b + 1) * height * width);
      if (!finite) out.fill(NaN);
      else if (!normalise) out.set(map);
      else if (low === high) out.fill(0);
      else for (let i = 0; i < map.length; i++) out[i] = (map[i] - low) / (high - low);
    }
  },

  native: true,
  wgsl: {
    overrides: () => ({ WORKGROUP: 256 }),
    uniforms: [
      ['B', 'u32'],
      ['C', 'u32'],
      ['h', 'u32'],
      ['w', 'u32'],
      ['height', 'u32'],
      ['width', 'u32'],
      ['normalise', 'u32'],
    ],
    workgroups: ({ B }) => [B],
    splitBy: 'B',
  },
  // The map is scaled by its own range, so that float32 noise of the weighted sum shows relative to 1.
  tolerance: { native: { relative: 1e-6, absolute: 1e-6 }, webgpu: { relative: 1e-4, absolute: 2e-5 } },
  bytes: ({ B, C, h, w }, { height, width }) => 4 * B * (2 * C * h * w + height * width + h * w + 1),
  flops: ({ B, C, h, w }, { height, width }) => B * (3 * C * h * w + 8 * height * width),
});

/** Bilinear resampling of from [h,w] into to [H,W]: half-pixel centres, edges clamped. */
function resample(from: Float64Array, h: number, w: number, to: Float64Array, H: number, W: number): void {
  for (let y = 0; y < H; y++) {
    const v = Math.max(0, ((y + 0.5) * h) / H - 0.5);
    const y0 = Math.min(Math.floor(v), h - 1);
    const y1 = Math.min(y0 + 1, h - 1);
    for (let x = 0; x < W; x++) {
      const u = Math.max(0, ((x + 0.5) * w) / W - 0.5);
      const x0 = Math.min(Math.floor(u), w - 1);
      const x1 = Math.min(x0 + 1, w - 1);
      const left = from[y0 * w + x0] + (v - y0) * (from[y1 * w + x0] - from[y0 * w + x0]);
      const right = from[y0 * w + x1] + (v - y0) * (from[y1 * w + x1] - from[y0 * w + x1]);
      to[y * W + x] = left + (u - x0) * (right - left);
    }
  }
}
