// Features of grey-level co-occurrence matrices; definition in src/kernels/glcm.ts. One workgroup per image, everything
// in one dispatch: extremes, levels, and for each offset counts, features and the maximal correlation, all in one table.
// Levels are exact while ⌊v·scale/binWidth⌋ is below 2^23; with binCount, a value exactly on an edge may fall to either
// side of it, as float64's rounding decides in the definition.

override WORKGROUP: u32 = 256;
// Most levels of a ROI, and cells of the table: LEVELS² or, symmetric, the lower triangle.
override LEVELS: u32 = 48;
override CELLS: u32 = 2304;
// What float32 loses of scale and binWidth.

struct Params {
  B: u32,
  D: u32,
  H: u32,
  W: u32,
  A: u32,
  scale: f32,
  scaleRest: f32,
  binWidth: f32,
  binWidthRest: f32,
  binCount: u32,
  levels: u32,
  symmetric: u32,
  merge: u32,
}

@group(0) @binding(0) var<storage, read> maps: array<f32>; // [B,D,H,W]
@group(0) @binding(1) var<storage, read> masks: array<u32>; // u8[B,D,H,W], packed
@group(0) @binding(2) var<storage, read> offsets: array<i32>; // [A,3]
@group(0) @binding(3) var<storage, read> weights: array<f32>; // [A]
@group(0) @binding(4) var<storage, read_write> features: array<f32>; // [B,24]
@group(0) @binding(5) var<uniform> params: Params;

const FEATURES = 24u;
const MCC = 19u;
// Cells of the largest table (48² = 2304) for each of 256 lanes.
const OWN = 9u;
const SQUARINGS = 16u;

var<workgroup> table: array<atomic<u32>, CELLS>; // counts, then bits of floats
var<workgroup> px: array<f32, LEVELS>; // sums of counts, as the three below
var<workgroup> py: array<f32, LEVELS>;
var<workgroup> plus: array<f32, 2u * LEVELS>; // [k − 2], k = i + j
var<workgroup> minus: array<f32, LEVELS>; // [k], k = |i − j|
var<workgroup> shared_sums: array<vec4f, WORKGROUP>;
var<workgroup> most: atomic<u32>; // bits of the largest cell
var<workgroup> lowest: atomic<u32>; // ordered bits
var<workgroup> highest: atomic<u32>;

// Cells lane, lane + WORKGROUP, … belong to a lane.
var<private> own: array<f32, OWN>;

// Bits of a float in the order of their values; NaN is outside the infinities.
fn key_of(v: f32) -> u32 {
  let bits = bitcast<u32>(v);
  return select(bits | 0x80000000u, ~bits, (bits >> 31u) == 1u);
}

fn bits_of(key: u32) -> u32 {
  return select(~key, key & 0x7fffffffu, (key >> 31u) == 1u);
}

fn is_finite(bits: u32) -> bool {
  return (bits & 0x7fffffffu) < 0x7f800000u;
}

// Sum over the workgroup, in a fixed order: in two rounds of 16, since barriers cost more than additions.
fn total(lane: u32, value: vec4f) -> vec4f {
  workgroupBarrier();
  shared_sums[lane] = value;
  workgroupBarrier();
  if (lane < 16u) {
    var part = shared_sums[lane];
    for (var i = lane + 16u; i < WORKGROUP; i += 16u) {
      part += shared_sums[i];
    }
    shared_sums[lane] = part;
  }
  workgroupBarrier();
  var sum = shared_sums[0];
  for (var i = 1u; i < min(16u, WORKGROUP); i++) {
    sum += shared_sums[i];
  }
  return sum;
}

// The first lane's value, which may decide what the whole workgroup does.
fn agreed(lane: u32, value: vec4f) -> vec4f {
  workgroupBarrier();
  if (lane == 0u) {
    shared_sums[0] = value;
  }
  return workgroupUniformLoad(&shared_sums[0]);
}

// The leading 12 bits of a number's 24.
fn head(v: f32) -> f32 {
  return bitcast<f32>(bitcast<u32>(v) & 0xfffff000u);
}

// a·b as a float and what it lost: products of heads and tails are exact.
fn product(a: f32, b: f32) -> vec2f {
  let p = a * b;
  let a_head = head(a);
  let b_head = head(b);
  let a_tail = a - a_head;
  let b_tail = b - b_head;
  return vec2f(p, ((a_head * b_head - p) + a_head * b_tail + a_tail * b_head) + a_tail * b_tail);
}

