import type { z } from 'zod';
import { errors } from '../../errors/index.js';
import type { LabelledOn, RawDataset, RawSample } from '../raw-dataset.js';

export interface ReadOptions {
  /** What the boxes of all samples refer to, where people say so; auto: what the format says. */
  readonly labelledOn: LabelledOn | 'auto';
}

/** A format of labelled images. A new one is a file here and a row in index.ts. */
export interface DatasetReader {
  readonly format: string;
  /** What the format needs, in words for error messages. */
  readonly needs: string;
  /** Whether the path holds this format; reads as little as possible. */
  detect(path: string): Promise<boolean>;
  /** Reads everything in the data set, broken parts included; images are not decoded. */
  read(path: string, options?: ReadOptions): Promise<RawDataset>;
}

/**
 * Checks a value of a file against a schema.
 * @throws DATA_UNREADABLE, with the place in the file
 */
export function checked<T>(schema: z.ZodType<T>, value: unknown, file: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw errors.datasetUnreadable(file, result.error);
}

export const IMAGE = /\.(jpe?g|png|bmp|webp|gif|tiff?)$/i;

/** Sorts samples by id; samples of one split with the same id get their full names as ids. */
export function orderSamples(named: readonly { sample: RawSample; fullName: string }[]): RawSample[] {
  const keyOf = ({ split, id }: RawSample): string => `${split} ${id}`;
  const counts = new Map<string, number>();
  for (const { sample } of named) counts.set(keyOf(sample), (counts.get(keyOf(sample)) ?? 0) + 1);
  return named
    .map(({ sample, fullName }) => (counts.get(keyOf(sample))! > 1 ? { ...sample, id: fullName } : sample))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}
