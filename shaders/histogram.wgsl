// Histogram and moments; definition in src/kernels/histogram.ts. One workgroup per image. `low` and `high` come
// rounded to float32.

override WORKGROUP: u32 = 256;

struct Params {
  B: u32,
  P: u32,
  bins: u32,
  low: f32,
  high: f32,
}

@group(0) @binding(0) var<storage, read> maps: array<f32>; // [B,P]
@group(0) @binding(1) var<storage, read_write> counts: array<u32>; // [B,bins]
@group(0) @binding(2) var<storage, read_write> binned: array<f32>; // [B,5]
@group(0) @binding(3) var<storage, read_write> raw: array<f32>; // [B,4]
@group(0) @binding(4) var<uniform> params: Params;

const MAXIMUM_BINS = 1024u;
var<workgroup> histogram: array<atomic<u32>, MAXIMUM_BINS>;
var<workgroup> shared_sums: array<vec4f, WORKGROUP>;
var<workgroup> nans: atomic<u32>;
var<workgroup> infinities: atomic<u32>;

fn is_finite(v: f32) -> bool {
  return (bitcast<u32>(v) & 0x7fffffffu) < 0x7f800000u;
}

fn is_nan(v: f32) -> bool {
  return (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u;
}

// Sum over the workgroup, in a fixed order; every lane gets it.
fn total(lane: u32, value: vec4f) -> vec4f {
  workgroupBarrier();
  shared_sums[lane] = value;
  workgroupBarrier();
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      shared_sums[lane] += shared_sums[lane + half];
    }
    workgroupBarrier();
  }
  return workgroupUniformLoad(&shared_sums[0]);
}

// Smallest and largest over the workgroup, in x and y.
fn range(lane: u32, low: f32, high: f32) -> vec2f {
  workgroupBarrier();
  shared_sums[lane] = vec4f(low, high, 0.0, 0.0);
  workgroupBarrier();
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      let other = shared_sums[lane + half];
      shared_sums[lane] = vec4f(min(shared_sums[lane].x, other.x), max(shared_sums[lane].y, other.y), 0.0, 0.0);
    }
    workgroupBarrier();
  }
  return workgroupUniformLoad(&shared_sums[0]).xy;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let b = group.x;
  let first = b * params.P;
  let nan_value = bitcast<f32>(0x7fc00000u | (params.B & 0u));
  for (var i = lane; i < params.bins; i += WORKGROUP) {
    atomicStore(&histogram[i], 0u);
  }
  if (lane == 0u) {
    atomicStore(&nans, 0u);
    atomicStore(&infinities, 0u);
  }
  workgroupBarrier();

  // First pass: bins, sum, range. A shift by the first pixel keeps the sum's digits for maps far from 0.
  let shift = select(maps[first], 0.0, params.P == 0u);
  var sum = 0.0;
  var lost = 0.0;
  var low = 3.4028234e38;
  var high = -3.4028234e38;
  for (var i = lane; i < params.P; i += WORKGROUP) {
    let v = maps[first + i];
    if (is_nan(v)) {
      atomicStore(&nans, 1u);
      continue;
    }
    if (!is_finite(v)) {
      atomicStore(&infinities, 1u); // in no bin
      continue;
    }
    let y = (v - shift) - lost;
    let t = sum + y;
    lost = (t - sum) - y;
    sum = t;
    low = min(low, v);
    high = max(high, v);
    if (v >= params.low && v <= params.high) {
      atomicAdd(&histogram[bin_of(v)], 1u);
    }
  }
  let n = f32(params.P);
  let mean_shifted = total(lane, vec4f(sum, 0.0, 0.0, 0.0)).x / n;
  let extent = range(lane, low, high);
  let has_nan = atomicLoad(&nans) != 0u;

  // Second pass: central moments of the values.
  var moments = vec4f(0.0);
  for (var i = lane; i < params.P; i += WORKGROUP) {
    let d = (maps[first + i] - shift) - mean_shifted;
    moments += vec4f(d, d * d, d * d * d, d * d * d * d);
  }
  moments = total(lane, moments) / n;
  if (lane == 0u) {
    let at = b * 4u;
    if (has_nan || atomicLoad(&infinities) != 0u || params.P == 0u) {
      store_raw(at, vec4f(nan_value));
    } else if (extent.x == extent.y) {
      store_raw(at, vec4f(extent.x, 0.0, 0.0, 0.0));
    } else {
      store_raw(at, vec4f(shift + (mean_shifted + moments.x), standardised(moments)));
    }
  }

  // Moments of the bins about their mean, in units of bins: counts are whole numbers, so little is lost.
  var weighted = vec4f(0.0);
  for (var i = lane; i < params.bins; i += WORKGROUP) {
    let c = atomicLoad(&histogram[i]);
    counts[b * params.bins + i] = c;
    weighted += vec4f(f32(c), f32(c) * f32(i), select(0.0, 1.0, c > 0u), 0.0);
  }
  weighted = total(lane, weighted);
  let inside = weighted.x;
  let mean_bin = weighted.y / inside;
  var central = vec4f(0.0);
  var surprise = 0.0;
  for (var i = lane; i < params.bins; i += WORKGROUP) {
    let p = f32(atomicLoad(&histogram[i])) / inside;
    if (p > 0.0) {
      let d = f32(i) - mean_bin;
      central += p * vec4f(d, d * d, d * d * d, d * d * d * d);
      surprise -= p * log2(p);
    }
  }
  central = total(lane, central);
  let bits = total(lane, vec4f(surprise, 0.0, 0.0, 0.0)).x;
  if (lane == 0u) {
    let at = b * 5u;
    let width = (params.high - params.low) / f32(params.bins);
    var out = vec4f(nan_value);
    var entropy = nan_value;
    if (!has_nan && inside > 0.0) {
      out = vec4f(params.low + (mean_bin + central.x + 0.5) * width, 0.0, 0.0, 0.0);
      entropy = 0.0;
      if (weighted.z > 1.0) {
        let s = standardised(central);
        out = vec4f(out.x, s.x * width * width, s.y, s.z);
        entropy = bits;
      }
    }
    binned[at] = out.x;
    binned[at + 1u] = out.y;
    binned[at + 2u] = out.z;
    binned[at + 3u] = out.w;
    binned[at + 4u] = entropy;
  }
}