// ⌊v·scale / binWidth⌋: a float32 guess is at most one off; the sign of what is left corrects it.
fn bin_by_width(v: f32) -> f32 {
  let x = product(v, params.scale);
  let guess = floor(x.x / params.binWidth);
  let below = product(guess, params.binWidth);
  let rest = (x.x - below.x) + ((x.y - below.y) + (v * params.scaleRest - guess * params.binWidthRest));
  let up = (rest - params.binWidth) - params.binWidthRest >= 0.0;
  return select(select(guess, guess + 1.0, up), guess - 1.0, rest < 0.0);
}

// ⌊(v − low)·N / (high − low)⌋ + 1, at most N; the scale cancels. As bin_of in histogram.wgsl.
fn level_by_count(v: f32, low: f32, high: f32) -> f32 {
  let bins = f32(params.binCount);
  if (low == high) {
    return floor(bins / 2.0) + 1.0;
  }
  let d = difference(v, low);
  let range = difference(high, low);
  let d_head = head(d.x);
  let range_head = head(range.x);
  let guess = min(floor(d.x * bins / range.x), bins - 1.0);
  let rest = (d_head * bins - guess * range_head) + ((d.x - d_head) * bins - guess * (range.x - range_head)) +
    (d.y * bins - guess * range.y);
  let bin = select(select(guess, guess + 1.0, rest >= range.x), guess - 1.0, rest < 0.0);
  return clamp(bin, 0.0, bins - 1.0) + 1.0;
}

// a − b as a float and what it lost.
fn difference(a: f32, b: f32) -> vec2f {
  let d = a - b;
  let back = d - a;
  return vec2f(d, (a - (d - back)) - (b + back));
}

struct Extent {
  low: f32,
  high: f32,
  first: f32, // bin of low
}

fn level_of(v: f32, extent: Extent) -> f32 {
  if (params.binCount > 0u) {
    return level_by_count(v, extent.low, extent.high);
  }
  return bin_by_width(v) - extent.first + 1.0;
}

fn is_inside(i: u32) -> bool {
  return ((masks[i / 4u] >> (8u * (i % 4u))) & 0xffu) != 0u;
}

// Place of row i, column j <= i in the lower triangle.
fn packed(i: u32, j: u32) -> u32 {
  return i * (i + 1u) / 2u + j;
}

// Row and column of a place in the lower triangle.
fn unpacked(c: u32) -> vec2u {
  var i = u32((sqrt(8.0 * f32(c) + 1.0) - 1.0) * 0.5);
  i -= select(0u, 1u, packed(i, 0u) > c);
  i += select(0u, 1u, packed(i + 1u, 0u) <= c);
  return vec2u(i, c - packed(i, 0u));
}

fn load(place: u32) -> f32 {
  return bitcast<f32>(atomicLoad(&table[place]));
}

fn store(place: u32, value: f32) {
  atomicStore(&table[place], bitcast<u32>(value));
}

// Element of a symmetric matrix of which the table holds the lower triangle.
fn packed_at(i: u32, j: u32) -> f32 {
  return load(packed(max(i, j), min(i, j)));
}

// Pairs of levels i and j, from 0.
fn pairs_at(i: u32, j: u32, n: u32) -> f32 {
  if (params.symmetric != 0u) {
    return packed_at(i, j);
  }
  return load(i * n + j);
}

// Row and column of a cell of the matrix, and how many elements of it the cell stands for.
fn cell(c: u32, n: u32) -> vec3u {
  if (params.symmetric != 0u) {
    let at = unpacked(c);
    return vec3u(at, select(2u, 1u, at.x == at.y));
  }
  return vec3u(c / n, c % n, 1u);
}

// Counts the pairs at one offset.
fn count_pairs(lane: u32, b: u32, a: u32, n: u32, cells: u32, extent: Extent) {
  workgroupBarrier();
  for (var c = lane; c < cells; c += WORKGROUP) {
    atomicStore(&table[c], 0u);
  }
  workgroupBarrier();
  let size = vec3i(i32(params.D), i32(params.H), i32(params.W));
  let step = vec3i(offsets[3u * a], offsets[3u * a + 1u], offsets[3u * a + 2u]);
  let pixels = params.D * params.H * params.W;
  let first = b * pixels;
  let shift = (step.x * size.y + step.y) * size.z + step.z;
  for (var i = lane; i < pixels; i += WORKGROUP) {
    let row = i / params.W;
    let at = vec3i(i32(row / params.H), i32(row % params.H), i32(i % params.W)) + step;
    if (any(at < vec3i(0)) || any(at >= size) || !is_inside(first + i)) {
      continue;
    }
    let other = u32(i32(i) + shift);
    if (!is_inside(first + other)) {
      continue;
    }
    let p = clamp(u32(level_of(maps[first + i], extent)), 1u, n) - 1u;
    let q = clamp(u32(level_of(maps[first + other], extent)), 1u, n) - 1u;
    let place = select(p * n + q, packed(max(p, q), min(p, q)), params.symmetric != 0u);
    atomicAdd(&table[place], 1u);
  }
  workgroupBarrier();
}

