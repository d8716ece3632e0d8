/**
 * The JavaScript peers, each with its backends: installed into this folder on the first run, with no scripts run and no
 * optional native builds. Where they cannot be installed the bench runs without them, and says so.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('.', import.meta.url));

/** @returns {Promise<{name: string, backend: string, kernels: object, versions: object, use: (backend: string) => Promise<number>}[]>} */
export async function openPeers() {
  if (!existsSync(`${folder}node_modules`)) {
    console.log('installing gpu.js and tfjs into bench/javascript …');
    const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
    const args = ['ci', '--ignore-scripts', '--omit=optional', '--no-fund', '--no-audit'];
    const { status } = spawnSync(npm, args, { cwd: folder, stdio: 'inherit', shell: process.platform === 'win32' });
    if (status !== 0) {
      console.log('gpu.js and tfjs cannot be installed here: the bench goes on without them');
      return [];
    }
  }
  const modules = { 'gpu.js': await import('./gpu_js.mjs'), tfjs: await import('./tfjs.mjs') };
  return Object.entries(modules).flatMap(([name, { backends, ...peer }]) =>
    backends.map((backend) => ({ name, backend, ...peer })),
  );
}
