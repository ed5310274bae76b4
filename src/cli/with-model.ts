import { join, resolve } from 'node:path';
import { errors } from '../errors/index.js';
import { exists } from '../files/walk.js';
import { MODEL_CARD } from '../formats/model-card.js';
import { STATE_FILE } from '../formats/training-state.js';
import type { Settings } from '../settings.js';
import { withTemporaryFolder } from '../files/temporary-folder.js';
import type { Terminal } from './terminal.js';
import { runJob } from './trainer-job.js';

/** Passes the folder of a model to `work`. A model that exists only as checkpoints is exported to a temporary folder. */
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
  if (model !== null) return work(model);
  const trained = await firstWith(STATE_FILE, places);
  if (trained === null) throw errors.modelMissing(named);
  return withTemporaryFolder('detdistill-export-', async parent => {
    const folder = join(parent, 'model');
    await runJob({ kind: 'export', trained, image_size: null, folder }, context);
    return work(folder);
  });
}

/** The first folder that contains a file; null: none does. */
async function firstWith(file: string, folders: readonly string[]): Promise<string | null> {
  for (const folder of folders) if (await exists(join(folder, file))) return folder;
  return null;
}
