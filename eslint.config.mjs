import { join } from 'node:path';
import tseslint from 'typescript-eslint';
import { importedTypes } from './scripts/imported-types.mjs';

const CHECKED = join(import.meta.dirname, 'node_modules/.cache/typescript.tsbuildinfo');

export default tseslint.config(
  { ignores: ['dist', 'dist-bench', 'node_modules', '**/*.mjs', '**/*.cjs'] },
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      // Typed functions may be written as rows of a typed table.
      '@typescript-eslint/explicit-module-boundary-types': 'off',
      // It takes casts of tfjs's generic tensors for needless, which the compiler needs.
      '@typescript-eslint/no-unnecessary-type-assertion': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportAllDeclaration', message: 'Name what is exported.' },
      ],
      'max-params': ['error', 4],
    },
  },
  {
    // Workflow code runs in Temporal's sandbox: no Node modules, types only from the rest.
    files: ['workflows/**/*.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns: ['node:*', 'fs', 'path', 'child_process'] }] },
  },
  {
    files: ['test/**/*.ts'],
    rules: { '@typescript-eslint/explicit-module-boundary-types': 'off', 'max-params': 'off' },
  },
  // ESLint's cache looks at a file and its configuration: this puts the types of its imports into the latter.
  ...[...importedTypes(CHECKED)].map(([file, types]) => ({
    files: [path => path === file],
    settings: { importedTypes: types },
  })),
);
