import { Rng } from '../core/rng.js';
import { attenuation, drawAnatomy, ellipse, inside, radius2, type Ellipse } from './phantom_anatomy.js';
import type { Box } from './types.js';

/** One synthetic radiograph with its truth. */
export interface Phantom {
  id: string;
  patient: string;
  split: 'pool' | 'validation' | 'test';
  label: 'normal' | 'lesion';
  size: number;
  /** u8[size, size]. */
  pixels: Uint8Array;
  /** u8[size, size], 255 inside a lesion; absent for normals. */
  mask?: Uint8Array;
  boxes: Box[];
}

interface Lesion extends Ellipse {
  contrast: number;
}

type Shape = (u: number, v: number) => number;

/** Images come in blocks of this many, cut into patients, so that image i never depends on the count. */
const block = 8;
const noiseSide = 256;

/**
 * Draws phantoms of one seed: chest-radiograph-like pictures, normal or with one or two opacities in a lung,
 * some of them faint. Surgical clips, electrodes and pacemakers are drawn more often on normals than on
 * lesions: a classifier that looks at them may be right for a wrong reason. Image i depends on (seed, i) alone.
 */
export class PhantomArtist {
  readonly #noise: Float32Array;

  constructor(
    private readonly seed: number,
    private readonly size: number,
  ) {
    // A tile of normal draws, sampled at two random offsets an image: fresh noise for the price of a look-up.
    const rng = new Rng(seed, 'phantom noise');
    this.#noise = Float32Array.from({ length: noiseSide * noiseSide }, () => rng.normal());
  }

  draw(index: number): Phantom {
    const { seed, size } = this;
    const patient = patientOf(seed, index);
    const anatomy = drawAnatomy(new Rng(seed, 'phantom anatomy', patient));
    const rng = new Rng(seed, 'phantom', index);
    const label = rng.uniform() < 0.45 ? 'lesion' : 'normal';
    const lesions = label === 'lesion' ? drawLesions(rng, anatomy.lungs) : [];
    const devices = rng.uniform() < (label === 'normal' ? 0.4 : 0.12) ? drawDevices(rng) : [];
    const pose = {
      shiftX: 0.03 * rng.normal(),
      shiftY: 0.02 * rng.normal(),
      turn: 0.035 * rng.normal(),
      zoom: 1 + 0.03 * rng.normal(),
    };
    const exposure = {
      gain: 0.86 + 0.28 * rng.uniform(),
      gamma: 0.85 + 0.4 * rng.uniform(),
      grain: 0.008 + 0.016 * rng.uniform(),
      fog: 0.03 + 0.05 * rng.uniform(),
    };
    const [cloud, grain] = [this.#sampler(rng), this.#sampler(rng)];

    const pixels = new Uint8Array(size * size);
    const inLesion = lesions.map(() => new Uint8Array(size * size));
    const c = Math.cos(pose.turn);
    const s = Math.sin(pose.turn);
    const film = filmCurve(exposure);
    const ray = { density: 0, lung: 0 };
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        const px = ((x + 0.5) / size - 0.5 - pose.shiftX) / pose.zoom;
        const py = ((y + 0.5) / size - 0.5 - pose.shiftY) / pose.zoom;
        const u = c * px + s * py;
        const v = -s * px + c * py + 0.5;
        attenuation(anatomy, u, v, ray);
        let density = ray.density;
        // Vessels and parenchyma: coarse noise, stronger where there is air to contrast with.
        if (density > 0)
          density += (0.012 + 0.035 * ray.lung) * (cloud(u * 28, v * 28) + 0.6 * cloud(u * 60 + 91, v * 60 + 17));
        for (let k = 0; k < lesions.length; k++) {
          const r2 = radius2(lesions[k], u, v);
          if (r2 < 2.2)
            density += lesions[k].contrast * inside(r2, 0.22) * (0.75 + 0.25 * Math.sqrt(Math.max(0, 1 - r2)));
          if (r2 < 1) inLesion[k][y * size + x] = 255;
        }
        for (const device of devices) density += device(u, v);
        const step = density * filmSteps;
        const value =
          film[step < 0 ? 0 : step >= film.length ? film.length - 1 : Math.floor(step)] + exposure.grain * grain(x, y);
        pixels[y * size + x] = value <= 0 ? 0 : value >= 1 ? 255 : Math.round(255 * value);
      }
    }
    const visible = inLesion.filter((m) => m.some((p) => p !== 0));
    return {
      id: `phantom-${String(index).padStart(6, '0')}`,
      patient: `P${String(patient).padStart(5, '0')}`,
      split: splitOf(seed, patient),
      label,
      size,
      pixels,
      mask: visible.length ? union(visible) : undefined,
      boxes: visible.map((m) => boundingBox(m, size)),
    };
  }

  /** Noise at a random place of the tile, bilinear between its points. */
  #sampler(rng: Rng): Shape {
    const x0 = rng.int(noiseSide);
    const y0 = rng.int(noiseSide);
    const tile = this.#noise;
    const wrap = noiseSide - 1;
    return (u, v) => {
      const fx = Math.floor(u);
      const fy = Math.floor(v);
      const tx = u - fx;
      const ty = v - fy;
      const row0 = ((fy + y0) & wrap) * noiseSide;
      const a0 = (fx + x0) & wrap;
      if (tx === 0 && ty === 0) return tile[row0 + a0];
      const row1 = ((fy + 1 + y0) & wrap) * noiseSide;
      const a1 = (fx + 1 + x0) & wrap;
      return (
        (tile[row0 + a0] * (1 - tx) + tile[row0 + a1] * tx) * (1 - ty) +
        (tile[row1 + a0] * (1 - tx) + tile[row1 + a1] * tx) * ty
      );
    };
  }
}

