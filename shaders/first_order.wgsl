// First-order statistics; definition in src/kernels/first_order.ts. One workgroup per image. Sums are taken in units of the
// image's range, about a first guess of the mean; the percentiles come from a radix selection, eight bits at a time.

override WORKGROUP: u32 = 256;

struct Params {
  B: u32,
  P: u32,
  scale: f32,
  scaleRest: f32, // what float32 drops of it
  shift: f32,
  binWidth: f32,
  binWidthRest: f32,
  binCount: u32,
  levels: u32,
  voxelVolume: f32,
}

@group(0) @binding(0) var<storage, read> maps: array<f32>; // [B,P]
@group(0) @binding(1) var<storage, read> masks: array<u32>; // u8[B,P], packed
@group(0) @binding(2) var<storage, read_write> features: array<f32>; // [B,19]
@group(0) @binding(3) var<uniform> params: Params;

const FEATURES = 19u;
const MAXIMUM_LEVELS = 1024u;
// 10, 25, 50, 75, 90 %.
const QUANTILES = 5u;
const LOWER_DECILE = 0u;
const UPPER_DECILE = 4u;

var<workgroup> shared_sums: array<vec4f, WORKGROUP>;
var<workgroup> level_counts: array<atomic<u32>, MAXIMUM_LEVELS>;
var<workgroup> digits: array<atomic<u32>, 1280>; // [QUANTILES,256]
var<workgroup> inside_count: atomic<u32>;
var<workgroup> unusable: atomic<u32>;
// Of the order statistic below each quantile: leading bits of its key, rank among the values that share them, how many
// equal it, whose digits count for it, and the next larger key.
var<workgroup> prefixes: array<u32, QUANTILES>;
var<workgroup> ranks: array<u32, QUANTILES>;
var<workgroup> twins: array<u32, QUANTILES>;
var<workgroup> owners: array<u32, QUANTILES>;
var<workgroup> successors: array<atomic<u32>, QUANTILES>;

fn inside(i: u32) -> bool {
  return ((masks[i / 4u] >> (8u * (i % 4u))) & 0xffu) != 0u;
}

fn is_finite(v: f32) -> bool {
  return (bitcast<u32>(v) & 0x7f800000u) != 0x7f800000u;
}

// A number that orders as the value does; both zeros have the same.
fn key_of(v: f32) -> u32 {
  let bits = bitcast<u32>(v);
  return select(select(bits | 0x80000000u, ~bits, bits > 0x80000000u), 0x80000000u, bits == 0x80000000u);
}

fn value_of(key: u32) -> f32 {
  return bitcast<f32>(select(~key, key & 0x7fffffffu, key >= 0x80000000u));
}

// Sum over the workgroup, in a fixed order: sixteen lanes add every sixteenth value, every lane adds those.
fn total(lane: u32, value: vec4f) -> vec4f {
  workgroupBarrier();
  shared_sums[lane] = value;
  workgroupBarrier();
  if (lane < 16u) {
    for (var i = lane + 16u; i < WORKGROUP; i += 16u) {
      shared_sums[lane] += shared_sums[i];
    }
  }
  workgroupBarrier();
  var sum = shared_sums[0];
  for (var i = 1u; i < 16u; i++) {
    sum += shared_sums[i];
  }
  return sum;
}

// Smallest and largest over the workgroup, in x and y.
fn range(lane: u32, low: f32, high: f32) -> vec2f {
  shared_sums[lane] = vec4f(low, high, 0.0, 0.0);
  workgroupBarrier();
  var extent = vec2f(low, high);
  for (var i = 0u; i < WORKGROUP; i++) {
    let other = shared_sums[i];
    extent = vec2f(min(extent.x, other.x), max(extent.y, other.y));
  }
  return extent;
}

