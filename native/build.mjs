/**
 * Builds the C++ addon with the node-gyp dependency.
 *   node native/build.mjs              as npm's install step: never fails, says what is missing
 *   node native/build.mjs --required   fails when the addon cannot be built
 *   … --prebuild                       also copies it to prebuilds/<platform>-<arch>/ for the package
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const required = process.argv.includes('--required');
const built = join(root, 'build', 'Release', 'sightline.node');
const stamp = join(root, 'build', 'sources.sha256');
const shipped = join(root, 'prebuilds', `${process.platform}-${process.arch}`, 'sightline.node');

/** Changes whenever the addon has to be built again. */
function sourceHash() {
  const hash = createHash('sha256').update(process.version).update(process.arch);
  const files = [
    'binding.gyp',
    ...readdirSync(join(root, 'native'))
      .sort()
      .map((file) => join('native', file)),
  ];
  for (const file of files) if (/\.(cc|h|gyp)$/.test(file)) hash.update(file).update(readFileSync(join(root, file)));
  return hash.digest('hex');
}

/** Node's headers beside the running Node, when they are there: then nothing is downloaded. */
function headersFlag() {
  const prefix = dirname(dirname(process.execPath));
  return existsSync(join(prefix, 'include', 'node', 'node_api.h')) ? [`--nodedir=${prefix}`] : [];
}

/** What the user lacks, by the name of the thing to install. */
function missingTools() {
  const works = (command, ...args) => spawnSync(command, args, { stdio: 'ignore' }).status === 0;
  if (process.platform === 'win32')
    return works('where', 'msbuild') ? [] : ['Visual Studio Build Tools (C++ workload)'];
  return [
    ...(works(process.env.CXX ?? 'c++', '--version') || works('g++', '--version')
      ? []
      : ['a C++17 compiler (g++ or clang++)']),
    ...(works('make', '--version') ? [] : ['make']),
    ...(works('python3', '--version') ? [] : ['Python 3 (node-gyp needs it to build; nothing needs it to run)']),
  ];
}

function giveUp(reason) {
  console.error(`\nsightline: the C++ addon was not built: ${reason}`);
  console.error(
    'Sightline still runs, on WebGPU or on the slow reference backend. To build the addon later: npm run build:native',
  );
  console.error('"sightline doctor" tells what works on this machine.\n');
  process.exit(required ? 1 : 0);
}

function build() {
  const missing = missingTools();
  if (missing.length) giveUp(`missing ${missing.join(', ')}. Install it, then run the command below.`);
  let gyp;
  try {
    gyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');
  } catch {
    giveUp('the dependency node-gyp is not installed (run npm ci first).');
  }
  const run = spawnSync(process.execPath, [gyp, 'rebuild', '--silent', ...headersFlag()], {
    cwd: root,
    encoding: 'utf8',
    env: process.env,
  });
  if (run.status !== 0 || !existsSync(built)) {
    const output = `${run.stdout ?? ''}${run.stderr ?? ''}`.trim().split('\n').slice(-25).join('\n');
    const headers =
      headersFlag().length || !/headers|ENOTFOUND|ECONNREFUSED|tarball/i.test(output)
        ? ''
        : " (Node's headers could not be fetched: install your Node's development package, or set npm_config_nodedir)";
    giveUp(`the compiler failed${headers}.\n${output}`);
  }
  writeFileSync(stamp, sourceHash());
}

const upToDate = existsSync(built) && existsSync(stamp) && readFileSync(stamp, 'utf8') === sourceHash();
if (!upToDate) {
  // Installed as a package with a prebuild for this machine: nothing to do.
  if (!required && existsSync(shipped) && !existsSync(join(root, 'src'))) process.exit(0);
  build();
}
if (process.argv.includes('--prebuild')) {
  mkdirSync(dirname(shipped), { recursive: true });
  copyFileSync(built, shipped);
}
console.log(`sightline: C++ addon ${upToDate ? 'up to date' : 'built'}`);