// The bin of the reference's float64 rule, ⌊(v − low)·bins / (high − low)⌋. A float32 guess is at most one bin off; the
// sign of (v − low)·bins − guess·(high − low) corrects it. That is taken in parts of 12 bits, whose products with a
// whole number below 2^11 are exact.
fn bin_of(v: f32) -> u32 {
  let bins = f32(params.bins);
  let range = params.high - params.low;
  let d = v - params.low;
  let back = d - v;
  let lost = (v - (d - back)) - (params.low + back); // v − low = d + lost
  let d_head = head(d);
  let range_head = head(range);
  let guess = min(floor(d * bins / range), bins - 1.0);
  let rest = (d_head * bins - guess * range_head) + ((d - d_head) * bins - guess * (range - range_head)) + lost * bins;
  let bin = select(select(guess, guess + 1.0, rest >= range), guess - 1.0, rest < 0.0);
  return u32(clamp(bin, 0.0, bins - 1.0));
}

// The leading 12 bits of a number's 24.
fn head(v: f32) -> f32 {
  return bitcast<f32>(bitcast<u32>(v) & 0xfffff000u);
}

// Means of d, d², d³, d⁴ about a rounded mean → variance, skewness, kurtosis about the true one, which is m.x away.
fn standardised(m: vec4f) -> vec3f {
  let e = m.x;
  let m2 = m.y - e * e;
  if (m2 <= 0.0) {
    return vec3f(0.0);
  }
  let m3 = m.z - 3.0 * e * m.y + 2.0 * e * e * e;
  let m4 = m.w - 4.0 * e * m.z + 6.0 * e * e * m.y - 3.0 * e * e * e * e;
  return vec3f(m2, m3 / (m2 * sqrt(m2)), m4 / (m2 * m2));
}

fn store_raw(at: u32, values: vec4f) {
  raw[at] = values.x;
  raw[at + 1u] = values.y;
  raw[at + 2u] = values.z;
  raw[at + 3u] = values.w;
}
