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
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let row = group.y * TILE + local.y;
  let column = group.x * TILE + local.x;
  let loaded_b = group.x * TILE + local.y;
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
    if (dot_aa == 0.0 || dot_bb == 0.0) {
      distance = 1.0;
    } else {
      distance = clamp(1.0 - dot_ab / (sqrt(dot_aa) * sqrt(dot_bb)), 0.0, 2.0);
    }
    // NaN in a row: clamp and comparisons may drop it, the difference still carries it.
    if ((bitcast<u32>(difference) & 0x7fffffffu) > 0x7f800000u) {
      distance = difference;
    }
  }
  distances[row * params.M + column] = distance;
}
