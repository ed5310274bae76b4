import type { RawDataset } from '../dataset.js';

export interface ReadOptions {
  /** Which part of a data set that names its own splits; null: all of it. */
  readonly split: 'train' | 'eval' | null;
}

/** A format of labelled pictures. A new one is a file here and a row in index.ts. */
export interface DatasetReader {
  readonly format: string;
  /** What people are told that it needs. */
  readonly needs: string;
  /** Whether the path holds this format; looks at names, reads as little as it can. */
  detect(path: string): Promise<boolean>;
  read(path: string, options: ReadOptions): Promise<RawDataset>;
}

export const PICTURE = /\.(jpe?g|png|bmp|webp|gif|tiff?)$/i;
