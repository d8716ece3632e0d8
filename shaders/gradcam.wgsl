// Grad-CAM reduction; definition in src/kernels/gradcam.ts. One workgroup per image, one pass:
// channel weights → weighted sum and ReLU at low resolution → bilinear resampling → range → scaling.

override WORKGROUP: u32 = 256;

struct Params {
  B: u32,
  C: u32,
  h: u32,
  w: u32,
  height: u32,
  width: u32,
  normalise: u32,
}

@group(0) @binding(0) var<storage, read> activations: array<f32>; // [B,C,h,w]
@group(0) @binding(1) var<storage, read> gradients: array<f32>; // [B,C,h,w]
@group(0) @binding(2) var<storage, read_write> maps: array<f32>; // [B,height,width]
@group(0) @binding(3) var<storage, read_write> flat: array<u32>; // [B]
@group(0) @binding(4) var<storage, read_write> cams: array<f32>; // [B,h,w]
@group(0) @binding(5) var<uniform> params: Params;

// Weights of one block of channels.
const BLOCK = 1024u;
var<workgroup> weights: array<f32, BLOCK>;
var<workgroup> lows: array<f32, WORKGROUP>;
var<workgroup> highs: array<f32, WORKGROUP>;
var<workgroup> broken: atomic<u32>;

// Exponent all ones: NaN or infinity. By bits, because compilers may assume that there are none.
fn not_finite(v: f32) -> bool {
  return (bitcast<u32>(v) & 0x7f800000u) == 0x7f800000u;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let b = group.x;
  let area = params.h * params.w;
  let source = b * params.C * area;
  let out = b * params.height * params.width;
  let pixels = params.height * params.width;
  let cam = b * area;
  for (var i = lane; i < area; i += WORKGROUP) {
    cams[cam + i] = 0.0;
  }
  if (lane == 0u) {
    atomicStore(&broken, 0u);
  }

  for (var first = 0u; first < params.C; first += BLOCK) {
    let count = min(BLOCK, params.C - first);
    workgroupBarrier();
    for (var c = lane; c < count; c += WORKGROUP) {
      let at = source + (first + c) * area;
      var sum = 0.0;
      var lost = 0.0; // Kahan compensation
      for (var i = 0u; i < area; i++) {
        let y = gradients[at + i] - lost;
        let t = sum + y;
        lost = (t - sum) - y;
        sum = t;
      }
      weights[c] = sum / f32(area);
    }
    workgroupBarrier();
    for (var i = lane; i < area; i += WORKGROUP) {
      var sum = 0.0;
      var lost = 0.0;
      for (var c = 0u; c < count; c++) {
        let y = weights[c] * activations[source + (first + c) * area + i] - lost;
        let t = sum + y;
        lost = (t - sum) - y;
        sum = t;
      }
      cams[cam + i] += sum;
    }
  }
  workgroupBarrier();
  for (var i = lane; i < area; i += WORKGROUP) {
    let v = cams[cam + i];
    if (not_finite(v)) {
      atomicStore(&broken, 1u);
    } else {
      cams[cam + i] = max(v, 0.0);
    }
  }
  // Other lanes read what this one wrote to the storage buffer.
  storageBarrier();
  workgroupBarrier();

  var low = 3.4028234e38;
  var high = -3.4028234e38;
  for (var p = lane; p < pixels; p += WORKGROUP) {
    let v = resample(cam, p / params.width, p % params.width);
    maps[out + p] = v;
    low = min(low, v);
    high = max(high, v);
  }
  lows[lane] = low;
  highs[lane] = high;
  workgroupBarrier();
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      lows[lane] = min(lows[lane], lows[lane + half]);
      highs[lane] = max(highs[lane], highs[lane + half]);
    }
    workgroupBarrier();
  }
  low = lows[0];
  high = highs[0];
  let bad = atomicLoad(&broken) != 0u;
  // Below the smallest normal number 1 / (high - low) may be infinite, and devices may flush the difference to 0.
  let constant_map = high - low < 1.1754944e-38;
  if (lane == 0u) {
    flat[b] = select(0u, 1u, constant_map && !bad);
  }
  if (bad) {
    // NaN through a value the compiler cannot see through: a literal NaN is an error in WGSL.
    let nan = bitcast<f32>(0x7fc00000u | (params.B & 0u));
    for (var p = lane; p < pixels; p += WORKGROUP) {
      maps[out + p] = nan;
    }
    for (var i = lane; i < area; i += WORKGROUP) {
      cams[cam + i] = nan;
    }
  } else if (params.normalise != 0u) {
    let scale = select(1.0 / (high - low), 0.0, constant_map);
    for (var p = lane; p < pixels; p += WORKGROUP) {
      let v = maps[out + p];
      // The maximum is 1 exactly, which scaling by a rounded reciprocal would miss.
      maps[out + p] = select(min(1.0, (v - low) * scale), 1.0, v == high && !constant_map);
    }
  }
}

// Bilinear, half-pixel centres, edges clamped.
fn resample(cam: u32, y: u32, x: u32) -> f32 {
  let v = max(0.0, (f32(y) + 0.5) * f32(params.h) / f32(params.height) - 0.5);
  let u = max(0.0, (f32(x) + 0.5) * f32(params.w) / f32(params.width) - 0.5);
  let y0 = min(u32(v), params.h - 1u);
  let x0 = min(u32(u), params.w - 1u);
  let y1 = min(y0 + 1u, params.h - 1u);
  let x1 = min(x0 + 1u, params.w - 1u);
  let fy = v - f32(y0);
  let fx = u - f32(x0);
  let top = cam + y0 * params.w;
  let bottom = cam + y1 * params.w;
  let left = cams[top + x0] + fy * (cams[bottom + x0] - cams[top + x0]);
  let right = cams[top + x1] + fy * (cams[bottom + x1] - cams[top + x1]);
  return left + fx * (right - left);
}
