import { z } from 'zod';
import { nearestNames } from '../../core/nearest_names.js';

/** What a finding becomes that a report leaves uncertain: Irvin et al.'s U-Ones, U-Zeros and U-Ignore. */
export type Uncertain = 'ones' | 'zeros' | 'ignore';

/** `others` for findings without an entry of their own. */
export type UncertainPolicy = { others: Uncertain } & Readonly<Record<string, Uncertain>>;

const words: readonly string[] = ['ones', 'zeros', 'ignore'] satisfies Uncertain[];

/**
 * A policy as text, "zeros" or "zeros,Edema=ones", or the same as a list.
 * @param findings those that a policy may name; @param preset where nothing is given
 */
export function uncertainPolicy(findings: readonly string[], preset: string): z.ZodType<UncertainPolicy> {
  return z
    .union([z.string().transform((text) => text.split(',')), z.array(z.string())])
    .default(preset.split(','))
    .transform((parts, context) => {
      const policy: Record<string, string> = {};
      const problem = (message: string) => context.addIssue({ code: 'custom', message });
      for (const part of parts.map((text) => text.trim()).filter(Boolean)) {
        const [name, word] = part.includes('=') ? part.split('=').map((text) => text.trim()) : ['others', part];
        const near = nearestNames(name, findings);
        if (!words.includes(word)) problem(`expected ones, zeros or ignore, received "${word}"`);
        else if (name !== 'others' && !findings.includes(name))
          problem(
            `"${name}" is not a finding that can be uncertain${near.length ? `; did you mean ${near.join(' or ')}?` : ''}`,
          );
        else if (name in policy) problem(`${name} is given twice`);
        policy[name] = word;
      }
      if (!('others' in policy)) problem('a word for all other findings is missing: "zeros,Edema=ones"');
      return policy as UncertainPolicy;
    });
}
