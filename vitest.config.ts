import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** What takes a minute or so begins first, so that no core waits for it at the end. */
const slowest = [
  'loop/run',
  'loop/killed',
  'runtime/tfjs_models',
  'training/webgpu',
  'cli/score',
  'docs/tutorial',
  'report/cases',
  'experiments/run_experiment',
  'report/run_report',
  'kernels/parity',
  'forest/online_forest',
  'cli/train',
  'kernels/webgpu',
  'runtime/session',
  'cli/commands',
  'golden/radiomics',
  'engine/radiomics_ranking',
  'graph/gradient_webgpu',
];

class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const at = slowest.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
      return at < 0 ? slowest.length : at;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

export default defineConfig({
  resolve: { alias: { sightline: new URL('./src/index.ts', import.meta.url).pathname } },
  test: {
    include: ['test/**/*.test.ts'],
    // Native addons and GPU devices: a process per file, so that a crash is one file's failure.
    pool: 'forks',
    // On two cores Vitest's own choice is one file at a time.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    sequence: { sequencer: SlowestFirst },
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
