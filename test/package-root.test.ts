import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { compiledModule, packageFile } from '../src/package-root.js';

const root = dirname(import.meta.dirname);

it('finds files of the package that are not compiled', () => {
  expect(packageFile('configs/demo.yaml')).toBe(join(root, 'configs/demo.yaml'));
  expect(existsSync(packageFile('src/export/modelarts/customize_service.py'))).toBe(true);
});

it('gives the compiled twin of a source module, and a compiled module itself', () => {
  const source = new URL('../src/trainer/process.ts', import.meta.url).href;
  expect(compiledModule('./main.js', source).pathname).toBe(join(root, 'dist/src/trainer/main.js'));
  const built = new URL('../dist/src/trainer/process.js', import.meta.url).href;
  expect(compiledModule('./main.js', built).pathname).toBe(join(root, 'dist/src/trainer/main.js'));
});
