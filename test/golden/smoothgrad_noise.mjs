// Run by explanations.py: writes SmoothGrad's noise, [copies, length] float32, as src/explain/smoothgrad.ts draws it (from
// dist/, so `npm run build` comes first), to the file given: node smoothgrad_noise.mjs FILE COPIES LENGTH
import { writeFileSync } from 'node:fs';
import { Rng } from '../../dist/core/rng.js';

const [file, copies, length] = process.argv.slice(2);
const noise = new Float32Array(copies * length);
for (let copy = 0; copy < copies; copy++) {
  const rng = new Rng(0, 'smoothgrad', copy);
  for (let i = 0; i < length; i++) noise[copy * length + i] = rng.normal();
}
writeFileSync(file, noise);
