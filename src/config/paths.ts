import { homedir } from 'node:os';
import { resolve } from 'node:path';

export type Section = Record<string, unknown>;

export const isSection = (value: unknown): value is Section =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Where a configuration holds a path, keys joined by dots; words that mean something else there. */
type Places = Readonly<Record<string, readonly string[]>>;

const WEIGHTS = ['coco', 'imagenet', 'none'];

export const RUN_PATHS: Places = {
  'data.train': [],
  'data.eval': [],
  train_url: [],
  deps_save_path: [],
  'teacher.pretrained': WEIGHTS,
  'student.pretrained': WEIGHTS,
  'distillation.teacher_model_url': [],
};

export const MODELARTS_PATHS: Places = {
  data_url: [],
  train_url: [],
  deps_save_path: [],
  checkpoint_url: [],
  teacher_model_url: [],
};

/** Paths as seen from a folder become absolute, as workers may run elsewhere; addresses stay as they are. */
export function withAbsolutePaths(
  content: Section,
  { places, folder }: { places: Places; folder: string },
): Section {
  const all = structuredClone(content);
  for (const [place, words] of Object.entries(places)) {
    const keys = place.split('.');
    const last = keys.pop()!;
    const section = keys.reduce<unknown>((at, key) => (isSection(at) ? at[key] : undefined), all);
    const value = isSection(section) ? section[last] : undefined;
    if (isSection(section) && typeof value === 'string' && !words.includes(value))
      section[last] = absolute(value, folder);
  }
  return all;
}

function absolute(path: string, folder: string): string {
  if (path === '' || path.includes('://')) return path;
  return resolve(folder, path.replace(/^~(?=\/|$)/, homedir()));
}