// −p log2 p of p = c / sum; near 1 by what is missing of it, for which float32 has the digits.
fn entropy_of(c: f32, sum: f32) -> f32 {
  let p = c / sum;
  let e = (sum - c) / sum;
  if (c <= 0.0 || e <= 0.0) {
    return 0.0;
  }
  if (e < 0.1) {
    let tail = 1.0 / 4.0 + e * (1.0 / 5.0 + e * (1.0 / 6.0 + e / 7.0));
    let series = 1.0 + e * (1.0 / 2.0 + e * (1.0 / 3.0 + e * tail));
    return p * e * series * 1.4426950408889634;
  }
  return -p * log2(p);
}

// p log2(p/q) − (p − q) / ln 2 for one cell: never negative, and its sum over all cells is the mutual information,
// since p and q have the same sum. The difference of entropies that defines it would lose all digits where they are alike.
fn information_of(p: f32, q: f32) -> f32 {
  let d = (p - q) / q;
  if (abs(d) < 0.1) {
    let series = 1.0 / 2.0 - d * (1.0 / 6.0 - d * (1.0 / 12.0 - d * (1.0 / 20.0 - d * (1.0 / 30.0 - d / 42.0))));
    return q * d * d * series * 1.4426950408889634;
  }
  if (p <= 0.0) {
    return q * 1.4426950408889634;
  }
  return p * log2(p / q) - (p - q) * 1.4426950408889634;
}

// √(1 − e^(−2x))
fn saturated(x: f32) -> f32 {
  let y = 2.0 * x;
  if (y < 0.05) {
    return sqrt(y * (1.0 - y * (1.0 / 2.0 - y * (1.0 / 6.0 - y / 24.0))));
  }
  return sqrt(1.0 - exp(-y));
}

// Largest |eigenvalue| of the symmetric matrix whose lower triangle the lanes own: ρ = lim ‖S^(2^k)‖^(1/2^k). Norms are
// taken out at each squaring, and an error made at step k is divided by 2^k.
fn spectral_radius(lane: u32, n: u32) -> f32 {
  let cells = packed(n, 0u);
  var exponent = 0.0;
  var share = 1.0;
  var zero = false;
  for (var step = 0u; step <= SQUARINGS; step++) {
    if (step > 0u) {
      for (var c = lane; c < cells; c += WORKGROUP) {
        let k = c / WORKGROUP;
        let at = unpacked(c);
        var sum = 0.0;
        for (var m = 0u; m < n; m++) {
          sum += packed_at(at.x, m) * packed_at(at.y, m);
        }
        own[k] = sum;
      }
    }
    var square = 0.0;
    for (var c = lane; c < cells; c += WORKGROUP) {
      let k = c / WORKGROUP;
      let at = unpacked(c);
      square += select(2.0, 1.0, at.x == at.y) * own[k] * own[k];
    }
    let norm = sqrt(total(lane, vec4f(square, 0.0, 0.0, 0.0)).x);
    zero = zero || norm <= 0.0;
    exponent += share * log2(select(norm, 1.0, zero));
    share *= 0.5;
    for (var c = lane; c < cells; c += WORKGROUP) {
      let k = c / WORKGROUP;
      store(c, select(own[k] / norm, 0.0, zero));
    }
    workgroupBarrier();
  }
  return select(exp2(exponent), 0.0, zero);
}

// Second singular value of N = Dx^(−1/2) P Dy^(−1/2), the second largest |eigenvalue| where it is symmetric: the first
// is 1, with the vectors √px and √py, and is taken away. The lanes own the pairs; the table is overwritten.
fn maximal_correlation(lane: u32, n: u32, cells: u32, sum: f32) -> f32 {
  for (var c = lane; c < cells; c += WORKGROUP) {
    let k = c / WORKGROUP;
    let at = cell(c, n);
    let both = px[at.x] * py[at.y];
    own[k] = select(0.0, (own[k] - both / sum) * inverseSqrt(both), both > 0.0);
  }
  if (params.symmetric == 0u) {
    workgroupBarrier();
    for (var c = lane; c < cells; c += WORKGROUP) {
      let k = c / WORKGROUP;
      store(c, own[k]);
    }
    workgroupBarrier();
    for (var c = lane; c < packed(n, 0u); c += WORKGROUP) {
      let k = c / WORKGROUP;
      let at = unpacked(c);
      var inner = 0.0;
      for (var m = 0u; m < n; m++) {
        inner += load(at.x * n + m) * load(at.y * n + m);
      }
      own[k] = inner;
    }
  }
  let radius = spectral_radius(lane, n);
  return select(sqrt(radius), radius, params.symmetric != 0u);
}