// Where each quantile lies among n + 1 ordered values: whole places, and the rest of one more in tenths or quarters.
fn place(quantile: u32, n: u32) -> vec2u {
  switch quantile {
    case 0u: { return vec2u(n / 10u, n % 10u); }
    case 1u: { return vec2u(n / 4u, n % 4u); }
    case 2u: { return vec2u(n / 2u, n % 2u); }
    case 3u: { return vec2u(n - (n + 3u) / 4u, (4u - n % 4u) % 4u); }
    default: { return vec2u(n - (n + 9u) / 10u, (10u - n % 10u) % 10u); }
  }
}

// One digit more of every order statistic.
fn narrow(lane: u32, first: u32, digit_at: u32) {
  for (var i = lane; i < QUANTILES * 256u; i += WORKGROUP) {
    atomicStore(&digits[i], 0u);
  }
  if (lane == 0u) {
    for (var k = 0u; k < QUANTILES; k++) {
      owners[k] = k;
      if (k > 0u && prefixes[k - 1u] == prefixes[k]) { // prefixes ascend
        owners[k] = owners[k - 1u];
      }
    }
  }
  workgroupBarrier();
  for (var i = lane; i < params.P; i += WORKGROUP) {
    if (!inside(first + i)) {
      continue;
    }
    let key = key_of(maps[first + i]) >> digit_at;
    var owner = QUANTILES;
    for (var k = 0u; k < QUANTILES; k++) {
      owner = select(owner, owners[k], prefixes[k] == (key >> 8u));
    }
    if (owner < QUANTILES) {
      atomicAdd(&digits[256u * owner + (key & 0xffu)], 1u);
    }
  }
  workgroupBarrier();
  if (lane < QUANTILES) {
    let table = 256u * owners[lane];
    var rank = ranks[lane];
    var digit = 0u;
    for (; digit < 255u; digit++) {
      let here = atomicLoad(&digits[table + digit]);
      if (rank < here) {
        break;
      }
      rank -= here;
    }
    twins[lane] = atomicLoad(&digits[table + digit]);
    ranks[lane] = rank;
    prefixes[lane] = (prefixes[lane] << 8u) | digit;
  }
  workgroupBarrier();
}

// The leading 12 bits of a number's 24: products of two halves are exact.
fn head(v: f32) -> f32 {
  return bitcast<f32>(bitcast<u32>(v) & 0xfffff000u);
}

// What the rounded product of a and b drops.
fn dropped(a: f32, b: f32) -> f32 {
  let a_head = head(a);
  let b_head = head(b);
  return ((a_head * b_head - a * b) + a_head * (b - b_head) + (a - a_head) * b_head) + (a - a_head) * (b - b_head);
}

// v·scale − bin·width, nearly exact where the two are close.
fn remainder(v: f32, bin: f32) -> f32 {
  let rest = (dropped(v, params.scale) - dropped(bin, params.binWidth)) + (v * params.scaleRest - bin * params.binWidthRest);
  return (v * params.scale - bin * params.binWidth) + rest;
}

// ⌊v·scale/width⌋: the sign of the remainder corrects a guess that may be one off.
fn width_bin(v: f32) -> f32 {
  let guess = floor(v * params.scale / params.binWidth);
  let rest = remainder(v, guess);
  return select(select(guess, guess + 1.0, rest >= params.binWidth), guess - 1.0, rest < 0.0);
}

// ⌊(v − low)·bins / (high − low)⌋, corrected in the same way; see histogram.wgsl.
fn count_bin(v: f32, low: f32, high: f32) -> f32 {
  let bins = f32(params.binCount);
  let span = difference(high, low);
  let d = difference(v, low);
  let guess = clamp(floor(d.x * bins / span.x), 0.0, bins - 1.0);
  let span_head = head(span.x);
  let d_head = head(d.x);
  let rest = (d_head * bins - guess * span_head) + ((d.x - d_head) * bins - guess * (span.x - span_head))
    + (d.y * bins - guess * span.y);
  return clamp(select(select(guess, guess + 1.0, rest >= span.x), guess - 1.0, rest < 0.0), 0.0, bins - 1.0);
}

