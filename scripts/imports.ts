import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';

/** The modules that a module imports, types included, as paths from the root. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>;

/** The .ts files below folders of a root, as paths from it. A folder that does not exist has none. */
export function sourceFiles(root: string, folders: readonly string[]): string[] {
  const below = (folder: string): string[] =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter(name => name.endsWith('.ts'))
      .map(name => join(folder, name));
  return folders
    .filter(folder => existsSync(join(root, folder)))
    .flatMap(below)
    .sort();
}

export function importGraph(root: string, files: readonly string[]): ImportGraph {
  const known = new Set(files);
  const resolved = (file: string, name: string): string => join(dirname(file), name).replace(/\.js$/, '.ts');
  const importsOf = (file: string): string[] =>
    ts
      .preProcessFile(readFileSync(join(root, file), 'utf8'))
      .importedFiles.map(({ fileName }) => resolved(file, fileName))
      .filter(path => known.has(path));
  return new Map(files.map(file => [file, [...new Set(importsOf(file))]]));
}

/** The folders whose children are compared as one level. */
const TOP = new Set(['', 'src']);

/**
 * The groups of folders and files that import each other in a cycle. Each level compares the children of one folder: a
 * subfolder counts as a whole, a loose file by itself.
 */
export function folderCycles(graph: ImportGraph): string[][] {
  const levels = new Map<string, Map<string, Set<string>>>();
  for (const [file, imports] of graph)
    for (const other of imports) {
      const [level, from, to] = firstDifference(file, other);
      const edges = levels.get(level) ?? new Map<string, Set<string>>();
      levels.set(level, edges);
      edges.set(from, (edges.get(from) ?? new Set()).add(to));
    }
  return [...levels.values()].flatMap(cycles);
}

/** The folder that holds both files, and the child of it that each is in. */
function firstDifference(file: string, other: string): [string, string, string] {
  const [a, b] = [file.split('/'), other.split('/')];
  let depth = 0;
  while (a[depth] === b[depth] && depth < a.length - 1) depth++;
  const level = a.slice(0, depth).join('/');
  const child = (path: readonly string[]): string =>
    path.slice(0, TOP.has(level) && path[0] === 'src' ? 2 : depth + 1).join('/');
  return [TOP.has(level) ? '' : level, child(a), child(b)];
}

/** The strongly connected components with more than one member. */
function cycles(edges: ReadonlyMap<string, ReadonlySet<string>>): string[][] {
  const reach = new Map([...edges.keys()].map(name => [name, reachable(edges, name)]));
  const together = (name: string): string[] =>
    [...reach.keys()].filter(other => reach.get(name)?.has(other) && reach.get(other)?.has(name)).sort();
  const groups = [...edges.keys()].map(together).filter(group => group.length > 1);
  return [...new Map(groups.map(group => [group.join(), group])).values()];
}

function reachable(edges: ReadonlyMap<string, ReadonlySet<string>>, start: string): Set<string> {
  const reached = new Set(edges.get(start));
  for (const name of reached) for (const next of edges.get(name) ?? []) reached.add(next);
  return reached;
}
