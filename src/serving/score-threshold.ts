import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { errors } from '../errors/index.js';
import { DEFAULT_SCORE_THRESHOLD } from '../formats/detections.js';

const Index = z.object({ score_threshold: z.number().default(DEFAULT_SCORE_THRESHOLD) });

/** Reads the score threshold of ModelArts' responses from the model's `index` file, which ModelArts' service reads, too. */
export async function readScoreThreshold(folder: string): Promise<number> {
  const file = join(folder, 'index');
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}';
    throw errors.modelUnreadable(file, error);
  });
  try {
    return Index.parse(JSON.parse(text)).score_threshold;
  } catch (cause) {
    throw errors.modelUnreadable(file, cause);
  }
}
