/** The kernels' case list of the tests, compiled on the fly so that one list drives parity and bench. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import ts from 'typescript';

const source = new URL('../test/kernels/cases.ts', import.meta.url);
const compiled = new URL('../node_modules/.cache/sightline/bench-cases.mjs', import.meta.url);
const dist = new URL('../dist/', import.meta.url).href;

const { outputText } = ts.transpileModule(readFileSync(source, 'utf8'), {
  compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, verbatimModuleSyntax: true },
});
mkdirSync(new URL('.', compiled), { recursive: true });
writeFileSync(compiled, outputText.replaceAll("'../../src/", `'${dist}`));

/** @type {import('../test/kernels/cases.js')} */
const cases = await import(compiled.href);
export const { disagreement, kernelCases, resizeCases } = cases;