// Adds one matrix's features to the first lane's sums. The lanes own the pairs, whose sum is above 0.
fn add_features(lane: u32, n: u32, cells: u32, sum: f32, sums: ptr<function, array<f32, FEATURES>>) {
  // Marginals: one lane for each of their entries.
  if (lane < n) {
    var row = 0.0;
    var column = 0.0;
    var apart = 0.0;
    for (var j = 0u; j < n; j++) {
      row += pairs_at(lane, j, n);
      column += pairs_at(j, lane, n);
      if (j + lane < n) {
        apart += pairs_at(j + lane, j, n);
        if (lane > 0u) {
          apart += pairs_at(j, j + lane, n);
        }
      }
    }
    px[lane] = row;
    py[lane] = column;
    minus[lane] = apart;
  }
  if (lane < 2u * n - 1u) {
    var together = 0.0;
    for (var i = 0u; i < n; i++) {
      if (i <= lane && lane - i < n) {
        together += pairs_at(i, lane - i, n);
      }
    }
    plus[lane] = together;
  }
  if (lane == 0u) {
    atomicStore(&most, 0u);
  }
  workgroupBarrier();

  let level = f32(lane + 1u);
  let of_sum = f32(lane + 2u);
  let k = f32(lane);
  var p_x = 0.0;
  var p_y = 0.0;
  var p_minus = 0.0;
  var p_plus = 0.0;
  var entropies = vec4f(0.0);
  if (lane < n) {
    p_x = px[lane] / sum;
    p_y = py[lane] / sum;
    p_minus = minus[lane] / sum;
    entropies = vec4f(entropy_of(px[lane], sum), entropy_of(py[lane], sum), entropy_of(minus[lane], sum), 0.0);
  }
  if (lane < 2u * n - 1u) {
    p_plus = plus[lane] / sum;
    entropies.w = entropy_of(plus[lane], sum);
  }
  let means = total(lane, vec4f(level * p_x, level * p_y, k * p_minus, of_sum * p_plus));
  let d = of_sum - means.x - means.y;
  let ex = level - means.x;
  let ey = level - means.y;
  let spreads = total(lane, vec4f(ex * ex * p_x, ey * ey * p_y, d * d * p_plus, d * d * d * p_plus));
  let ek = k - means.z;
  let inverse = select(p_minus / (k * k), 0.0, lane == 0u);
  let powers = total(lane, vec4f(d * d * d * d * p_plus, k * k * p_minus, ek * ek * p_minus, inverse));
  let Ng = f32(n);
  let nearness = total(
    lane,
    vec4f(p_minus / (1.0 + k), p_minus / (1.0 + k * k), p_minus / (1.0 + k / Ng), p_minus / (1.0 + k * k / (Ng * Ng))),
  );
  let bits = total(lane, entropies);
  let occupied = total(lane, vec4f(select(0.0, 1.0, p_x > 0.0), select(0.0, 1.0, p_y > 0.0), 0.0, 0.0));

  var over_cells = vec4f(0.0); // energy, joint entropy, mutual information, covariance
  var autocorrelation = 0.0;
  for (var c = lane; c < cells; c += WORKGROUP) {
    let m = c / WORKGROUP;
    let at = cell(c, n);
    let times = f32(at.z);
    let p = own[m] / sum;
    let q = (px[at.x] / sum) * (py[at.y] / sum);
    let i = f32(at.x + 1u);
    let j = f32(at.y + 1u);
    if (q > 0.0) {
      over_cells += times * vec4f(
        p * p,
        entropy_of(own[m], sum),
        information_of(p, q),
        p * (i - means.x) * (j - means.y),
      );
      autocorrelation += times * p * i * j;
      atomicMax(&most, bitcast<u32>(p));
    }
  }
  over_cells = total(lane, over_cells);
  autocorrelation = total(lane, vec4f(autocorrelation, 0.0, 0.0, 0.0)).x;
  let correlation = maximal_correlation(lane, n, cells, sum);

  if (lane == 0u) {
    let largest = max(bits.x, bits.y);
    (*sums)[0] += autocorrelation;
    (*sums)[1] += powers.x;
    (*sums)[2] += spreads.w;
    (*sums)[3] += spreads.z;
    (*sums)[4] += powers.y;
    if (occupied.x > 1.0 && occupied.y > 1.0) {
      (*sums)[5] += over_cells.w / sqrt(spreads.x * spreads.y);
    } else {
      (*sums)[5] += 1.0;
    }
    (*sums)[6] += means.z;
    (*sums)[7] += bits.z;
    (*sums)[8] += powers.z;
    (*sums)[9] += nearness.x;
    (*sums)[10] += nearness.y;
    (*sums)[11] += nearness.w;
    (*sums)[12] += nearness.z;
    if (largest > 0.0) {
      (*sums)[13] -= over_cells.z / largest;
    }
    (*sums)[14] += saturated(max(over_cells.z, 0.0));
    (*sums)[15] += powers.w;
    (*sums)[16] += means.x;
    (*sums)[17] += over_cells.x;
    (*sums)[18] += over_cells.y;
    (*sums)[MCC] += correlation;
    (*sums)[20] += bitcast<f32>(atomicLoad(&most));
    (*sums)[21] += means.w;
    (*sums)[22] += bits.w;
    (*sums)[23] += spreads.x;
  }
}

