import js from '@eslint/js';
import ts from 'typescript-eslint';

/**
 * The layers of src/, bottom first. Imports point down only: a file may import from its own
 * folder and from any folder on a lower line; never from above, never from a sibling folder
 * on the same line.
 */
const layers = [
  ['core'],
  ['backend'],
  ['kernels'],
  ['graph'],
  ['models', 'data'],
  ['runtime', 'metrics'],
  ['explain', 'features', 'forest', 'training', 'store', 'statistics'],
  ['selection'],
  ['strategies'],
  ['engine'],
  ['loop'],
  ['review', 'report', 'cluster', 'serve'],
  ['experiments'],
  ['cli'],
];

/** Packages that one layer alone may import, so that they can be replaced in one place. */
const owned = {
  webgpu: 'backend',
  'node-addon-api': 'backend',
  'onnxruntime-node': 'runtime',
  '@tensorflow/tfjs-core': 'runtime',
  '@duckdb/node-api': 'store',
  sharp: ['data', 'report'],
  piscina: 'core',
  '@observablehq/plot': 'report',
  linkedom: 'report',
  '@resvg/resvg-js': 'report',
};

function forbiddenFor(folder, level) {
  const above = layers
    .slice(level)
    .flat()
    .filter((other) => other !== folder);
  const packages = Object.entries(owned).filter(([, owner]) => ![owner].flat().includes(folder));
  return {
    files: [`src/${folder}/**/*.ts`],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          // ESLint takes no empty group: the top layer has nothing above it.
          patterns: above.length
            ? [
                {
                  group: above.map((other) => `**/${other}/**`),
                  message: `${folder}/ may import lower layers only (eslint.config.js lists them).`,
                },
              ]
            : [],
          paths: packages.map(([name, owner]) => ({
            name,
            message: `Only ${[owner].flat().join(' and ')}/ imports ${name}.`,
          })),
        },
      ],
    },
  };
}

export default ts.config(
  { ignores: ['dist/', 'build/', 'node_modules/', 'bench/results/', 'prebuilds/', 'coverage/', '**/.venv/'] },
  js.configs.recommended,
  ...ts.configs.recommended,
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'Use core/rng: every draw is seeded.' },
      ],
    },
  },
  {
    files: ['**/*.mjs', '**/*.js'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        URL: 'readonly',
        Buffer: 'readonly',
        setTimeout: 'readonly',
      },
    },
  },
  ...layers.flatMap((folders, level) => folders.map((folder) => forbiddenFor(folder, level))),
);
