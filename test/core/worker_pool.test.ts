import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

/** Opens pools and closes them while their threads are at any point of loading. */
const hasty = `
const { WorkerPool } = await import(process.argv[1]);
for (let i = 0; i < 12; i++) {
  const pool = new WorkerPool('engine/inference_worker', { threads: 2, data: {} });
  await new Promise((resolve) => setTimeout(resolve, 30 * i));
  await pool.close();
}`;

it('a pool that is closed while its threads load takes nobody along', async () => {
  const pool = new URL('../../dist/core/worker_pool.js', import.meta.url).href;
  const run = promisify(execFile)(process.execPath, ['--input-type=module', '-e', hasty, pool]);
  await expect(run).resolves.toMatchObject({ stderr: '' });
});
