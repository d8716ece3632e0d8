import { SightlineError } from '../../core/errors.js';
import type { Weight } from './weights.js';

/** Where a layer stands: its name and its Keras 3 checkpoint name, each after those of the models that it is in. */
export interface LayerPath {
  names: readonly string[];
  checkpoints: readonly string[];
}

interface Entry {
  weight: Weight;
  /** What stands before the weight's own name, split at '/'. */
  scope: string[];
}

/**
 * Finds weights by layer. Files name them in several ways: "conv1/kernel" (TensorFlow.js, Keras 2), with scopes before
 * it ("model/conv1/kernel"), with a cell between ("lstm/lstm_cell/kernel"), or, Keras 3, by number and class of layer
 * ("layers/conv2d_3/vars/0").
 */
export class WeightNames {
  readonly #named = new Map<string, Entry[]>();
  readonly #numbered = new Map<string, Entry[]>();

  constructor(weights: readonly Weight[]) {
    for (const weight of weights) {
      const tokens = weight.name.replace(/:\d+$/, '').split('/');
      // Keras 3 counts weights that their layer gives no name over the whole model: variable_7.
      const own = (tokens.pop() as string).replace(/^variable_\d+$/, 'variable');
      if (/^\d+$/.test(own)) {
        const plumbing = new Set(['vars', 'layers', 'layer_checkpoint_dependencies']);
        const scope = tokens.map((token) => token.replace(/^_/, '')).filter((token) => !plumbing.has(token));
        append(this.#numbered, `${scope.at(-1)}/${own}`, { weight, scope });
      } else {
        append(this.#named, `${tokens.at(-1)}/${own}`, { weight, scope: tokens });
        if (tokens.length > 1) append(this.#named, `${tokens.at(-2)}/${own}`, { weight, scope: tokens.slice(0, -1) });
      }
    }
  }

  /**
   * @param names the weight's possible names
   * @param index its place among the layer's weights
   * @param where the layer, for messages
   * @throws SightlineError E_MODEL_FORMAT when there is none, or several fit equally
   */
  find(path: LayerPath, names: readonly string[], index: number, where: string): Weight {
    const layer = (path.names.at(-1) as string).split('/');
    const tokens = path.names.flatMap((name) => name.split('/'));
    const named = names.flatMap((name) => this.#named.get(`${layer.at(-1)}/${name}`) ?? []);
    const found =
      best(named, tokens, layer.length, where) ??
      best(this.#numbered.get(`${path.checkpoints.at(-1)}/${index}`) ?? [], path.checkpoints, Infinity, where) ??
      best(this.#numbered.get(`${layer.at(-1)}/${index}`) ?? [], tokens, layer.length, where);
    if (found) return found;
    throw new SightlineError('E_MODEL_FORMAT', {
      where,
      what: `the weights hold no '${names[0]}' for it`,
      remedy: 'model.json and the weights belong to different models, or layers were renamed: save the model again.',
    });
  }
}

/** The entry whose scope agrees furthest with the layer's path, from the end; among equals the shortest scope. */
function best(entries: readonly Entry[], path: readonly string[], least: number, where: string): Weight | undefined {
  const ranked = entries
    .map((entry) => ({ ...entry, agreement: agreement(entry.scope, path) }))
    .filter((entry) => entry.agreement >= Math.min(least, path.length))
    .sort((a, b) => b.agreement - a.agreement || a.scope.length - b.scope.length);
  const [first, second] = ranked;
  if (second && second.agreement === first.agreement && second.scope.length === first.scope.length) {
    throw new SightlineError('E_MODEL_FORMAT', {
      where,
      what: `both '${first.weight.name}' and '${second.weight.name}' could be its weight`,
      remedy: 'Give the layers different names and save the model again.',
    });
  }
  return first?.weight;
}

function agreement(scope: readonly string[], path: readonly string[]): number {
  let count = 0;
  while (count < Math.min(scope.length, path.length) && scope.at(-1 - count) === path.at(-1 - count)) count++;
  return count;
}

function append(map: Map<string, Entry[]>, key: string, entry: Entry): void {
  const list = map.get(key);
  if (list) list.push(entry);
  else map.set(key, [entry]);
}
