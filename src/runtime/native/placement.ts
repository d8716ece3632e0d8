import type { PlanDescription } from '../../backend/native.js';
import { bytesOf, type Lowered, type PlanPort } from './plan.js';
import { aligned, pack, type Interval } from './memory.js';
import type { Node } from '../../graph/ir.js';
import type { StepForm } from './steps.js';

/** A node as the addon runs it. */
export interface PlannedStep extends StepForm {
  node: Node;
}

/** Places of values, by the addon's numbers. */
const place = { input: 0, output: 1, constant: 2, arena: 3 } as const;

export interface Placement {
  /** In the order in which they run, copies included. */
  steps: readonly PlannedStep[];
  /** The values that lie in the output arrays, in their order. */
  results: readonly string[];
  placeOf(name: string): { place: number; at: number };
  constants: PlanDescription['constants'];
  constantBytes: number;
  arenaBytes: number;
}

/** Inputs that an op may write its first output over, where dims and element size agree. */
const overwrites = new Map<string, readonly number[]>([
  ...['Abs', 'BatchNormalization', 'BatchNormTraining', 'Ceil', 'Clip', 'Elu', 'Erf', 'Exp', 'Floor', 'Gelu'].map(
    first,
  ),
  ...['HardSigmoid', 'HardSwish', 'LeakyRelu', 'Log', 'Neg', 'Not', 'Reciprocal', 'Relu', 'Sigmoid', 'Sign'].map(first),
  ...['Softplus', 'Sqrt', 'Tanh'].map(first),
  ...['Add', 'Div', 'Max', 'Min', 'Mul', 'Pow', 'ReluGradient', 'Sub'].map(either),
  ['Where', [1, 2]],
  // dx over g or x: its kernel reads an element of both before it writes that of dx.
  ...['BatchNormTrainingGradient', 'BatchNormGradient'].map(either),
]);

function first(op: string): [string, readonly number[]] {
  return [op, [0]];
}

function either(op: string): [string, readonly number[]] {
  return [op, [0, 1]];
}

/**
 * Decides where every value lies. Inputs, outputs and constants lie in memory of their own; the rest shares one arena by
 * the time that it is needed. A value that is both computed and an output lies in the output's array from the start.
 */
export function placeValues(lowered: Lowered, inputs: readonly PlanPort[], outputs: readonly PlanPort[]): Placement {
  const { known, storageOf } = lowered;
  const places = new Map<string, { place: number; at: number }>();
  const constants: { at: number; bytes: Uint8Array }[] = [];
  let constantBytes = 0;
  inputs.forEach(({ name }, at) => places.set(name, { place: place.input, at }));

  // A constant where it is read, and also where it goes out.
  const constantPlace = (name: string) => {
    const constant = known.constant(name);
    if (!constant) return undefined;
    const at = constantBytes;
    constants.push({ at, bytes: constant.raw });
    constantBytes += aligned(constant.raw.byteLength);
    return { place: place.constant, at };
  };

  // Outputs that no step can write (inputs, constants, second names of another output) are copied at the end.
  const copies: PlannedStep[] = [];
  const results = outputs.map(({ name, dims }, at) => {
    const storage = storageOf(name);
    if (!places.has(storage) && !known.constant(storage)) {
      places.set(storage, { place: place.output, at });
      return name;
    }
    const copy = `${name}@output`;
    known.setShape(copy, { type: known.shape(name)?.type ?? 'f32', dims });
    copies.push({ node: copyOf(storage, copy), inputs: [storage], attributes: {} });
    places.set(copy, { place: place.output, at });
    return copy;
  });

  const leaves = (name: string) => places.get(storageOf(name))?.place === place.output;
  const steps = [...early(lowered.steps, leaves, storageOf), ...copies];
  const lives = lifetimes(steps, storageOf);
  const inArena = (storage: string) => !places.has(storage) && !known.constant(storage);
  const merged = overwritten(steps, storageOf, lives, inArena, (a, b) => sameForm(lowered, a, b));

  // One interval for all values that take over each other's memory.
  const intervals = new Map<string, Interval>();
  for (const [storage, { from, to }] of lives) {
    if (!inArena(storage)) continue;
    const root = rootOf(merged, storage);
    const interval = intervals.get(root) ?? { bytes: bytesOf(known, root), first: from, last: to };
    interval.first = Math.min(interval.first, from);
    interval.last = Math.max(interval.last, to);
    intervals.set(root, interval);
  }
  const names = [...intervals.keys()];
  const { offsets, total } = pack([...intervals.values()]);
  names.forEach((name, i) => places.set(name, { place: place.arena, at: offsets[i] }));

  const placeOf = (name: string) => {
    const storage = storageOf(name);
    const found = places.get(storage) ?? places.get(rootOf(merged, storage)) ?? constantPlace(storage);
    if (!found) return { place: place.arena, at: 0 }; // an input that its kernel does not read
    places.set(storage, found);
    return found;
  };
  // Constants get their places as they are read: ask for all before their size is taken.
  for (const { node, inputs: reads } of steps) for (const name of [...reads, ...node.outputs]) if (name) placeOf(name);
  return { steps, results, placeOf, constants, constantBytes, arenaBytes: total };
}

