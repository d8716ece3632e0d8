/**
 * Runs vitest, or with --script FILE a Node script, on a machine that may have no GPU: under software Vulkan.
 *   node test/support/run.mjs [vitest arguments]
 *   node test/support/run.mjs --script bench/run.mjs [arguments]
 */
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { softwareVulkan } from './software_vulkan.mjs';

const args = process.argv.slice(2);
const vitest = () => join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');
const command = args[0] === '--script' ? args.slice(1) : [vitest(), 'run', ...args];
const child = spawn(process.execPath, command, {
  stdio: 'inherit',
  env: { ...process.env, ...(await softwareVulkan()) },
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(signal ? 1 : code));