/** Steps of the film curve per unit of attenuation; it ends at 4, where everything is white. */
const filmSteps = 1024;

/** Attenuation → brightness in [0, 1]: exposure, fog and gamma as a table. */
function filmCurve({ fog, gain, gamma }: { fog: number; gain: number; gamma: number }): Float64Array {
  return Float64Array.from({ length: 4 * filmSteps }, (_, i) => {
    const film = fog + gain * (1 - Math.exp((-1.9 * (i + 0.5)) / filmSteps));
    return Math.pow(Math.min(1, film), gamma);
  });
}

/** Patients have one to four images: a block is cut at random places. */
function patientOf(seed: number, index: number): number {
  const rng = new Rng(seed, 'phantom patients', Math.floor(index / block));
  let patient = Math.floor(index / block) * block; // at most one patient an image: numbers never collide
  for (let at = 0; ; patient++) {
    at += 1 + rng.int(4);
    if (index % block < at) return patient;
  }
}

function splitOf(seed: number, patient: number): Phantom['split'] {
  const u = new Rng(seed, 'phantom split', patient).uniform();
  return u < 0.7 ? 'pool' : u < 0.8 ? 'validation' : 'test';
}

function drawLesions(rng: Rng, lungs: readonly Ellipse[]): Lesion[] {
  const count = rng.uniform() < 0.7 ? 1 : 2;
  return Array.from({ length: count }, () => {
    const lung = lungs[rng.int(2)];
    const distance = 0.72 * Math.sqrt(rng.uniform());
    const angle = 2 * Math.PI * rng.uniform();
    const radius = 0.024 + 0.05 * rng.uniform() ** 1.5;
    const stretch = 0.75 + 0.5 * rng.uniform();
    const x = lung.x + lung.rx * distance * Math.cos(angle);
    const y = lung.y - 0.04 + 0.85 * lung.ry * distance * Math.sin(angle);
    const shape = ellipse(x, y, radius * stretch, radius / stretch, Math.PI * rng.uniform());
    // A fifth are faint: about the contrast of a rib, or less.
    return { ...shape, contrast: rng.uniform() < 0.2 ? 0.05 + 0.05 * rng.uniform() : 0.12 + 0.24 * rng.uniform() };
  });
}

/** Metal on or in the patient, far denser than tissue. */
function drawDevices(rng: Rng): Shape[] {
  const kind = rng.int(3);
  if (kind === 0) return [pacemaker(rng)];
  const count = kind === 1 ? 2 + rng.int(4) : 1 + rng.int(3);
  return Array.from({ length: count }, () => {
    const x = (rng.uniform() - 0.5) * 0.6;
    const y = 0.2 + 0.5 * rng.uniform();
    return kind === 1 ? clip(x, y, Math.PI * rng.uniform()) : electrode(x, y);
  });
}

function clip(x: number, y: number, tilt: number): Shape {
  const bar = ellipse(x, y, 0.015, 0.0035, tilt);
  return (u, v) => (Math.abs(u - x) + Math.abs(v - y) > 0.05 ? 0 : 1.3 * inside(radius2(bar, u, v), 0.3));
}

/** A snap electrode: a ring with a dense centre. */
function electrode(x: number, y: number): Shape {
  return (u, v) => {
    if (Math.abs(u - x) > 0.04 || Math.abs(v - y) > 0.04) return 0;
    const r = Math.hypot(u - x, v - y);
    return 0.35 * Math.exp(-Math.pow((r - 0.02) / 0.003, 2)) + 0.9 * Math.exp(-Math.pow(r / 0.006, 2));
  };
}

/** Generator below the left collar bone, its lead looping to the heart. */
function pacemaker(rng: Rng): Shape {
  const x = 0.2 + 0.06 * rng.uniform();
  const y = 0.22 + 0.05 * rng.uniform();
  const sag = 0.03 + 0.05 * rng.uniform();
  return (u, v) => {
    const [a, b] = [(u - x) / 0.055, (v - y) / 0.045];
    const box = a * a * a * a + b * b * b * b;
    let density = box < 1.6 ? 0.95 * inside(Math.sqrt(box), 0.06) : 0;
    const t = (v - y) / 0.38;
    if (t > 0 && t < 1) {
      const lead = x * (1 - t) + 0.02 * t - sag * Math.sin(Math.PI * t) - 0.05 * t;
      density += 0.55 * Math.exp(-Math.pow((u - lead) / 0.0035, 2));
    }
    return density;
  };
}

function union(masks: readonly Uint8Array[]): Uint8Array {
  const [out, ...others] = masks.map((m) => m.slice());
  for (const mask of others) mask.forEach((m, i) => (out[i] |= m));
  return out;
}

function boundingBox(mask: Uint8Array, size: number): Box {
  const box = { x0: size, y0: size, x1: 0, y1: 0 };
  mask.forEach((m, i) => {
    if (m === 0) return;
    const x = i % size;
    const y = Math.floor(i / size);
    box.x0 = Math.min(box.x0, x);
    box.y0 = Math.min(box.y0, y);
    box.x1 = Math.max(box.x1, x + 1);
    box.y1 = Math.max(box.y1, y + 1);
  });
  return box;
}
