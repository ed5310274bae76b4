import { extname } from 'node:path';
import { errors } from '../../errors/index.js';
import type { RawDataset } from '../raw-dataset.js';
import { listFiles, statOf } from '../../files/walk.js';
import { coco } from './coco.js';
import { manifest } from './manifest.js';
import type { DatasetReader, ReadOptions } from './reader.js';
import { voc } from './voc.js';
import { yolo } from './yolo.js';

export const READERS: readonly DatasetReader[] = [coco, manifest, voc, yolo];

/** Reads a data set in the named format, or in the one that its files are detected as. */
export async function readDataset(
  path: string,
  format: string,
  { labelledOn }: ReadOptions = { labelledOn: 'auto' },
): Promise<RawDataset> {
  if (!(await statOf(path))) throw errors.datasetMissing(path);
  const named = READERS.find(reader => reader.format === format);
  const reader = named ?? (await detectReader(path));
  const dataset = await reader.read(path, { labelledOn });
  if (dataset.samples.length === 0) throw await nothingFound(path, [reader]);
  if (labelledOn === 'auto') return dataset;
  return { ...dataset, samples: dataset.samples.map(sample => ({ ...sample, labelledOn })) };
}

async function detectReader(path: string): Promise<DatasetReader> {
  const detected: DatasetReader[] = [];
  for (const reader of READERS) if (await reader.detect(path)) detected.push(reader);
  if (detected.length === 0) throw await nothingFound(path, READERS);
  if (detected.length === 1) return detected[0]!;
  throw errors.datasetAmbiguous({
    path,
    found: detected.map(({ format }) => format),
    hint: 'set data.format to one of them',
  });
}

/** An error that says which files were found, by extension, and what the readers need. */
async function nothingFound(path: string, readers: readonly DatasetReader[]): Promise<Error> {
  const files = (await statOf(path))?.isDirectory() ? await listFiles(path) : [path];
  const counts = new Map<string, number>();
  for (const file of files) {
    const extension = extname(file).toLowerCase() || 'files without extension';
    counts.set(extension, (counts.get(extension) ?? 0) + 1);
  }
  const found = [...counts].sort().map(([extension, count]) => `${count} ${extension}`);
  return errors.datasetEmpty({ path, found, needs: readers.map(({ needs }) => needs) });
}
