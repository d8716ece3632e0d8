// Dice overlap; definition in src/kernels/dice.ts. One workgroup per image; masks come four to a word.

override WORKGROUP: u32 = 256;

struct Params {
  B: u32,
  P: u32,
  mode: u32,
}

@group(0) @binding(0) var<storage, read> maps: array<f32>; // [B,P]
@group(0) @binding(1) var<storage, read> masks: array<u32>; // u8[B,P], packed
@group(0) @binding(2) var<storage, read> thresholds: array<f32>; // [B]
@group(0) @binding(3) var<storage, read_write> dice: array<f32>; // [B]
@group(0) @binding(4) var<uniform> params: Params;

var<workgroup> overlaps: array<f32, WORKGROUP>;
var<workgroup> sums: array<f32, WORKGROUP>;
var<workgroup> nans: atomic<u32>;

fn is_nan(v: f32) -> bool {
  return (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u;
}

fn inside(i: u32) -> f32 {
  return select(0.0, 1.0, ((masks[i / 4u] >> (8u * (i % 4u))) & 0xffu) != 0u);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let b = group.x;
  let first = b * params.P;
  let threshold = thresholds[b];
  if (lane == 0u) {
    atomicStore(&nans, 0u);
  }
  workgroupBarrier();

  // Kahan sums: exact counts in threshold mode, and few rounding errors in the soft ones.
  var overlap = 0.0;
  var overlap_lost = 0.0;
  var sum = 0.0;
  var sum_lost = 0.0;
  var nan = 0u;
  for (var i = lane; i < params.P; i += WORKGROUP) {
    let v = maps[first + i];
    let g = inside(first + i);
    nan |= select(0u, 1u, is_nan(v));
    let p = select(v, select(0.0, 1.0, v >= threshold), params.mode == 0u);
    let o = p * g - overlap_lost;
    let o_next = overlap + o;
    overlap_lost = (o_next - overlap) - o;
    overlap = o_next;
    let s = select(p, p * p, params.mode == 2u) + g - sum_lost;
    let s_next = sum + s;
    sum_lost = (s_next - sum) - s;
    sum = s_next;
  }
  if (nan != 0u) {
    atomicStore(&nans, 1u);
  }
  overlaps[lane] = overlap;
  sums[lane] = sum;
  workgroupBarrier();
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      overlaps[lane] += overlaps[lane + half];
      sums[lane] += sums[lane + half];
    }
    workgroupBarrier();
  }
  if (lane == 0u) {
    var value = 1.0;
    if (sums[0] != 0.0) {
      value = 2.0 * overlaps[0] / sums[0];
    }
    if (atomicLoad(&nans) != 0u) {
      value = bitcast<f32>(0x7fc00000u | (params.B & 0u));
    }
    dice[b] = value;
  }
}
