import type { Rng } from '../core/rng.js';

/** Ellipse in anatomical coordinates: x from the spine (patient's right negative), y from the top, the field 1 wide. */
export interface Ellipse {
  x: number;
  y: number;
  rx: number;
  ry: number;
  /** Radians. */
  tilt: number;
}

/** A chest as attenuating shapes; shared by all images of a patient. */
export interface Anatomy {
  body: Ellipse;
  lungs: [Ellipse, Ellipse];
  heart: Ellipse;
  spineWidth: number;
  ribSpacing: number;
  ribDrop: number;
  ribStart: number;
  ribContrast: number;
  diaphragm: number;
}

const between = (rng: Rng, low: number, high: number) => low + (high - low) * rng.uniform();

export function drawAnatomy(rng: Rng): Anatomy {
  const scale = between(rng, 0.92, 1.06);
  const lungWidth = between(rng, 0.135, 0.165) * scale;
  const lungHeight = between(rng, 0.29, 0.34) * scale;
  const apart = between(rng, 0.185, 0.215) * scale;
  const top = between(rng, 0.44, 0.48);
  return {
    body: { x: 0, y: 0.62, rx: between(rng, 0.46, 0.54) * scale, ry: between(rng, 0.68, 0.76), tilt: 0 },
    lungs: [
      { x: -apart, y: top, rx: lungWidth * 1.06, ry: lungHeight * 0.97, tilt: between(rng, 0.08, 0.16) },
      { x: apart, y: top + 0.01, rx: lungWidth * 0.97, ry: lungHeight, tilt: -between(rng, 0.08, 0.16) },
    ],
    heart: { x: between(rng, 0.045, 0.075), y: top + between(rng, 0.14, 0.18), rx: between(rng, 0.12, 0.155), ry: between(rng, 0.13, 0.165), tilt: between(rng, -0.7, -0.4) },
    spineWidth: between(rng, 0.035, 0.045),
    ribSpacing: between(rng, 0.068, 0.08) * scale,
    ribDrop: between(rng, 0.5, 0.75),
    ribStart: between(rng, 0.1, 0.15),
    ribContrast: between(rng, 0.09, 0.16),
    diaphragm: top + lungHeight * between(rng, 0.72, 0.82),
  };
}

/** Squared normalised radius: below 1 inside. */
export function radius2({ x, y, rx, ry, tilt }: Ellipse, u: number, v: number): number {
  const c = Math.cos(tilt);
  const s = Math.sin(tilt);
  const a = ((u - x) * c + (v - y) * s) / rx;
  const b = (-(u - x) * s + (v - y) * c) / ry;
  return a * a + b * b;
}

/** 1 well inside, 0 well outside, smooth over about `soft` of the radius. */
export function inside(r2: number, soft: number): number {
  const t = (1 + soft - Math.sqrt(r2)) / (2 * soft);
  const c = t < 0 ? 0 : t > 1 ? 1 : t;
  return c * c * (3 - 2 * c);
}

/**
 * Attenuation along the ray through (u, v): 0 for air, about 1 for the densest part of the chest.
 * Soft tissue as thick as the body, lungs as missing tissue, heart, spine, ribs and diaphragm on top.
 */
export function attenuation(a: Anatomy, u: number, v: number): { density: number; lung: number } {
  const body = radius2(a.body, u, v);
  const tissue = body < 1 ? 0.2 + 0.5 * Math.sqrt(1 - body) : 0;
  if (tissue === 0) return { density: 0, lung: 0 };
  // The diaphragm's dome is higher on the patient's right, over the liver.
  const dome = a.diaphragm + 0.5 * Math.pow(Math.abs(Math.abs(u) - 0.19), 2) * 4 - (u < 0 ? 0.018 : 0);
  const belly = 1 / (1 + Math.exp(-(v - dome) * 90));
  const lung = Math.max(inside(radius2(a.lungs[0], u, v), 0.07), inside(radius2(a.lungs[1], u, v), 0.07)) * (1 - belly);
  let density = tissue * (1 - 0.68 * lung);
  density += 0.26 * inside(radius2(a.heart, u, v), 0.12) * (1 - 0.55 * belly);
  density += 0.12 * belly;
  const fromSpine = u / a.spineWidth;
  const vertebrae = 0.8 + 0.2 * Math.sin(v * 95);
  density += 0.2 * Math.exp(-fromSpine * fromSpine) * vertebrae;
  // Mediastinum: a soft column around the spine above the heart.
  density += 0.14 * Math.exp(-Math.pow(u / 0.075, 2)) * (1 - belly);
  density += ribs(a, u, v);
  return { density, lung };
}

/** Posterior ribs: evenly spaced arcs that fall towards the side, brightest along their edges, and the collar bones. */
function ribs(a: Anatomy, u: number, v: number): number {
  const side = Math.abs(u);
  const cage = inside(radius2({ x: 0, y: 0.5, rx: 0.385, ry: 0.43, tilt: 0 }, u, v), 0.08);
  if (cage === 0 || side < 0.03) return 0;
  const phase = (v - a.ribStart + 0.1 * side - a.ribDrop * side * side * 1.6) / a.ribSpacing;
  const off = (phase - Math.round(phase)) * a.ribSpacing;
  const half = 0.0165;
  const band = Math.abs(off) < half ? 0.55 + 0.45 * Math.pow(off / half, 2) : Math.exp(-Math.pow((Math.abs(off) - half) / 0.004, 2));
  const fade = Math.min(1, (side - 0.03) / 0.05);
  const collar = v - 0.155 + 0.13 * (side - 0.05);
  const clavicle = side > 0.04 && side < 0.34 ? 0.13 * Math.exp(-Math.pow(collar / 0.013, 2)) : 0;
  return (phase > -0.5 ? a.ribContrast * band * fade * cage : 0) + clavicle;
}
