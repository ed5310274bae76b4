import { readFile } from 'node:fs/promises';
import { basename, dirname, extname, join, relative, resolve } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { errors } from '../../errors/index.js';
import type { Split } from '../../formats/dataset.js';
import { listFiles, statOf } from '../../files/walk.js';
import { checked, IMAGE } from './reader.js';

const Folders = z.union([z.string(), z.array(z.string())]);

/** The keys of data.yaml that are read; others are about downloading and training. */
const DataYaml = z.object({
  path: z.string().nullish(),
  train: Folders.nullish(),
  val: Folders.nullish(),
  test: Folders.nullish(),
  names: z.union([z.array(z.string()), z.record(z.string(), z.string())]),
});

export interface YoloSet {
  /** Class names by class number; undefined for a number without a name. */
  readonly names: readonly (string | undefined)[];
  /** Folders with images, or text files that list images; split null: the file does not name one. */
  readonly sources: readonly { readonly path: string; readonly split: Split | null }[];
  /** What the file names and cannot be used. */
  readonly missing: readonly string[];
}

const YAML = /\.ya?ml$/i;
/** Files with one class name per line, as labelling tools write them beside the labels. */
const NAME_LISTS = ['classes.txt', 'obj.names'];

/** Finds the file that describes a data set: data.yaml, or a list of class names. */
export async function findDescription(path: string): Promise<string | null> {
  const info = await statOf(path);
  if (info?.isFile()) return YAML.test(path) && (await isDataYaml(path)) ? path : null;
  if (!info) return null;
  const files = await listFiles(path);
  for (const file of files.filter(name => YAML.test(name))) if (await isDataYaml(file)) return file;
  // A list of names without labelled images may belong to anything.
  const known = new Set(files);
  if (!files.some(file => IMAGE.test(file) && known.has(labelOf(file)))) return null;
  return files.find(file => NAME_LISTS.includes(basename(file))) ?? null;
}

async function isDataYaml(file: string): Promise<boolean> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return /^names\s*:/m.test(text) && /^(train|val|path)\s*:/m.test(text);
}

export async function readDescription(file: string, root: string): Promise<YoloSet> {
  const text = await readFile(file, 'utf8');
  if (!YAML.test(file)) {
    const names = text.split('\n').map(line => line.trim());
    return {
      names: names.slice(0, names.findLastIndex(Boolean) + 1),
      sources: [{ path: root, split: null }],
      missing: [],
    };
  }
  const description = parseYaml(file, text);
  const base = resolve(dirname(file), description.path ?? '.');
  const given = (folders: z.infer<typeof Folders> | null | undefined): string[] =>
    folders == null ? [] : [folders].flat();
  const train = given(description.train);
  const evaluation = given(description.val).length > 0 ? given(description.val) : given(description.test);
  const find = async (name: string): Promise<string | null> => {
    // Downloaded data sets often name folders relative to the parent, or to another machine's folder.
    for (const place of [
      resolve(base, name),
      resolve(dirname(file), name),
      resolve(dirname(file), name.replace(/^(\.\.\/)+/, '')),
    ])
      if (await statOf(place)) return place;
    return null;
  };
  const at = async (name: string): Promise<string> => {
    const place = await find(name);
    if (place === null)
      throw errors.datasetUnreadable(file, new Error(`${name}: there is no such file or folder`));
    return place;
  };
  const both = train.length > 0 && evaluation.length > 0 && train.join() !== evaluation.join();
  const sources: YoloSet['sources'][number][] = await Promise.all([
    ...train.map(async name => ({ path: await at(name), split: both ? ('train' as const) : null })),
    ...(both ? evaluation : []).map(async name => ({ path: await at(name), split: 'eval' as const })),
  ]);
  if (sources.length === 0) sources.push({ path: root, split: null });
  // A test folder that evaluates is no test split.
  const test = given(description.val).length > 0 ? given(description.test) : [];
  const found = await Promise.all(test.map(async name => ({ name, path: await find(name) })));
  return { names: orderedNames(description.names), ...withTestFolders(sources, { found, file }) };
}

/**
 * Adds the test folders that are there and hold no other split. Exported data sets often name one that they do not have, so
 * the others are left out.
 */
function withTestFolders(
  sources: YoloSet['sources'],
  { found, file }: { found: readonly { name: string; path: string | null }[]; file: string },
): Pick<YoloSet, 'sources' | 'missing'> {
  const taken = new Set(sources.map(({ path }) => path));
  const tested: YoloSet['sources'][number][] = [];
  const missing: string[] = [];
  for (const { name, path } of found) {
    if (path === null)
      missing.push(`${file}: test: ${name}: there is no such file or folder; it is left out`);
    else if (taken.has(path))
      missing.push(`${file}: test: ${name}: is a folder of another split; it is left out`);
    else tested.push({ path, split: 'test' });
  }
  return { sources: [...sources, ...tested], missing };
}

function parseYaml(file: string, text: string): z.infer<typeof DataYaml> {
  let value: unknown;
  try {
    value = parse(text);
  } catch (cause) {
    throw errors.datasetUnreadable(file, cause);
  }
  return checked(DataYaml, value, file);
}

function orderedNames(names: z.infer<typeof DataYaml>['names']): (string | undefined)[] {
  if (Array.isArray(names)) return names;
  const ordered: (string | undefined)[] = [];
  for (const [number, name] of Object.entries(names)) ordered[Number(number)] = name;
  return Array.from(ordered);
}

/**
 * Lists the images of a source: those below a folder, or those that a text file names relative to its folder. A label
 * without an image stands for a missing image.
 */
export async function imagesOf(source: string): Promise<string[]> {
  if (!(await statOf(source))?.isDirectory()) {
    const lines = (await readFile(source, 'utf8')).split('\n').map(line => line.trim());
    return lines.filter(line => IMAGE.test(line)).map(line => resolve(dirname(source), line));
  }
  const images = (await listFiles(source)).filter(file => IMAGE.test(file));
  const labelled = new Set(images.map(labelOf));
  const folder = dirname(labelOf(join(source, 'any.jpg')));
  const labels = (await statOf(folder)) ? (await listFiles(folder)).filter(isLabel) : [];
  const lost = labels.filter(label => !labelled.has(label)).map(label => imageOf(label, { folder, source }));
  return [...images, ...lost];
}

const isLabel = (file: string): boolean => extname(file) === '.txt' && !NAME_LISTS.includes(basename(file));

/** The path that the image of a label would have. */
const imageOf = (label: string, { folder, source }: { folder: string; source: string }): string =>
  join(source, `${relative(folder, label).slice(0, -'.txt'.length)}.jpg`);

/** The label file of an image: in labels/ instead of the last images/ of its path, else beside it. */
export function labelOf(image: string): string {
  const stem = image.slice(0, image.length - extname(image).length);
  const at = stem.lastIndexOf('/images/');
  const place = at < 0 ? stem : join(stem.slice(0, at), 'labels', stem.slice(at + '/images/'.length));
  return `${place}.txt`;
}
