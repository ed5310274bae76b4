import { assertSameClasses, readModelCard } from '../formats/model-card.js';
import type { ExportInput, ExportResult } from './stages.js';
import { fetchModel } from '../store/fetch-model.js';
import type { StageEnvironment } from './context.js';
import { keyOf } from './keys.js';
import { reuseOrRun } from './reuse.js';

/** Exports a trained detector, or a model that exists already; the artifact is a model folder. */
export async function exportModel(given: ExportInput, environment: StageEnvironment): Promise<ExportResult> {
  const { settings, store, runJob } = environment;
  const trained = await localTrained(given, environment);
  const key = await keyOf('export', { ...given, trained }, settings);
  return reuseOrRun({ kind: 'export', key }, environment, async folder => {
    const from = 'folder' in trained ? trained.folder : await store.open(trained);
    await runJob({ kind: 'export', trained: from, image_size: given.image_size, folder }, environment);
    return {};
  });
}

/** A model from elsewhere must know the classes of the data set: that is checked before anything is reused or trained. */
async function localTrained(
  { trained, classes }: ExportInput,
  { settings, signal, onProgress }: StageEnvironment,
): Promise<ExportInput['trained']> {
  if (!('folder' in trained)) return trained;
  const folder = await fetchModel(trained.folder, { ...settings, signal, onProgress });
  assertSameClasses((await readModelCard(folder)).classes, classes);
  return { folder };
}