function copyOf(from: string, to: string): Node {
  return { name: to, op: 'Identity', domain: '', inputs: [from], outputs: [to], attributes: {} };
}

/**
 * Steps whose results all leave the plan (gradients of weights) run as soon as what they read is there, so that its
 * memory is free again early; the rest keeps its order.
 */
function early(
  steps: readonly PlannedStep[],
  leaves: (name: string) => boolean,
  storageOf: (name: string) => string,
): PlannedStep[] {
  const read = new Set(steps.flatMap(({ inputs }) => inputs.map(storageOf)));
  const made = new Map<string, number>();
  const keys = steps.map(({ node, inputs }, at) => {
    const results = node.outputs.filter((name) => name !== '');
    const final = results.every((name) => leaves(name) && !read.has(storageOf(name)));
    const ready = inputs.reduce((latest, name) => Math.max(latest, made.get(storageOf(name)) ?? -1), -1);
    // After the step that made the last input, before the one that follows it.
    const key = final ? ready + 0.5 : at;
    for (const name of results) made.set(storageOf(name), at);
    return { key, at };
  });
  return keys.sort((a, b) => a.key - b.key || a.at - b.at).map(({ at }) => steps[at]);
}

/** The steps that first write and last touch each piece of memory. */
function lifetimes(steps: readonly PlannedStep[], storageOf: (name: string) => string) {
  const lives = new Map<string, { from: number; to: number }>();
  steps.forEach(({ node, inputs }, at) => {
    for (const name of [...inputs, ...node.outputs]) {
      if (!name) continue;
      const storage = storageOf(name);
      const life = lives.get(storage);
      if (life) life.to = at;
      else lives.set(storage, { from: at, to: at });
    }
  });
  return lives;
}

/** By name of a value that is written over another one: the name of that one. */
function overwritten(
  steps: readonly PlannedStep[],
  storageOf: (name: string) => string,
  lives: ReadonlyMap<string, { from: number; to: number }>,
  inArena: (storage: string) => boolean,
  sameForm: (a: string, b: string) => boolean,
): Map<string, string> {
  const merged = new Map<string, string>();
  steps.forEach(({ node, inputs }, at) => {
    const [out] = node.outputs;
    const target = out && storageOf(out);
    if (!target || !inArena(target)) return;
    // Variadic ops read their later inputs after writing the output.
    if (inputs.length > 2 && (node.op === 'Max' || node.op === 'Min')) return;
    const taken = overwrites.get(node.op) ?? [];
    for (const index of taken) {
      const input = inputs[index];
      if (!input || !sameForm(input, out)) continue;
      const storage = storageOf(input);
      if (!inArena(storage) || lives.get(storage)?.to !== at) continue;
      // Another input may be the same memory only where it is read element by element as this one is.
      const apart = inputs.every(
        (other, i) =>
          i === index || !other || storageOf(other) !== storage || (taken.includes(i) && sameForm(other, out)),
      );
      if (!apart) continue;
      merged.set(target, storage);
      return;
    }
  });
  return merged;
}

function rootOf(merged: ReadonlyMap<string, string>, storage: string): string {
  let at = storage;
  for (let next = merged.get(at); next !== undefined; next = merged.get(at)) at = next;
  return at;
}

function sameForm({ known }: Lowered, a: string, b: string): boolean {
  return known.shape(a)?.dims.join() === known.shape(b)?.dims.join() && bytesOf(known, a) === bytesOf(known, b);
}
