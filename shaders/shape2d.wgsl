// Shape of thresholded maps; definition in src/kernels/shape2d.ts. One workgroup per image. Pixels, corners and
// coordinates are counted in whole numbers; only the second moments are sums of floats.

override WORKGROUP: u32 = 256;

struct Params {
  B: u32,
  H: u32,
  W: u32,
  rowSpacing: f32,
  columnSpacing: f32,
}

@group(0) @binding(0) var<storage, read> maps: array<f32>; // [B,H,W]
@group(0) @binding(1) var<storage, read> thresholds: array<f32>; // [B]
@group(0) @binding(2) var<storage, read_write> features: array<f32>; // [B,10]
@group(0) @binding(3) var<uniform> params: Params;

const MAXIMUM_ROWS = 1500u;
// First and last column inside, by row.
var<workgroup> first_inside: array<atomic<u32>, MAXIMUM_ROWS>;
var<workgroup> last_inside: array<atomic<u32>, MAXIMUM_ROWS>;
var<workgroup> shared_sums: array<vec4u, WORKGROUP>;
var<workgroup> nans: atomic<u32>;

const NOWHERE = 0xffffffffu;

fn is_nan(v: f32) -> bool {
  return (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u;
}

// Whole numbers in the order of the floats, −0 equal to 0: comparisons of floats need not know infinities.
fn ordered(v: f32) -> u32 {
  let bits = bitcast<u32>(v);
  let plus = select(bits, 0u, bits == 0x80000000u);
  return select(plus | 0x80000000u, ~plus, (plus >> 31u) == 1u);
}

// Sums over the workgroup; every lane gets them.
fn total(lane: u32, value: vec4u) -> vec4u {
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

fn total_float(lane: u32, value: vec4f) -> vec4f {
  workgroupBarrier();
  shared_sums[lane] = bitcast<vec4u>(value);
  workgroupBarrier();
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      shared_sums[lane] = bitcast<vec4u>(bitcast<vec4f>(shared_sums[lane]) + bitcast<vec4f>(shared_sums[lane + half]));
    }
    workgroupBarrier();
  }
  return bitcast<vec4f>(workgroupUniformLoad(&shared_sums[0]));
}

fn largest(lane: u32, value: f32) -> f32 {
  workgroupBarrier();
  shared_sums[lane].x = bitcast<u32>(value);
  workgroupBarrier();
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      shared_sums[lane].x = max(shared_sums[lane].x, shared_sums[lane + half].x); // of floats that are not negative
    }
    workgroupBarrier();
  }
  return bitcast<f32>(workgroupUniformLoad(&shared_sums[0]).x);
}

