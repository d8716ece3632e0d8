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

/** Node's headers beside the running Node, or undefined. */
function headers() {
  const folder = join(dirname(dirname(process.execPath)), 'include', 'node');
  return existsSync(join(folder, 'node_api.h')) ? folder : undefined;
}

/** When the headers are there, nothing is downloaded. */
function headersFlag() {
  return headers() ? [`--nodedir=${dirname(dirname(process.execPath))}`] : [];
}

/** What the user lacks, by the name of the thing to install. */
function missingTools() {
  if (process.platform === 'win32')
    return works('where', 'msbuild') ? [] : ['Visual Studio Build Tools (C++ workload)'];
  return [
    ...(works(process.env.CXX ?? 'c++', '--version') || works('g++', '--version')
      ? []
      : ['a C++17 compiler (g++ or clang++)']),
  ];
}

const works = (command, ...args) => spawnSync(command, args, { stdio: 'ignore' }).status === 0;

function giveUp(reason) {
  console.error(`\nsightline: the C++ addon was not built: ${reason}`);
  console.error(
    'Sightline still runs, on WebGPU or on the slow reference backend. To build the addon later: npm run build:native',
  );
  console.error('"sightline doctor" tells what works on this machine.\n');
  process.exit(required ? 1 : 0);
}

/** Without Python or make, which node-gyp needs: one call of the compiler, with what binding.gyp says. */
function compileDirectly(include) {
  const gyp = readFileSync(join(root, 'binding.gyp'), 'utf8').replace(/^\s*#.*$/gm, '');
  const list = (key) =>
    [...gyp.match(new RegExp(`"${key}": \\[([^\\]]*)\\]`))[1].matchAll(/"([^"]+)"/g)].map((m) => m[1]);
  const napi = dirname(createRequire(import.meta.url).resolve('node-addon-api/package.json'));
  mkdirSync(dirname(built), { recursive: true });
  const platform =
    process.platform === 'darwin' ? ['-undefined', 'dynamic_lookup'] : ['-pthread', '-Wl,--exclude-libs,ALL'];
  const args = [
    ...['-shared', '-fPIC', ...platform, ...list('cflags_cc'), ...list('defines').map((d) => `-D${d}`)],
    ...['-DBUILDING_NODE_EXTENSION', '-DNODE_GYP_MODULE_NAME=sightline', `-I${include}`, `-I${napi}`],
    ...[...list('sources').map((file) => join(root, file)), '-o', built],
  ];
  const compiler = process.env.CXX ?? (works('c++', '--version') ? 'c++' : 'g++');
  return spawnSync(compiler, args, { cwd: root, encoding: 'utf8' });
}

function build() {
  const missing = missingTools();
  if (missing.length) giveUp(`missing ${missing.join(', ')}. Install it, then run the command below.`);
  const run =
    process.platform === 'win32' || (works('python3', '--version') && works('make', '--version'))
      ? buildWithGyp()
      : buildWithoutGyp();
  if (run.status !== 0 || !existsSync(built)) {
    const output = `${run.stdout ?? ''}${run.stderr ?? ''}`.trim().split('\n').slice(-25).join('\n');
    const unreachable =
      headersFlag().length || !/headers|ENOTFOUND|ECONNREFUSED|tarball/i.test(output)
        ? ''
        : " (Node's headers could not be fetched: install your Node's development package, or set npm_config_nodedir)";
    giveUp(`the compiler failed${unreachable}.\n${output}`);
  }
  writeFileSync(stamp, sourceHash());
}

function buildWithoutGyp() {
  const include = headers();
  if (!include) giveUp('missing Python 3 and make (node-gyp needs them to build; nothing needs them to run).');
  return compileDirectly(include);
}

function buildWithGyp() {
  let gyp;
  try {
    gyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');
  } catch {
    giveUp('the dependency node-gyp is not installed (run npm ci first).');
  }
  const args = [gyp, 'rebuild', '--silent', ...headersFlag()];
  return spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', env: process.env });
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
