import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { alias: { sightline: new URL('./src/index.ts', import.meta.url).pathname } },
  test: {
    include: ['test/**/*.test.ts'],
    // Native addons and GPU devices: a process per file, so that a crash is one file's failure.
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