// The outermost vertices of a row (odd) or of what lies between two rows (even), in half pixels; x > y without any.
// Between rows, the outermost pixel of the two either has a vertex or lies within the hull of the others.
fn extent(half_row: u32) -> vec2i {
  let beyond = i32(half_row & 1u);
  let above = select(NOWHERE, (half_row - 1u) / 2u, half_row > 0u);
  let below = half_row / 2u;
  var first = NOWHERE;
  var last = 0u;
  if (above < params.H) {
    first = atomicLoad(&first_inside[above]);
    last = atomicLoad(&last_inside[above]);
  }
  if (below < params.H) {
    first = min(first, atomicLoad(&first_inside[below]));
    last = max(last, atomicLoad(&last_inside[below]));
  }
  if (first == NOWHERE) {
    return vec2i(1, 0);
  }
  return vec2i(2 * i32(first) - beyond, 2 * i32(last) + beyond);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let b = group.x;
  let start = b * params.H * params.W;
  let nan_value = bitcast<f32>(0x7fc00000u | (params.B & 0u));
  let threshold = ordered(thresholds[b]);
  for (var y = lane; y < params.H; y += WORKGROUP) {
    atomicStore(&first_inside[y], NOWHERE);
    atomicStore(&last_inside[y], 0u);
  }
  if (lane == 0u) {
    atomicStore(&nans, 0u);
  }
  workgroupBarrier();

  // Squares of four pixels, nothing inside beyond the image; a square's lower right pixel is its own.
  let squares = (params.H + 1u) * (params.W + 1u);
  var corners = vec4u(0u); // one, three, two that meet at a corner only, pixels
  var sides = vec4u(0u); // outline along the row, along the column; sums of x and y, modulo 2^32
  for (var i = lane; i < squares; i += WORKGROUP) {
    let y = i / (params.W + 1u);
    let x = i % (params.W + 1u);
    let at = start + y * params.W + x;
    var inside = vec4u(0u); // upper left, upper right, lower right, lower left
    if (y > 0u && x > 0u) {
      inside.x = u32(ordered(maps[at - params.W - 1u]) >= threshold);
    }
    if (y > 0u && x < params.W) {
      inside.y = u32(ordered(maps[at - params.W]) >= threshold);
    }
    if (y < params.H && x < params.W) {
      let v = maps[at];
      inside.z = u32(ordered(v) >= threshold);
      if (is_nan(v)) {
        atomicStore(&nans, 1u);
      }
    }
    if (y < params.H && x > 0u) {
      inside.w = u32(ordered(maps[at - 1u]) >= threshold);
    }
    let count = inside.x + inside.y + inside.z + inside.w;
    if (count == 0u) {
      continue;
    }
    let across = inside.x == inside.z;
    corners += vec4u(u32(count == 1u), u32(count == 3u), u32(count == 2u && across), inside.z);
    let level = inside.x == inside.y;
    sides += vec4u(u32(count == 2u && level), u32(count == 2u && !level && !across), inside.z * x, inside.z * y);
    if (inside.z > inside.w) {
      atomicMin(&first_inside[y], x);
    }
    if (inside.w > inside.z) {
      atomicMax(&last_inside[y], x - 1u);
    }
  }
  var place = vec4f(f32(sides.z), f32(sides.w), 0.0, 0.0); // the same sums, rounded
  corners = total(lane, corners);
  sides = total(lane, sides);
  place = total_float(lane, place);

  // Moments about whole numbers near the means; how far the means are from those is known exactly.
  let n = f32(corners.w);
  let near = vec2u(place.xy / max(n, 1.0));
  let rest = vec2f(bitcast<vec2i>(sides.zw - near * corners.w)) / max(n, 1.0);
  var squared = vec4f(0.0);
  let pixels = params.H * params.W;
  for (var i = lane; i < pixels; i += WORKGROUP) {
    if (ordered(maps[start + i]) >= threshold) {
      let d = vec2f(vec2i(vec2u(i % params.W, i / params.W)) - vec2i(near));
      squared += vec4f(d.x * d.x, d.y * d.y, d.x * d.y, 0.0);
    }
  }
  squared = total_float(lane, squared) / max(n, 1.0) - vec4f(rest.x * rest.x, rest.y * rest.y, rest.x * rest.y, 0.0);
  let spacing = vec2f(params.columnSpacing, params.rowSpacing);
  let xx = squared.x * spacing.x * spacing.x;
  let yy = squared.y * spacing.y * spacing.y;
  let xy = squared.z * spacing.x * spacing.y;
  let half = (xx - yy) / 2.0;
  let root = sqrt(half * half + xy * xy);
  let major = (xx + yy) / 2.0 + root;

  // The smaller eigenvalue as the variance across the major axis: a difference of float32 eigenvalues would lose it.
  var axis = select(vec2f(xy, root - half), vec2f(root + half, xy), half >= 0.0);
  if (dot(axis, axis) == 0.0) {
    axis = vec2f(1.0, 0.0);
  }
  axis = normalize(axis / max(abs(axis.x), abs(axis.y)));
  var across = vec4f(0.0);
  for (var i = lane; i < pixels; i += WORKGROUP) {
    if (ordered(maps[start + i]) >= threshold) {
      let d = (vec2f(vec2i(vec2u(i % params.W, i / params.W)) - vec2i(near)) - rest) * spacing;
      let off = axis.x * d.y - axis.y * d.x;
      across += vec4f(off * off, 0.0, 0.0, 0.0);
    }
  }
  let minor_found = total_float(lane, across).x / max(n, 1.0);
  let minor = select(minor_found, 0.0, minor_found <= STRAIGHT * major);

  // Of two rows' vertices, those farthest apart are on opposite sides.
  var diameter = 0.0;
  let half_rows = 2u * params.H + 1u;
  for (var i = lane; i < half_rows; i += WORKGROUP) {
    let a = extent(i);
    if (a.x > a.y) {
      continue;
    }
    for (var j = i; j < half_rows; j++) {
      let c = extent(j);
      if (c.x <= c.y) {
        let d = vec2f(f32(max(a.y - c.x, c.y - a.x)), f32(j - i)) * 0.5 * spacing;
        diameter = max(diameter, dot(d, d));
      }
    }
  }
  diameter = sqrt(largest(lane, diameter));

  if (lane == 0u) {
    let pixel = spacing.x * spacing.y;
    let cut = f32(corners.x + corners.y + 2u * corners.z); // corners that the outline cuts
    let perimeter = cut * 0.5 * length(spacing) + f32(sides.x) * spacing.x + f32(sides.y) * spacing.y;
    // Each corner that is cut off or left over is an eighth of a pixel.
    let surface = (n + (f32(corners.y) - f32(corners.x) - 2.0 * f32(corners.z)) / 8.0) * pixel;
    let sphericity = 2.0 * sqrt(3.14159265358979 * surface) / perimeter;
    let finite = (bitcast<u32>(thresholds[b]) & 0x7fffffffu) < 0x7f800000u;
    let none = !finite || atomicLoad(&nans) != 0u || corners.w == 0u;
    let elongation = select(sqrt(minor / max(major, 1e-37)), nan_value, corners.w == 1u);
    var out = array<f32, 10>(elongation, 4.0 * sqrt(major), diameter, surface, 4.0 * sqrt(minor), perimeter,
      perimeter / surface, n * pixel, sphericity, 1.0 / sphericity);
    for (var i = 0u; i < 10u; i++) {
      features[b * 10u + i] = select(out[i], nan_value, none);
    }
  }
}

// Variance across the major axis by that along it, below which the pixels are on one line and the rest is rounding.
const STRAIGHT = 1e-11;
