import type { z } from 'zod';
import { errors } from '../../errors/index.js';
import type { RawDataset, RawSample } from '../raw-dataset.js';

/** A format of labelled images. A new one is a file here and a row in index.ts. */
export interface DatasetReader {
  readonly format: string;
  /** What people are told that it needs. */
  readonly needs: string;
  /** Whether the path holds this format; looks at names, reads as little as it can. */
  detect(path: string): Promise<boolean>;
  /** Everything that the data set holds, broken parts included; no image is opened. */
  read(path: string): Promise<RawDataset>;
}

/**
 * What a file holds, when it has the shape that it should have; else an error that names the place.
 * @param place of the value in the file; left out, it is the whole file
 */
export function checked<T>(schema: z.ZodType<T>, value: unknown, file: string, place?: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const where = [...(place === undefined ? [] : [place]), ...issue.path].join('.');
  throw errors.datasetUnreadable(file, new Error(`${where}: ${issue.message}`));
}

export const IMAGE = /\.(jpe?g|png|bmp|webp|gif|tiff?)$/i;

/** In the order of their ids; samples of a split that would share one are told apart by their full names. */
export function orderSamples(named: readonly { sample: RawSample; fullName: string }[]): RawSample[] {
  const keyOf = ({ split, id }: RawSample): string => `${split} ${id}`;
  const counts = new Map<string, number>();
  for (const { sample } of named) counts.set(keyOf(sample), (counts.get(keyOf(sample)) ?? 0) + 1);
  return named
    .map(({ sample, fullName }) => (counts.get(keyOf(sample))! > 1 ? { ...sample, id: fullName } : sample))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}