// Writes the lanes' cells into the table and gives their sum over the matrix.
fn settle(lane: u32, n: u32, cells: u32) -> f32 {
  workgroupBarrier();
  var sum = 0.0;
  for (var c = lane; c < cells; c += WORKGROUP) {
    let k = c / WORKGROUP;
    store(c, own[k]);
    sum += f32(cell(c, n).z) * own[k];
  }
  return agreed(lane, total(lane, vec4f(sum, 0.0, 0.0, 0.0))).x;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let b = group.x;
  let pixels = params.D * params.H * params.W;
  let first = b * pixels;
  let nan_value = bitcast<f32>(0x7fc00000u | (params.B & 0u));
  if (lane == 0u) {
    atomicStore(&lowest, 0xffffffffu);
    atomicStore(&highest, 0u);
  }
  workgroupBarrier();
  var low = 0xffffffffu;
  var high = 0u;
  for (var i = lane; i < pixels; i += WORKGROUP) {
    if (is_inside(first + i)) {
      let key = key_of(maps[first + i]);
      low = min(low, key);
      high = max(high, key);
    }
  }
  atomicMin(&lowest, low);
  atomicMax(&highest, high);
  workgroupBarrier();
  low = atomicLoad(&lowest);
  high = atomicLoad(&highest);
  // Neither an empty mask nor a pixel that is not finite.
  let usable = low <= high && is_finite(bits_of(low)) && is_finite(bits_of(high));
  let extremes = agreed(
    lane,
    vec4f(
      select(0.0, bitcast<f32>(bits_of(low)), usable),
      select(0.0, bitcast<f32>(bits_of(high)), usable),
      select(0.0, 1.0, usable),
      0.0,
    ),
  );
  let extent = Extent(extremes.x, extremes.y, bin_by_width(extremes.x));
  let Ng = level_of(extremes.y, extent);
  let valid = extremes.z > 0.0 && Ng >= 1.0 && Ng <= f32(min(params.levels, LEVELS));

  var sums = array<f32, FEATURES>();
  var counted = 0.0;
  if (valid) {
    let n = u32(Ng);
    let cells = select(n * n, packed(n, 0u), params.symmetric != 0u);
    own = array<f32, OWN>();
    for (var a = 0u; a < params.A; a++) {
      count_pairs(lane, b, a, n, cells, extent);
      for (var c = lane; c < cells; c += WORKGROUP) {
        let k = c / WORKGROUP;
        let at = cell(c, n);
        // A symmetric matrix has a pair of equal levels twice.
        let doubled = params.symmetric != 0u && at.x == at.y;
        let count = f32(atomicLoad(&table[c])) * select(1.0, 2.0, doubled);
        own[k] = select(count, own[k] + weights[a] * count, params.merge != 0u);
      }
      if (params.merge == 0u || a + 1u == params.A) {
        let sum = settle(lane, n, cells);
        if (sum > 0.0) {
          add_features(lane, n, cells, sum, &sums);
          counted += 1.0;
        }
      }
    }
  }
  if (lane == 0u) {
    for (var f = 0u; f < FEATURES; f++) {
      features[b * FEATURES + f] = select(nan_value, sums[f] / counted, counted > 0.0);
    }
    if (valid && (Ng == 1.0 || extremes.x == extremes.y)) {
      features[b * FEATURES + MCC] = 1.0;
    }
  }
}
