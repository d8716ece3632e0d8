import { expectArgument } from './errors.js';

/**
 * Given options with the defaults of those that are left out or undefined.
 * @throws SightlineError E_ARGUMENT for a name that the defaults do not have; `where` names the options
 */
export function withDefaults<T extends object>(given: Partial<T>, defaults: T, where: string): T {
  const named = Object.entries(given).filter(([, value]) => value !== undefined);
  for (const [name] of named) expectArgument(name in defaults, where, Object.keys(defaults).join(', '), name);
  return { ...defaults, ...Object.fromEntries(named) };
}
