import { stat } from 'node:fs/promises';
import { errors } from '../../errors.js';
import type { RawDataset } from '../dataset.js';
import { coco } from './coco.js';
import type { DatasetReader, ReadOptions } from './reader.js';
import { voc } from './voc.js';

export const READERS: readonly DatasetReader[] = [coco, voc];

/** Reads a data set in the named format, or in the one that its files show. */
export async function readDataset(
  path: string,
  { format, ...options }: ReadOptions & { format: string },
): Promise<RawDataset> {
  if (!(await stat(path).catch(() => null))) throw errors.datasetMissing(path);
  const reader =
    format === 'auto' ? await detectReader(path) : READERS.find(candidate => candidate.format === format)!;
  const dataset = await reader.read(path, options);
  if (dataset.samples.length === 0)
    throw errors.datasetEmpty(
      path,
      READERS.map(({ needs }) => needs),
    );
  return dataset;
}

async function detectReader(path: string): Promise<DatasetReader> {
  const detected: DatasetReader[] = [];
  for (const reader of READERS) if (await reader.detect(path)) detected.push(reader);
  if (detected.length === 0)
    throw errors.datasetEmpty(
      path,
      READERS.map(({ needs }) => needs),
    );
  if (detected.length === 1) return detected[0]!;
  throw errors.datasetAmbiguous({
    path,
    found: detected.map(({ format }) => format),
    hint: 'set data.format to one of them',
  });
}
