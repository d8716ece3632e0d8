import { SightlineError } from '../../core/errors.js';
import { constantOf, valuesOf } from '../constant.js';
import type { Emitter } from '../emitter.js';
import { divide } from './divide.js';
import type { LinearRule } from './presets.js';
import type { RelevanceView } from './view.js';

/** A layer z = x·W + b, as far as its relevance rules need to know it. */
export interface LinearLayer {
  x: string;
  weights: string;
  bias?: string;
  /** x·W, without bias. */
  forward(x: string, weights: string): string;
  /** s·Wᵀ, in the dims of x. */
  backward(s: string, weights: string): string;
  /** A bias vector shaped to broadcast to z. */
  shapedBias?(bias: string): string;
}

/** Relevance of a linear layer's input, by the preset's rule for its kind. */
export function linearRelevance(
  view: RelevanceView,
  kind: 'convolution' | 'dense',
  layer: LinearLayer,
): (string | undefined)[] {
  const relevance = view.arriving(0);
  if (!relevance) return [undefined];
  const { preset } = view;
  const bounds = preset.input && view.values.bounds(layer.x, view.emit);
  const rule = bounds && preset.input ? preset.input : preset[kind];
  const root = preset.rooted ? view.values.root(layer.x, view.emit) : undefined;
  const rooted = root && !bounds ? { ...layer, x: view.emit.sub(layer.x, root) } : layer;
  return [divided(view, rule, rooted, relevance, bounds, Boolean(root))];
}

function divided(
  view: RelevanceView,
  rule: LinearRule,
  layer: LinearLayer,
  relevance: string,
  bounds: readonly [string, string] | undefined,
  signed: boolean,
): string {
  const { emit, preset } = view;
  switch (rule.kind) {
    case 'epsilon': {
      const bias = rule.bias === 'full' ? layer.bias : undefined;
      const s = divide(emit, relevance, withBias(emit, layer, layer.forward(layer.x, layer.weights), bias), preset);
      return emit.mul(layer.x, layer.backward(s, layer.weights));
    }
    case 'z-box':
      if (bounds) return zBox(view, layer, relevance, bounds);
      return alphaBeta(view, { kind: 'alpha-beta', alpha: 1, beta: 0, bias: 'none' }, layer, relevance, signed);
    case 'alpha-beta':
      return alphaBeta(view, rule, layer, relevance, signed);
    case 'w-square':
    case 'flat': {
      const weights = mapped(emit, layer.weights, rule.kind === 'flat' ? () => 1 : (w) => w * w);
      const dims = emit.dims(layer.x);
      const ones = emit.op('Expand', [emit.scalar(layer.x, 1), emit.ints([1, ...dims.slice(1)])]);
      const s = divide(emit, relevance, layer.forward(ones, weights), preset, true);
      return layer.backward(s, weights);
    }
  }
}

/** Z = xW − lW⁺ − hW⁻; R = x·(Wᵀs) − l·(W⁺ᵀs) − h·(W⁻ᵀs): every term of Z is non-negative for l ≤ x ≤ h. */
function zBox(
  { emit, preset }: RelevanceView,
  layer: LinearLayer,
  relevance: string,
  [low, high]: readonly [string, string],
): string {
  const { x, weights } = layer;
  const [positive, negative] = [positivePart(emit, weights), negativePart(emit, weights)];
  const floor = emit.add(layer.forward(low, positive), layer.forward(high, negative));
  const s = divide(emit, relevance, emit.sub(layer.forward(x, weights), floor), preset);
  const share = emit.mul(x, layer.backward(s, weights));
  const below = emit.add(emit.mul(low, layer.backward(s, positive)), emit.mul(high, layer.backward(s, negative)));
  return emit.sub(share, below);
}

function alphaBeta(
  view: RelevanceView,
  { alpha, beta, bias }: Extract<LinearRule, { kind: 'alpha-beta' }>,
  layer: LinearLayer,
  relevance: string,
  signed: boolean,
): string {
  const { emit } = view;
  const [above, below] =
    signed || !view.values.nonNegative(layer.x) ? signedParts(emit, layer.x) : [layer.x, undefined];
  /** Relevance in proportion to x⁺·W⁺ + x⁻·W⁻ (sign 1) or x⁺·W⁻ + x⁻·W⁺. */
  const share = (offset: string | undefined, sign: 1 | -1) => {
    const part = (positive: boolean) => (positive ? positivePart : negativePart)(emit, layer.weights);
    const forAbove = part(sign === 1);
    const forBelow = below ? part(sign === -1) : '';
    const terms = [layer.forward(above, forAbove), ...(below ? [layer.forward(below, forBelow)] : [])];
    const z = withBias(
      emit,
      layer,
      terms.reduce((a, b) => emit.add(a, b)),
      offset,
    );
    const s = divide(emit, relevance, z, view.preset, sign === 1 && bias !== 'full');
    const up = emit.mul(above, layer.backward(s, forAbove));
    return below ? emit.add(up, emit.mul(below, layer.backward(s, forBelow))) : up;
  };
  const offset = (sign: 1 | -1) => {
    if (!layer.bias || bias === 'none') return undefined;
    if (bias === 'full') return layer.bias;
    return mapped(emit, layer.bias, (b) => (b * sign > 0 ? b : 0));
  };
  const gain = share(offset(1), 1);
  if (beta === 0) return emit.scale(gain, alpha);
  const loss = share(offset(-1), -1);
  return emit.sub(emit.scale(gain, alpha), emit.scale(loss, beta));
}

function withBias(emit: Emitter, layer: LinearLayer, z: string, bias: string | undefined): string {
  return bias ? emit.add(z, layer.shapedBias ? layer.shapedBias(bias) : bias) : z;
}

/** max(x, 0) and min(x, 0). */
function signedParts(emit: Emitter, x: string): [string, string] {
  const above = emit.op('Relu', [x]);
  return [above, emit.sub(x, above)];
}

/**
 * max(W, 0). Dense layers may hold hundreds of megabytes: theirs is left to the runtime, which computes it once on opening.
 * The gradient of a convolution is faster with weights that are known now.
 */
function positivePart(emit: Emitter, weights: string): string {
  if (emit.dims(weights).length === 2) return emit.op('Relu', [weights]);
  return mapped(emit, weights, (w) => Math.max(w, 0));
}

/** min(W, 0). */
function negativePart(emit: Emitter, weights: string): string {
  if (emit.dims(weights).length === 2) return emit.sub(weights, emit.op('Relu', [weights]));
  return mapped(emit, weights, (w) => Math.min(w, 0));
}

/** A constant with every element mapped; the caller saw to it that it is one. */
function mapped(emit: Emitter, name: string, compute: (value: number) => number): string {
  const constant = emit.constantOf(name);
  if (!constant) throw new SightlineError('E_INTERNAL', { where: name, what: 'weights that are no constant' });
  const values = valuesOf(constant);
  const out = new Float32Array(values.length);
  for (let i = 0; i < out.length; i++) out[i] = compute(values[i]);
  return emit.constant(constantOf(constant.type, constant.dims, out));
}
