// Prints the measured shape of the source as Markdown: npm run measure [-- ROOT], where ROOT is another checkout.
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import ts from 'typescript';
import { folderCycles, importGraph, sourceFiles, type ImportGraph } from './imports.js';

const SOURCES = ['src', 'activities', 'workflows', 'workers'];
const BESIDE = ['bench', 'test', 'scripts'];

interface Measured {
  readonly path: string;
  readonly lines: number;
  readonly blankLines: number;
  readonly commentLines: number;
  readonly exports: number;
  /** In lines. */
  readonly functions: readonly {
    readonly name: string | null;
    readonly line: number;
    readonly lines: number;
  }[];
  readonly mostParameters: number;
  readonly counts: Readonly<Record<Counted, number>>;
}

const COUNTED = [
  'non-null `!`',
  '`as`',
  '`any`',
  'lint disabled',
  'TODO',
  '`| null`',
  '`| undefined`',
] as const;
type Counted = (typeof COUNTED)[number];

function measure(root: string, path: string): Measured {
  const text = readFileSync(join(root, path), 'utf8');
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const lineOf = (position: number): number => file.getLineAndCharacterOfPosition(position).line;
  const counts = Object.fromEntries(COUNTED.map(name => [name, 0])) as Record<Counted, number>;
  const functions: Measured['functions'][number][] = [];
  let [exports, mostParameters] = [0, 0];

  const visit = (node: ts.Node): void => {
    const counted = countedAs(node);
    if (counted) counts[counted]++;
    exports += exportsOf(node);
    if (ts.isFunctionLike(node) && 'body' in node && node.body) {
      const line = lineOf(node.getStart());
      functions.push({ name: nameOf(node), line: line + 1, lines: lineOf(node.getEnd()) - line + 1 });
      mostParameters = Math.max(mostParameters, node.parameters.length);
    }
    ts.forEachChild(node, visit);
  };
  ts.forEachChild(file, visit);

  const comments = commentsOf(file);
  for (const { pos, end } of comments) {
    if (/(es|ox)lint-disable|@ts-(ignore|expect-error)/.test(text.slice(pos, end))) counts['lint disabled']++;
    if (/\b(TODO|FIXME|XXX|HACK)\b/.test(text.slice(pos, end))) counts.TODO++;
  }
  const commented = new Set(comments.flatMap(({ pos, end }) => range(lineOf(pos), lineOf(end))));
  const lines = text.split('\n').slice(0, -1);
  return {
    path,
    lines: lines.length,
    blankLines: lines.filter(line => line.trim() === '').length,
    // A comment after code is part of a line of code.
    commentLines: [...commented].filter(line => /^\s*(\/\/|\/\*|\*)/.test(lines[line] ?? '')).length,
    exports,
    functions,
    mostParameters,
    counts,
  };
}

function countedAs(node: ts.Node): Counted | undefined {
  if (ts.isNonNullExpression(node)) return 'non-null `!`';
  if (ts.isAsExpression(node) && node.type.getText() !== 'const') return '`as`';
  if (node.kind === ts.SyntaxKind.AnyKeyword) return '`any`';
  if (!ts.isUnionTypeNode(node.parent)) return undefined;
  if (node.kind === ts.SyntaxKind.UndefinedKeyword) return '`| undefined`';
  return ts.isLiteralTypeNode(node) && node.literal.kind === ts.SyntaxKind.NullKeyword
    ? '`| null`'
    : undefined;
}

/** How many names a statement exports. */
function exportsOf(node: ts.Node): number {
  if (ts.isExportDeclaration(node))
    return node.exportClause && ts.isNamedExports(node.exportClause) ? node.exportClause.elements.length : 1;
  const isExported =
    ts.canHaveModifiers(node) &&
    ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
  if (!isExported) return 0;
  return ts.isVariableStatement(node) ? node.declarationList.declarations.length : 1;
}

function nameOf(node: ts.SignatureDeclaration): string | null {
  if (node.name) return node.name.getText();
  if (ts.isConstructorDeclaration(node)) return 'constructor';
  return ts.isVariableDeclaration(node.parent) ? node.parent.name.getText() : null;
}

function commentsOf(file: ts.SourceFile): ts.CommentRange[] {
  const found = new Map<number, ts.CommentRange>();
  const visit = (node: ts.Node): void => {
    const isToken = node.getChildCount() === 0;
    if (isToken && node.kind !== ts.SyntaxKind.JsxText)
      for (const comment of ts.getLeadingCommentRanges(file.text, node.pos) ?? [])
        found.set(comment.pos, comment);
    for (const comment of ts.getTrailingCommentRanges(file.text, node.end) ?? [])
      found.set(comment.pos, comment);
    node.getChildren(file).forEach(visit);
  };
  visit(file);
  return [...found.values()];
}

const range = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, i) => first + i);
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** The value below which a share of the values lies; 0 of none. */
function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

