// Quantile; definition in src/kernels/quantile.ts. One workgroup per image: radix selection of the order statistic below,
// eight bits at a time, then its successor.

override WORKGROUP: u32 = 256;
// q in units of 2^-32.
override FRACTION: u32 = 0x80000000;

struct Params {
  B: u32,
  P: u32,
}

@group(0) @binding(0) var<storage, read> maps: array<f32>; // [B,P]
@group(0) @binding(1) var<storage, read_write> values: array<f32>; // [B]
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> digits: array<atomic<u32>, 256>;
var<workgroup> unusable: atomic<u32>;
var<workgroup> successor: atomic<u32>;
// Leading bits of the order statistic's key, and its rank among the values that share them.
var<workgroup> prefix: u32;
var<workgroup> rank: u32;
var<workgroup> twins: u32;

// A number that orders as the value does; both zeros have the same.
fn key_of(v: f32) -> u32 {
  let bits = bitcast<u32>(v);
  return select(select(bits | 0x80000000u, ~bits, bits > 0x80000000u), 0x80000000u, bits == 0x80000000u);
}

fn value_of(key: u32) -> f32 {
  return bitcast<f32>(select(~key, key & 0x7fffffffu, key >= 0x80000000u));
}

// FRACTION · n as whole places and a rest in units of 2^-32.
fn place(n: u32) -> vec2u {
  if (FRACTION == 0xffffffffu) {
    return vec2u(n, 0u);
  }
  let low = (FRACTION & 0xffffu) * (n & 0xffffu);
  let middle = (FRACTION & 0xffffu) * (n >> 16u) + (low >> 16u);
  let other = (FRACTION >> 16u) * (n & 0xffffu) + (middle & 0xffffu);
  return vec2u((FRACTION >> 16u) * (n >> 16u) + (middle >> 16u) + (other >> 16u), (other << 16u) | (low & 0xffffu));
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let b = group.x;
  let first = b * params.P;
  let at = place(max(params.P, 1u) - 1u);
  if (lane == 0u) {
    prefix = 0u;
    rank = at.x;
  }
  for (var shift = 24i; shift >= 0; shift -= 8) {
    let digit_at = u32(shift);
    for (var i = lane; i < 256u; i += WORKGROUP) {
      atomicStore(&digits[i], 0u);
    }
    let known = workgroupUniformLoad(&prefix);
    for (var i = lane; i < params.P; i += WORKGROUP) {
      let v = maps[first + i];
      let key = key_of(v);
      if (digit_at == 24u && (bitcast<u32>(v) & 0x7f800000u) == 0x7f800000u) {
        atomicStore(&unusable, 1u);
      }
      if (((key >> digit_at) >> 8u) == known) {
        atomicAdd(&digits[(key >> digit_at) & 0xffu], 1u);
      }
    }
    workgroupBarrier();
    if (lane == 0u) {
      var digit = 0u;
      for (; digit < 255u; digit++) {
        let here = atomicLoad(&digits[digit]);
        if (rank < here) {
          break;
        }
        rank -= here;
      }
      twins = atomicLoad(&digits[digit]);
      prefix = (known << 8u) | digit;
      atomicStore(&successor, 0xffffffffu);
    }
    workgroupBarrier();
  }

  let below = workgroupUniformLoad(&prefix);
  var above = 0xffffffffu;
  for (var i = lane; i < params.P; i += WORKGROUP) {
    let key = key_of(maps[first + i]);
    above = select(above, min(above, key), key > below);
  }
  atomicMin(&successor, above);
  workgroupBarrier();
  if (lane == 0u) {
    let a = value_of(below);
    let next = atomicLoad(&successor);
    var value = a;
    if (rank + 1u >= twins && next != 0xffffffffu) {
      let t = f32(at.y) / 4294967296.0;
      value = a * (1.0 - t) + value_of(next) * t;
    }
    if (params.P == 0u || atomicLoad(&unusable) != 0u) {
      value = bitcast<f32>(0x7fc00000u | (params.B & 0u));
    }
    values[b] = value;
  }
}