// a − b, and what rounding dropped of it.
fn difference(a: f32, b: f32) -> vec2f {
  let d = a - b;
  let back = d - a;
  return vec2f(d, (a - (d - back)) - (b + back));
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let b = group.x;
  let first = b * params.P;

  // Range and size of the region.
  var counted = 0u;
  var spoilt = 0u;
  var low = 3.4028234e38;
  var high = -3.4028234e38;
  for (var i = lane; i < params.P; i += WORKGROUP) {
    if (!inside(first + i)) {
      continue;
    }
    let v = maps[first + i];
    counted += 1u;
    spoilt |= select(1u, 0u, is_finite(v));
    low = min(low, v);
    high = max(high, v);
  }
  atomicAdd(&inside_count, counted);
  atomicOr(&unusable, spoilt);
  for (var i = lane; i < MAXIMUM_LEVELS; i += WORKGROUP) {
    atomicStore(&level_counts[i], 0u);
  }
  let extent = range(lane, low, high);
  low = extent.x;
  high = extent.y;
  let n_inside = atomicLoad(&inside_count);
  let n = f32(n_inside);
  let span = high - low;
  let flat = low == high;
  let unit = select(1.0 / span, 0.0, flat);

  // Grey levels, as far as they are few enough.
  let bins_below = width_bin(low);
  var highest = width_bin(high) - bins_below + 1.0;
  if (params.binCount > 0u) {
    highest = select(f32(params.binCount), f32(params.binCount / 2u + 1u), flat);
  }
  let countable = highest <= f32(params.levels);

  // Mean, energy, grey levels.
  var sums = vec4f(0.0);
  for (var i = lane; i < params.P; i += WORKGROUP) {
    if (!inside(first + i)) {
      continue;
    }
    let v = maps[first + i];
    let shifted = v * params.scale + params.shift;
    sums += vec4f((v - low) * unit, shifted * shifted, 0.0, 0.0);
    if (countable && !flat) {
      var bin = 0.0;
      if (params.binCount > 0u) {
        bin = count_bin(v, low, high);
      } else {
        bin = width_bin(v) - bins_below;
      }
      atomicAdd(&level_counts[u32(clamp(bin, 0.0, f32(MAXIMUM_LEVELS - 1u)))], 1u);
    }
  }
  sums = total(lane, sums);
  let energy = sums.y;
  let mean_guess = sums.x / n; // in units of the range, from `low`
  var disorder = vec4f(0.0);
  for (var i = lane; i < MAXIMUM_LEVELS; i += WORKGROUP) {
    let p = f32(atomicLoad(&level_counts[i])) / n;
    if (p > 0.0) {
      disorder += vec4f(-p * log2(p), p * p, 0.0, 0.0);
    }
  }
  disorder = total(lane, disorder);

  // Percentiles: the order statistics on either side of each.
  if (lane < QUANTILES) {
    prefixes[lane] = 0u;
    ranks[lane] = place(lane, max(n_inside, 1u) - 1u).x;
    atomicStore(&successors[lane], 0xffffffffu);
  }
  workgroupBarrier();
  for (var digit_at = 24i; digit_at >= 0; digit_at -= 8) {
    narrow(lane, first, u32(digit_at));
  }
  var above = array<u32, QUANTILES>(0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu);
  // Central moments on the way.
  var moments = vec4f(0.0);
  for (var i = lane; i < params.P; i += WORKGROUP) {
    if (!inside(first + i)) {
      continue;
    }
    let v = maps[first + i];
    let key = key_of(v);
    for (var k = 0u; k < QUANTILES; k++) {
      above[k] = select(above[k], min(above[k], key), key > prefixes[k]);
    }
    let d = (v - low) * unit - mean_guess;
    moments += vec4f(d, d * d, d * d * d, d * d * d * d);
  }
  for (var k = 0u; k < QUANTILES; k++) {
    atomicMin(&successors[k], above[k]);
  }
  moments = total(lane, moments) / n;
  let mean = mean_guess + moments.x;
  var quantiles = array<f32, QUANTILES>(); // from `low`: far from 0 their differences keep their digits
  for (var k = 0u; k < QUANTILES; k++) {
    let a = value_of(prefixes[k]);
    let next = atomicLoad(&successors[k]);
    let rest = place(k, max(n_inside, 1u) - 1u).y;
    quantiles[k] = a - low;
    if (rest > 0u && ranks[k] + 1u >= twins[k] && next != 0xffffffffu) {
      let divisor = select(select(4.0, 2.0, k == 2u), 10.0, k == LOWER_DECILE || k == UPPER_DECILE);
      quantiles[k] += (value_of(next) - a) * (f32(rest) / divisor);
    }
  }

  // Values in [P10, P90], told by their keys: those from the order statistic on or above P10 to the one on or below P90.
  let from_next = place(LOWER_DECILE, max(n_inside, 1u) - 1u).y > 0u && ranks[LOWER_DECILE] + 1u >= twins[LOWER_DECILE];
  let from_key = select(prefixes[LOWER_DECILE], atomicLoad(&successors[LOWER_DECILE]), from_next);
  let to_key = prefixes[UPPER_DECILE];
  var deviations = vec4f(0.0);
  for (var i = lane; i < params.P; i += WORKGROUP) {
    if (!inside(first + i)) {
      continue;
    }
    let v = maps[first + i];
    let key = key_of(v);
    let x = (v - low) * unit;
    let within = select(0.0, 1.0, key >= from_key && key <= to_key);
    deviations += vec4f(abs(x - mean), within, within * (x - mean), 0.0);
  }
  deviations = total(lane, deviations);
  let robust_mean = deviations.z / deviations.y;
  var robust = 0.0;
  for (var i = lane; i < params.P; i += WORKGROUP) {
    if (!inside(first + i)) {
      continue;
    }
    let v = maps[first + i];
    let key = key_of(v);
    if (key >= from_key && key <= to_key) {
      robust += abs(((v - low) * unit - mean) - robust_mean);
    }
  }
  robust = total(lane, vec4f(robust, 0.0, 0.0, 0.0)).x / deviations.y;

  if (lane != 0u) {
    return;
  }
  let nan_value = bitcast<f32>(0x7fc00000u | (params.B & 0u));
  let at = b * FEATURES;
  if (n_inside == 0u || atomicLoad(&unusable) != 0u) {
    for (var k = 0u; k < FEATURES; k++) {
      features[at + k] = nan_value;
    }
    return;
  }
  let spread = span * params.scale;
  let s = standardised(moments);
  features[at] = (low + quantiles[0]) * params.scale;
  features[at + 1u] = (low + quantiles[4]) * params.scale;
  features[at + 2u] = energy;
  features[at + 3u] = select(nan_value, select(disorder.x, 0.0, flat), countable);
  features[at + 4u] = (quantiles[3] - quantiles[1]) * params.scale;
  features[at + 5u] = s.z;
  features[at + 6u] = high * params.scale;
  features[at + 7u] = deviations.x / n * spread;
  features[at + 8u] = select((low + mean * span) * params.scale, low * params.scale, flat);
  features[at + 9u] = (low + quantiles[2]) * params.scale;
  features[at + 10u] = low * params.scale;
  features[at + 11u] = spread;
  features[at + 12u] = select(nan_value, select(robust * spread, 0.0, from_key == to_key), from_key <= to_key);
  features[at + 13u] = sqrt(energy / n);
  features[at + 14u] = s.y;
  features[at + 15u] = sqrt(s.x) * spread;
  features[at + 16u] = energy * params.voxelVolume;
  features[at + 17u] = select(nan_value, select(disorder.y, 1.0, flat), countable);
  features[at + 18u] = s.x * spread * spread;
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
