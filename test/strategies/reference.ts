import { openBackend } from '../../src/backend/index.js';

/** Toy pools need no speed: distances are those of the definition. */
export const referenceBackend = await openBackend({ prefer: 'reference' });
