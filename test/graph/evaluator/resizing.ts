import type { Call, Definition } from './call.js';
import { forEachIndex, front, read, tabulate, type Value } from './value.js';

/** Which positions of one axis an output position mixes, and how much of each. */
type Mixture = { position: number; weight: number }[];

interface Axis {
  size: number;
  out: number;
  scale: number;
}

function original(mode: string, at: number, { size, out, scale }: Axis): number {
  switch (mode) {
    case 'half_pixel':
      return (at + 0.5) / scale - 0.5;
    case 'pytorch_half_pixel':
      return out > 1 ? (at + 0.5) / scale - 0.5 : 0;
    case 'half_pixel_symmetric':
      return (size / 2) * (1 - out / (scale * size)) + (at + 0.5) / scale - 0.5;
    case 'align_corners':
      return out === 1 ? 0 : (at * (size - 1)) / (out - 1);
    case 'tf_half_pixel_for_nn':
      return (at + 0.5) / scale;
    case 'asymmetric':
      return at / scale;
    default:
      throw new Error(`no definition of coordinates '${mode}'`);
  }
}

function nearestTo(mode: string, x: number): number {
  switch (mode) {
    case 'floor':
      return Math.floor(x);
    case 'ceil':
      return Math.ceil(x);
    case 'round_prefer_ceil':
      return Math.floor(x + 0.5);
    default:
      return Math.ceil(x - 0.5);
  }
}

function cubic(a: number, distance: number): number {
  const s = Math.abs(distance);
  if (s <= 1) return (a + 2) * s ** 3 - (a + 3) * s ** 2 + 1;
  return s < 2 ? a * s ** 3 - 5 * a * s ** 2 + 8 * a * s - 4 * a : 0;
}

function mixtureOf(call: Call, at: number, axis: Axis): Mixture {
  // Operator sets before 11 know one way only.
  const old = call.node.op === 'Upsample' || call.opset < 11;
  const mode = call.text('mode', 'nearest');
  const x = original(old ? 'asymmetric' : call.text('coordinate_transformation_mode', 'half_pixel'), at, axis);
  const clamp = (position: number) => Math.min(Math.max(position, 0), axis.size - 1);
  if (mode === 'nearest') {
    const rounding = old ? 'floor' : call.text('nearest_mode', 'round_prefer_floor');
    return [{ position: clamp(nearestTo(rounding, x)), weight: 1 }];
  }
  const antialias = call.int('antialias', 0) === 1;
  const shrink = antialias ? Math.min(1, axis.scale) : 1;
  const kernel =
    mode === 'cubic'
      ? (d: number) => cubic(call.float('cubic_coeff_a', -0.75), d)
      : (d: number) => Math.max(0, 1 - Math.abs(d));
  // Far enough on both sides; beyond its reach the kernel is 0.
  const mixture: Mixture = [];
  const centre = mode === 'cubic' || antialias ? x : clamp(x);
  for (let p = Math.floor(centre - 2 / shrink) - 1; p <= centre + 2 / shrink + 1; p++)
    mixture.push({ position: p, weight: kernel((p - centre) * shrink) });
  const excludes = call.int('exclude_outside', 0) === 1;
  const taps = excludes
    ? mixture.filter(({ position }) => position >= 0 && position < axis.size)
    : mixture.map(({ position, weight }) => ({ position: clamp(position), weight }));
  if (!excludes && !antialias) return taps;
  const total = taps.reduce((sum, { weight }) => sum + weight, 0);
  return taps.map(({ position, weight }) => ({ position, weight: weight / total }));
}

function floats(x: Value | undefined): number[] | undefined {
  return x && x.data.length > 0 ? Array.from(x.data) : undefined;
}

function axesOf(call: Call): Axis[] {
  const { dims } = call.x();
  const attribute = call.node.attributes.scales;
  const on = call.list('axes')?.map((axis) => front(axis, dims.length)) ?? dims.map((_, axis) => axis);
  const newer = call.node.op === 'Resize' && call.opset >= 11;
  const factors =
    attribute?.kind === 'floats' ? attribute.value : newer ? floats(call.inputs[2]) : floats(call.inputs[1]);
  const sizes = newer ? floats(call.inputs[3]) : undefined;
  return dims.map((size, axis) => {
    const which = on.indexOf(axis);
    if (which < 0) return { size, out: size, scale: 1 };
    if (sizes) return { size, out: sizes[which], scale: sizes[which] / size };
    const scale = factors?.[which] ?? 1;
    return { size, out: Math.floor(size * scale), scale };
  });
}

const resized: Definition = (call) => {
  const x = call.x();
  const axes = axesOf(call);
  const mixtures = axes.map((axis) => {
    const same = axis.size === axis.out && axis.scale === 1;
    return Array.from({ length: axis.out }, (_, at) =>
      same ? [{ position: at, weight: 1 }] : mixtureOf(call, at, axis).filter(({ weight }) => weight !== 0),
    );
  });
  const y = tabulate(
    axes.map((axis) => axis.out),
    (index) => {
      const taps = index.map((at, axis) => mixtures[axis][at]);
      let sum = 0;
      forEachIndex(
        taps.map((tap) => tap.length),
        (choice) => {
          const chosen = choice.map((which, axis) => taps[axis][which]);
          sum +=
            chosen.reduce((p, { weight }) => p * weight, 1) *
            read(
              x,
              chosen.map(({ position }) => position),
            );
        },
      );
      return sum;
    },
  );
  return [y];
};

export const resizing: Record<string, Definition> = { Resize: resized, Upsample: resized };
