/** The domain of ops that are ours: what training does on the CPU in one pass where standard ops take many. */
export const ownDomain = 'sightline';
