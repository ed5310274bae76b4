import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { folderCycles, importGraph, sourceFiles } from '../scripts/imports.js';
import manifest from '../package.json' with { type: 'json' };

const ROOT = join(import.meta.dirname, '..');
const files = sourceFiles(ROOT, ['src', 'activities', 'workflows', 'workers']);

interface Place {
  readonly path?: string;
  readonly pathNot?: string;
}
interface Rule {
  readonly name: string;
  readonly from: Place;
  readonly to: Place;
}
const { forbidden } = createRequire(import.meta.url)('../.dependency-cruiser.cjs') as {
  forbidden: readonly Rule[];
};

/** The alternatives of a pattern: a(b|c) gives ab and ac. */
function alternatives(pattern: string): string[] {
  const open = pattern.indexOf('(');
  if (open < 0) return pattern.split('|');
  let [depth, close] = [1, open + 1];
  for (; depth > 0; close++) depth += { '(': 1, ')': -1 }[pattern.charAt(close)] ?? 0;
  const before = pattern.slice(0, open).split('|');
  const first = before.pop() ?? '';
  const rest = alternatives(pattern.slice(close));
  const joined = alternatives(pattern.slice(open + 1, close - 1)).map(
    inner => first + inner + (rest[0] ?? ''),
  );
  return [...before, ...joined, ...rest.slice(1)];
}

describe('the import rules', () => {
  it('expand to single paths', () => {
    expect(alternatives('^src/(a|b(c|d))/x|^(e|f)')).toEqual([
      '^src/a/x',
      '^src/bc/x',
      '^src/bd/x',
      '^e',
      '^f',
    ]);
  });

  it('name only what there is', () => {
    const packages = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies });
    const isThere = (pattern: string): boolean =>
      [...files, ...sourceFiles(ROOT, ['bench', 'test']), ...packages].some(name =>
        new RegExp(pattern).test(name),
      );
    const named = forbidden
      .flatMap(({ from, to }) => [from.path, from.pathNot, to.path, to.pathNot])
      .flatMap(pattern => (pattern === undefined || pattern.includes('$1') ? [] : alternatives(pattern)));
    expect(named.filter(pattern => !isThere(pattern))).toEqual([]);
  });

  it('leave no module that exports everything of another: what is exported is named', () => {
    const exportsAll = files.filter(file => /^export \*/m.test(readFileSync(join(ROOT, file), 'utf8')));
    expect(exportsAll).toEqual([]);
  });

  it('leave no cycle of folders', () => {
    expect(folderCycles(importGraph(ROOT, files))).toEqual([]);
  });
});

describe('folderCycles', () => {
  it('finds folders that import each other where no file does', () => {
    const graph = new Map([
      ['src/a/x.ts', ['src/b/x.ts']],
      ['src/b/y.ts', ['src/c.ts']],
      ['src/c.ts', ['src/a/y.ts']],
      ['src/d/e/x.ts', ['src/d/f/x.ts']],
      ['src/d/f/y.ts', ['src/d/e/y.ts', 'src/a/x.ts']],
    ]);
    expect(folderCycles(graph)).toEqual([
      ['src/a', 'src/b', 'src/c.ts'],
      ['src/d/e', 'src/d/f'],
    ]);
  });
});
