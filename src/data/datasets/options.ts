import { z } from 'zod';

/** Values of import options: from a flag's text or from YAML. */

/** A number that may come as text. */
export const wholeNumber = (least: number) => z.coerce.number().int().min(least);

export const share = z.coerce.number().min(0).max(1);

export const yes = z.boolean().default(false);

/** "Effusion,Mass" or a list. */
export const names = z
  .union([z.string().transform((text) => text.split(',')), z.array(z.string())])
  .transform((list) => list.map((name) => name.trim()).filter(Boolean))
  .refine((list) => list.length > 0, 'expected names separated by commas');
