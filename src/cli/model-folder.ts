import { copyFile, cp, mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { FROZEN_GRAPH, MODEL_CARD } from '../detection/model-card.js';
import { errors } from '../errors.js';
import type { Settings } from '../settings.js';
import { fillFolder } from './output-folder.js';
import type { Terminal } from './terminal.js';
import { runJob } from './trainer-job.js';

/** Of a folder with checkpoints. */
const TRAINED = 'training.json';

/** Hands over the folder of a model: as it is named, a run's model/, or one made from checkpoints for the occasion. */
export async function withModel<T>(
  named: string,
  context: { settings: Settings; terminal: Terminal },
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const places = [resolve(named), join(context.settings.home, 'runs', named)];
  const model = await firstWith(
    MODEL_CARD,
    places.flatMap(place => [place, join(place, 'model')]),
  );
  if (model !== undefined) return work(model);
  const trained = await firstWith(TRAINED, places);
  if (trained === undefined) throw errors.modelMissing(named);
  const made = await mkdtemp(join(tmpdir(), 'detdistill-export-'));
  try {
    const folder = join(made, 'model');
    await runJob({ kind: 'export', trained, image_size: null, folder }, context);
    return await work(folder);
  } finally {
    await rm(made, { recursive: true, force: true });
  }
}

/** The file appears whole or not at all; one that is there already stays. */
export async function copyFrozen(model: string, file: string): Promise<void> {
  if (await isThere(file)) throw errors.outputTaken(file);
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

async function firstWith(file: string, folders: readonly string[]): Promise<string | undefined> {
  for (const folder of folders) if (await isThere(join(folder, file))) return folder;
  return undefined;
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
