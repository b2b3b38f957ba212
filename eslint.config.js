import js from '@eslint/js';
import tseslint from 'typescript-eslint';

const noAmbientTime = [
  'error',
  { object: 'Date', property: 'now', message: 'Take the time from the injected Clock.' },
  { object: 'Math', property: 'random', message: 'Take randomness from the injected Random.' },
];

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'coverage/'] },
  js.configs.recommended,
  ...tseslint.configs.strict,
  {
    rules: {
      eqeqeq: 'error',
      'prefer-const': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      // Typed-array reads in bounds-checked loops: the alternative is a branch per element.
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  {
    // The core is pure: time, randomness and I/O are handed in (ARCHITECTURE.md, "No I/O in the core").
    files: ['lib/**/*.ts'],
    ignores: ['lib/io/**', 'lib/cli/**'],
    rules: {
      'no-restricted-globals': [
        'error',
        ...['setTimeout', 'setInterval', 'setImmediate', 'performance'].map((name) => ({
          name,
          message: 'Use the injected Clock.',
        })),
      ],
      'no-restricted-properties': noAmbientTime,
    },
  },
  { files: ['test/**/*.ts'], rules: { '@typescript-eslint/no-unused-expressions': 'off' } },
);
