import { isMap } from '../loop/config/leaves.js';

export type Settings = { [key: string]: unknown };

/** Settings with others laid over them: sections are merged, anything else is replaced, null takes a key away. */
export function laidOver(base: Settings, ...layers: readonly (Settings | undefined)[]): Settings {
  const merged: Settings = { ...base };
  for (const layer of layers) {
    for (const [key, value] of Object.entries(layer ?? {})) {
      const below = merged[key];
      if (value === undefined) continue;
      if (value === null) delete merged[key];
      else if (isMap(value)) merged[key] = laidOver(isMap(below) ? below : {}, value);
      else merged[key] = value;
    }
  }
  return merged;
}
