import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CocoMetrics } from '../formats/coco-metrics.js';
import { ARCHIVE, checkpointPrefix, writeCheckpointPointer } from '../formats/training-state.js';

/** The best checkpoint with its numbers, in google/automl's layout (`utils.archive_ckpt`), and a JSON twin for programs. */
export async function archiveBest(
  folder: string,
  { step, metrics, save }: { step: number; metrics: CocoMetrics; save: (prefix: string) => Promise<void> },
): Promise<void> {
  const archive = join(folder, ARCHIVE);
  await rm(archive, { recursive: true, force: true });
  await mkdir(archive, { recursive: true });
  await save(checkpointPrefix(archive, step));
  await writeCheckpointPointer(archive, step);
  await writeFile(join(archive, 'best_eval.txt'), `${pythonDict({ ...metrics, step })}\n`);
  await writeFile(join(archive, 'best_eval.json'), `${JSON.stringify({ ...metrics, step }, null, 2)}\n`);
  await writeFile(join(archive, 'best_objective.txt'), `${metrics.AP}\n`);
}

/** As Python prints a dictionary. */
const pythonDict = (values: Readonly<Record<string, number>>): string =>
  `{${Object.entries(values)
    .map(([name, value]) => `'${name}': ${value}`)
    .join(', ')}}`;
