// Nearest centre per row; definition in src/kernels/nearest.ts. A lane keeps one row's best; centres pass
// through workgroup memory, so that the N × M matrix never exists.

override WORKGROUP: u32 = 64;

struct Params {
  N: u32,
  M: u32,
  D: u32,
  metric: u32,
}

@group(0) @binding(0) var<storage, read> a: array<f32>; // [N,D]
@group(0) @binding(1) var<storage, read> centres: array<f32>; // [M,D]
@group(0) @binding(2) var<storage, read_write> index: array<u32>; // [N]
@group(0) @binding(3) var<storage, read_write> distance: array<f32>; // [N]
@group(0) @binding(4) var<uniform> params: Params;

// Depth of a centre that is shared at a time.
const DEPTH = 256u;
var<workgroup> centre: array<f32, DEPTH>;

// By bits: compilers may assume that there is neither NaN nor infinity.
fn is_nan(v: f32) -> bool {
  return (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u;
}

fn is_infinite(v: f32) -> bool {
  return (bitcast<u32>(v) & 0x7fffffffu) == 0x7f800000u;
}

// From a·b, a·a and b·b. NaN in a row gives NaN, as does a row that is not finite; a row of zeros gives 1.
fn cosine_distance(ab: f32, aa: f32, bb: f32) -> f32 {
  if (is_nan(aa) || is_nan(bb)) {
    return aa + bb;
  }
  if (aa == 0.0 || bb == 0.0) {
    return 1.0;
  }
  if (is_infinite(aa) || is_infinite(bb)) {
    return bitcast<f32>(0x7fc00000u | (params.N & 0u));
  }
  return clamp(1.0 - ab / (sqrt(aa) * sqrt(bb)), 0.0, 2.0);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.x * WORKGROUP + lane;
  let at = min(row, params.N - 1u) * params.D;
  var best = 0.0;
  var best_index = 0u;
  var found = false;
  for (var j = 0u; j < params.M; j++) {
    var difference = 0.0;
    var dot_ab = 0.0;
    var dot_aa = 0.0;
    var dot_bb = 0.0;
    for (var first = 0u; first < params.D; first += DEPTH) {
      let count = min(DEPTH, params.D - first);
      workgroupBarrier();
      for (var k = lane; k < count; k += WORKGROUP) {
        centre[k] = centres[j * params.D + first + k];
      }
      workgroupBarrier();
      for (var k = 0u; k < count; k++) {
        let x = a[at + first + k];
        let y = centre[k];
        let d = x - y;
        difference += d * d;
        if (params.metric == 2u) {
          dot_ab += x * y;
          dot_aa += x * x;
          dot_bb += y * y;
        }
      }
    }
    var value = difference;
    if (params.metric == 2u) {
      value = cosine_distance(dot_ab, dot_aa, dot_bb);
    }
    if (!is_nan(value) && (!found || value < best)) {
      best = value;
      best_index = j;
      found = true;
    }
  }
  if (row >= params.N) {
    return;
  }
  index[row] = best_index;
  var result = select(best, sqrt(best), params.metric == 0u);
  if (!found) {
    result = bitcast<f32>(0x7fc00000u | (params.N & 0u));
  }
  distance[row] = result;
}
