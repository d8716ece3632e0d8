import type { Rng } from '../core/rng.js';

/** Ellipse in anatomical coordinates: x from the spine (patient's right negative), y from the top, the field 1 wide. */
export interface Ellipse {
  x: number;
  y: number;
  rx: number;
  ry: number;
  /** Of the tilt, which is the same for every pixel. */
  cos: number;
  sin: number;
}

/** @param tilt radians */
export function ellipse(x: number, y: number, rx: number, ry: number, tilt = 0): Ellipse {
  return { x, y, rx, ry, cos: Math.cos(tilt), sin: Math.sin(tilt) };
}

/** A chest as attenuating shapes; shared by all images of a patient. */
export interface Anatomy {
  halfWidth: number;
  /** How fast the shoulders fall from the neck. */
  shoulders: number;
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
    halfWidth: between(rng, 0.47, 0.55) * scale,
    shoulders: between(rng, 0.45, 0.75),
    lungs: [
      ellipse(-apart, top, lungWidth * 1.06, lungHeight * 0.97, between(rng, 0.08, 0.16)),
      ellipse(apart, top + 0.01, lungWidth * 0.97, lungHeight, -between(rng, 0.08, 0.16)),
    ],
    heart: ellipse(
      between(rng, 0.045, 0.075),
      top + between(rng, 0.14, 0.18),
      between(rng, 0.12, 0.155),
      between(rng, 0.13, 0.165),
      between(rng, -0.7, -0.4),
    ),
    spineWidth: between(rng, 0.035, 0.045),
    ribSpacing: between(rng, 0.068, 0.08) * scale,
    ribDrop: between(rng, 0.5, 0.75),
    ribStart: between(rng, 0.1, 0.15),
    ribContrast: between(rng, 0.09, 0.16),
    diaphragm: top + lungHeight * between(rng, 0.72, 0.82),
  };
}

/** Squared normalised radius: below 1 inside. */
export function radius2({ x, y, rx, ry, cos, sin }: Ellipse, u: number, v: number): number {
  const a = ((u - x) * cos + (v - y) * sin) / rx;
  const b = (-(u - x) * sin + (v - y) * cos) / ry;
  return a * a + b * b;
}

/** 1 well inside, 0 well outside, smooth over about `soft` of the radius. */
export function inside(r2: number, soft: number): number {
  const t = (1 + soft - Math.sqrt(r2)) / (2 * soft);
  const c = t < 0 ? 0 : t > 1 ? 1 : t;
  return c * c * (3 - 2 * c);
}

/** What one ray passes: attenuation, and how much of it is lung (0–1). Written in place: one object an image, not one a pixel. */
export interface Ray {
  density: number;
  lung: number;
}

/**
 * Attenuation along the ray through (u, v): 0 for air, about 1 for the densest part of the chest.
 * Soft tissue as thick as the body, lungs as missing tissue, heart, spine, ribs and diaphragm on top.
 */
export function attenuation(a: Anatomy, u: number, v: number, out: Ray): void {
  const tissue = bodyThickness(a, u, v);
  out.density = out.lung = 0;
  if (tissue === 0) return;
  // The diaphragm's dome is higher on the patient's right, over the liver.
  const fromDome = Math.abs(u) - 0.19;
  const dome = a.diaphragm + 2 * fromDome * fromDome - (u < 0 ? 0.018 : 0);
  const belly = 1 / (1 + Math.exp(-(v - dome) * 90));
  const lung = Math.max(inside(radius2(a.lungs[0], u, v), 0.07), inside(radius2(a.lungs[1], u, v), 0.07)) * (1 - belly);
  let density = tissue * (1 - 0.68 * lung);
  density += 0.26 * inside(radius2(a.heart, u, v), 0.12) * (1 - 0.55 * belly);
  density += 0.12 * belly;
  if (Math.abs(u) < 0.25) {
    density += 0.2 * bell(u / a.spineWidth) * (0.8 + 0.2 * Math.sin(v * 95)); // vertebrae
    density += 0.14 * bell(u / 0.075) * (1 - belly); // mediastinum: a soft column around the spine
  }
  out.density = density + ribs(a, u, v);
  out.lung = lung;
}

function bell(x: number): number {
  return Math.exp(-x * x);
}

/** Trunk with shoulders and neck: thickest in the middle, 0 outside. */
function bodyThickness(a: Anatomy, u: number, v: number): number {
  const side = Math.abs(u);
  const x = side / a.halfWidth;
  if (x >= 1) return 0;
  const beyondNeck = Math.max(0, side - 0.1);
  const depth = (v - 0.015 - a.shoulders * beyondNeck * (0.4 + beyondNeck)) / 0.3;
  // Above the shoulders' line only the neck is left: a column with soft edges.
  const neck = side < 0.07 ? 1 : side < 0.13 ? (0.13 - side) / 0.06 : 0;
  const down = Math.max(Math.min(1, depth), neck * neck * (3 - 2 * neck));
  if (down <= 0) return 0;
  const x2 = x * x;
  const edge = Math.min(1, (1 - x) / 0.04, down / 0.06);
  return edge * 0.16 + 0.52 * Math.sqrt((1 - x2 * x2) * down * (2 - down));
}

const cage = ellipse(0, 0.5, 0.385, 0.43);

/** Posterior ribs: evenly spaced arcs that fall towards the side, brightest along their edges, and the collar bones. */
function ribs(a: Anatomy, u: number, v: number): number {
  const side = Math.abs(u);
  if (side < 0.03) return 0;
  const within = inside(radius2(cage, u, v), 0.08);
  if (within === 0) return 0;
  const phase = (v - a.ribStart + 0.1 * side - a.ribDrop * side * side * 1.6) / a.ribSpacing;
  const off = Math.abs(phase - Math.round(phase)) * a.ribSpacing;
  const half = 0.0165;
  const band =
    off < half ? 0.55 + 0.45 * (off / half) * (off / half) : off < half + 0.012 ? bell((off - half) / 0.004) : 0;
  const fade = Math.min(1, (side - 0.03) / 0.05);
  const collar = v - 0.155 + 0.13 * (side - 0.05);
  const clavicle = side > 0.04 && side < 0.34 && Math.abs(collar) < 0.04 ? 0.13 * bell(collar / 0.013) : 0;
  return (phase > -0.5 ? a.ribContrast * band * fade * within : 0) + clavicle;
}
