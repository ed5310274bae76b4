import { copyFile, cp, mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { FROZEN_GRAPH, MODEL_CARD } from '../detection/model-card.js';
import { errors } from '../errors.js';
import type { Settings } from '../settings.js';
import { fillFolder } from './output-folder.js';
import type { Terminal } from './terminal.js';
import { runJob } from './trainer-job.js';

/** Hands over the exported model of a folder: its own, the one in its model/, or one made from its checkpoints. */
export async function withModelFolder<T>(
  folder: string,
  context: { settings: Settings; terminal: Terminal },
  work: (model: string) => Promise<T>,
): Promise<T> {
  for (const model of [folder, join(folder, 'model')])
    if (await isThere(join(model, MODEL_CARD))) return work(model);
  if (!(await isThere(join(folder, 'training.json'))))
    throw errors.modelUnreadable(folder, new Error(`neither ${MODEL_CARD} nor training.json is in it`));
  const made = await mkdtemp(join(tmpdir(), 'detdistill-export-'));
  try {
    const model = join(made, 'model');
    await runJob({ kind: 'export', trained: folder, image_size: null, folder: model }, context);
    return await work(model);
  } finally {
    await rm(made, { recursive: true, force: true });
  }
}

/** The file appears whole or not at all; one that is there already stays. */
export async function copyFrozen(model: string, file: string): Promise<void> {
  if (await isThere(file)) throw errors.outputUnusable(file, 'is there already');
  await mkdir(dirname(file), { recursive: true });
  const partial = `${file}.partial-${process.pid}`;
  try {
    await copyFile(join(model, FROZEN_GRAPH), partial);
    await rename(partial, file);
  } finally {
    await rm(partial, { force: true });
  }
}

/** All but the frozen graph, which says the same once more. */
export const copySavedModel = (model: string, folder: string): Promise<void> =>
  fillFolder(folder, partial =>
    cp(model, partial, { recursive: true, filter: path => basename(path) !== FROZEN_GRAPH }),
  );

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
