/** The kernels' case list of the tests, compiled on the fly so that one list drives parity and bench. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import ts from 'typescript';

const tests = new URL('../test/kernels/', import.meta.url);
const compiled = new URL('../node_modules/.cache/sightline/bench-cases/', import.meta.url);
const dist = new URL('../dist/', import.meta.url).href;

mkdirSync(new URL('cases/', compiled), { recursive: true });
for (const file of ['cases.ts', ...readdirSync(new URL('cases/', tests)).map((name) => `cases/${name}`)]) {
  const { outputText } = ts.transpileModule(readFileSync(new URL(file, tests), 'utf8'), {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, verbatimModuleSyntax: true },
  });
  const target = new URL(file.replace(/\.ts$/, '.mjs'), compiled);
  const code = outputText
    .replaceAll(/'(\.\.\/)+src\//g, `'${dist}`)
    .replaceAll(/'(\.\/(?:cases\/)?\w+)\.js'/g, "'$1.mjs'");
  writeFileSync(target, code);
}

/** @type {import('../test/kernels/cases.js')} */
const cases = await import(new URL('cases.mjs', compiled).href);
export const { disagreement, kernelCases, resizeCases, warpCases } = cases;
