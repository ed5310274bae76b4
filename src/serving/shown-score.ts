import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { DEFAULT_SCORE_THRESHOLD } from '../formats/detections.js';
import { errors } from '../errors/index.js';

const Index = z.object({ score_threshold: z.number().default(DEFAULT_SCORE_THRESHOLD) });

/** From which score on a model's detections are shown in ModelArts' form: its `index` says so, as to its service. */
export async function shownScore(folder: string): Promise<number> {
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
