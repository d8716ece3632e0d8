/** The Python environment of the peers: made in bench/peers/.venv on the first run, and a line-by-line connection to it. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const venv = here('.venv');
const python = `${venv}/bin/python`;

const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];

/** Installs what requirements.txt names, unless that has been done. @throws Error when Python or the registry is missing */
export function preparePython() {
  const wanted = ['requirements.txt', 'requirements_source.txt']
    .map((file) => readFileSync(here(file), 'utf8'))
    .join('');
  const stamp = `${venv}/installed.txt`;
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  console.log('installing the Python peers into bench/peers/.venv (several GB, a few minutes)');
  const steps = [
    ['python3', ['-m', 'venv', venv]],
    [python, [...install, '-r', here('requirements.txt')]],
    [python, [...install, '--no-build-isolation', '-r', here('requirements_source.txt')]],
  ];
  for (const [command, args] of steps) {
    const { status } = spawnSync(command, args, { stdio: 'inherit' });
    if (status !== 0)
      throw new Error(`${command} ${args.join(' ')} failed: the peers need Python 3.10 or newer and PyPI`);
  }
  writeFileSync(stamp, wanted);
}

/**
 * Starts a peer script that answers one JSON line per JSON line.
 * @param {string} script file name in bench/peers
 * @param {number} threads of every thread pool in it
 */
export function openPeer(script, threads) {
  const limits = Object.fromEntries(
    ['OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'NUMEXPR_NUM_THREADS'].map((name) => [
      name,
      `${threads}`,
    ]),
  );
  const child = spawn(python, [here(script)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...limits, PYTHONWARNINGS: 'ignore' },
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    /** Sends a command and waits for its answer. @throws Error with Python's own message */
    async ask(command) {
      child.stdin.write(`${JSON.stringify(command)}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error(`${script} ended before it answered`);
      const answer = JSON.parse(value);
      if (answer.error) throw new Error(`${script}: ${answer.error}`);
      return answer;
    },
    close: () => child.stdin.end(),
  };
}