function groupOf(path: string): string {
  const [first = '', second = '', ...rest] = path.split('/');
  if (first !== 'src') return first;
  return rest.length === 0 ? 'src/*.ts' : `src/${second}`;
}

function row(name: string, files: readonly Measured[]): string {
  const lines = files.map(file => file.lines);
  const longest = files.reduce((most, file) => (file.lines > most.lines ? file : most));
  const share =
    sum(files.map(file => file.commentLines)) / sum(files.map(file => file.lines - file.blankLines));
  const exports = sum(files.map(file => file.exports));
  const cells = [
    name,
    files.length,
    sum(lines),
    quantile(lines, 0.5),
    quantile(lines, 0.9),
    `${longest.lines} ${longest.path.split('/').at(-1)}`,
    `${(100 * share).toFixed(1)} %`,
    exports,
  ];
  return `| ${cells.join(' | ')} |`;
}

function sizes(files: readonly Measured[]): string {
  const groups = new Map<string, Measured[]>();
  for (const file of files) groups.set(groupOf(file.path), [...(groups.get(groupOf(file.path)) ?? []), file]);
  const source = files.filter(({ path }) => !BESIDE.includes(groupOf(path)));
  return [
    '| files of | files | lines | median | p90 | longest | comments | exports |',
    '|---|---:|---:|---:|---:|---|---:|---:|',
    ...[...groups].filter(([name]) => !BESIDE.includes(name)).map(([name, group]) => row(name, group)),
    row('**all source**', source),
    ...BESIDE.flatMap(name => (groups.has(name) ? [row(name, groups.get(name) ?? [])] : [])),
  ].join('\n');
}

function functionLengths(source: readonly Measured[]): string {
  const all = source.flatMap(({ path, functions }) => functions.map(one => ({ path, ...one })));
  const named = all.filter(({ name }) => name !== null);
  const cells = (name: string, list: typeof all): string => {
    const lines = list.map(one => one.lines);
    const figures = [0.5, 0.9, 0.99, 1].map(share => quantile(lines, share));
    return `| ${[name, list.length, ...figures].join(' | ')} |`;
  };
  const longest = [...named].sort((a, b) => b.lines - a.lines).slice(0, 5);
  return [
    '| functions | number | median | p90 | p99 | max |',
    '|---|---:|---:|---:|---:|---:|',
    cells('named', named),
    cells('all', all),
    '',
    `Longest: ${longest.map(({ name, path, line, lines }) => `\`${name}\` ${lines} (${path}:${line})`).join(', ')}.`,
  ].join('\n');
}

function counted(source: readonly Measured[], graph: ImportGraph, stagePlaces: readonly string[]): string {
  const importers = new Map<string, number>();
  for (const imports of graph.values())
    for (const path of imports) importers.set(path, (importers.get(path) ?? 0) + 1);
  const cycles = folderCycles(graph);
  const rows: [string, string | number][] = [
    ['files over 240 lines', source.filter(({ lines }) => lines > 240).length],
    ['files under 20 lines', source.filter(({ lines }) => lines < 20).length],
    ['files with one importer', [...importers.values()].filter(count => count === 1).length],
    ['most positional parameters', Math.max(...source.map(file => file.mostParameters))],
    ...COUNTED.map((name): [string, number] => [name, sum(source.map(file => file.counts[name]))]),
    ['folder cycles', cycles.map(group => group.join(' ↔ ')).join('; ') || 'none'],
    ['files that name the stage `advise`', `${stagePlaces.length}: ${stagePlaces.join(', ')}`],
  ];
  return [
    '| counted | |',
    '|---|---|',
    ...rows.map(([name, value]) => `| ${name.replace('| ', '\\| ')} | ${value} |`),
  ].join('\n');
}

/** The places that a stage touches: the files that name one in their code, here the last and plainest of them. */
function placesOfStage(root: string, paths: readonly string[]): string[] {
  const names = /(['"`])advise\1|\badvise:|\.advise\b|\bAdvise(Input|Result)\b/;
  const code = (path: string): string =>
    readFileSync(join(root, path), 'utf8').replace(/\/\*[^]*?\*\/|\/\/.*/g, '');
  return paths.filter(path => names.test(code(path)));
}

const root = resolve(process.argv[2] ?? '.');
if (!existsSync(join(root, 'src'))) throw new Error(`${root}: no src/`);
const sourcePaths = sourceFiles(root, SOURCES);
const source = sourcePaths.map(path => measure(root, path));
const beside = sourceFiles(root, BESIDE).map(path => measure(root, path));
const stagePlaces = placesOfStage(root, [...sourcePaths, ...sourceFiles(root, ['bench'])]);
process.stdout.write(
  [
    sizes([...source, ...beside]),
    functionLengths(source),
    counted(source, importGraph(root, sourcePaths), stagePlaces),
  ].join('\n\n') + '\n',
);
