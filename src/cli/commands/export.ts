import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { errors } from '../../errors.js';
import type { Settings } from '../../settings.js';
import { defineCommand, needed, oneOf } from '../command.js';

export const exportCommand = defineCommand({
  name: 'export',
  args: '<run|dir>',
  summary: 'the model of a run, of its folder or of a trained folder, in a form to deploy',
  notes: `frozen       one file. Input images: float32 [N, height, width, 3], normalised as model.json says;
             outputs class_predict_3 … 7 and box_predict_3 … 7: raw maps of every level. N is free.
saved-model  a folder with variables; takes pictures of any size, gives boxes, scores and classes.`,
  options: {
    format: oneOf(['frozen', 'saved-model'], 'what is written'),
    out: needed('path', 'the file, or for saved-model the folder'),
  },
  json: true,
  async act({ args: [source], options: { format, out }, settings, terminal }) {
    const { copyFrozen, copySavedModel, withModelFolder } = await import('../model-folder.js');
    const copy = { frozen: copyFrozen, 'saved-model': copySavedModel }[format];
    const folder = await findSource(source!, settings);
    await withModelFolder(folder, { settings, terminal }, model => copy(model, resolve(out)));
    terminal.result({ format, source: folder, out: resolve(out) }, () => `Written to ${out}`);
  },
});

/** A folder as it is named, else the output folder of a run of that name. */
async function findSource(source: string, { home }: Settings): Promise<string> {
  const candidates = [resolve(source), join(home, 'runs', source)];
  for (const folder of candidates) if ((await stat(folder).catch(() => null))?.isDirectory()) return folder;
  throw errors.modelUnreadable(source, new Error('neither a folder nor a finished run'));
}
