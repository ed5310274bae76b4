import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { PRETRAINED_NAMES, runOf } from './pretrained.js';

export type Section = Record<string, unknown>;

export const isSection = (value: unknown): value is Section =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Keys that hold paths, joined by dots, each with the words that are not paths there. */
type PathKeys = Readonly<Record<string, readonly string[]>>;

export const RUN_PATHS: PathKeys = {
  'data.train': [],
  'data.eval': [],
  'data.test': [],
  train_url: [],
  deps_save_path: [],
  'teacher.pretrained': PRETRAINED_NAMES,
  'student.pretrained': PRETRAINED_NAMES,
  'distillation.teacher_model_url': [],
};

export const MODELARTS_PATHS: PathKeys = {
  data_url: [],
  train_url: [],
  deps_save_path: [],
  checkpoint_url: [],
  teacher_model_url: [],
};

/** Resolves paths against a folder, as workers may run elsewhere. URLs stay as they are. */
export function withAbsolutePaths(
  content: Section,
  { places, folder }: { places: PathKeys; folder: string },
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
  if (path === '' || path.includes('://') || runOf(path) !== null) return path;
  return resolve(folder, path.replace(/^~(?=\/|$)/, homedir()));
}
