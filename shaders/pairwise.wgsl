// Pairwise distances; definition in src/kernels/pairwise.ts. Tiles of both operands go through workgroup
// memory; differences are taken directly, so that nearby rows keep their digits.

override TILE: u32 = 16;

struct Params {
  N: u32,
  M: u32,
  D: u32,
  metric: u32,
}

@group(0) @binding(0) var<storage, read> a: array<f32>; // [N,D]
@group(0) @binding(1) var<storage, read> b: array<f32>; // [M,D]
@group(0) @binding(2) var<storage, read_write> distances: array<f32>; // [N,M]
@group(0) @binding(3) var<uniform> params: Params;

var<workgroup> rows_a: array<f32, TILE * TILE>;
var<workgroup> rows_b: array<f32, TILE * TILE>;

@compute @workgroup_size(TILE, TILE)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  // Columns go along x and then z, so that there may be more than one dimension of a dispatch holds.
  let tile = group.z * groups.x + group.x;
  let row = group.y * TILE + local.y;
  let column = tile * TILE + local.x;
  let loaded_b = tile * TILE + local.y;
  var difference = 0.0;
  var dot_ab = 0.0;
  var dot_aa = 0.0;
  var dot_bb = 0.0;
  for (var first = 0u; first < params.D; first += TILE) {
    let k = first + local.x;
    let at = local.y * TILE + local.x;
    rows_a[at] = select(0.0, a[min(row, params.N - 1u) * params.D + min(k, params.D - 1u)], k < params.D);
    rows_b[at] = select(0.0, b[min(loaded_b, params.M - 1u) * params.D + min(k, params.D - 1u)], k < params.D);
    workgroupBarrier();
    for (var i = 0u; i < TILE; i++) {
      let x = rows_a[local.y * TILE + i];
      let y = rows_b[local.x * TILE + i];
      let d = x - y;
      difference += d * d;
      if (params.metric == 2u) {
        dot_ab += x * y;
        dot_aa += x * x;
        dot_bb += y * y;
      }
    }
    workgroupBarrier();
  }
  if (row >= params.N || column >= params.M) {
    return;
  }
  var distance = difference;
  if (params.metric == 0u) {
    distance = sqrt(difference);
  } else if (params.metric == 2u) {
    distance = cosine_distance(dot_ab, dot_aa, dot_bb);
  }
  distances[row * params.M + column] = distance;
}

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
