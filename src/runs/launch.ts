import { type ModelArtsInput, parseModelArts } from '../config/modelarts.js';
import { MODELARTS_PATHS, RUN_PATHS, type Section, withAbsolutePaths } from '../config/paths.js';
import { parseRunConfig, type RunConfig, type RunInput } from '../config/run.js';
import { modelNameAt } from '../store/fetch-model.js';
import type { Settings } from '../settings.js';

/** A run as a run file describes it, or a job given by ModelArts' parameters. Keys that are left out have their defaults. */
export type LaunchInput = RunInput | ModelArtsInput;

/** Fills in defaults and rejects settings that contradict each other. Relative paths start at the working folder. */
export async function readLaunch(
  input: LaunchInput,
  settings: Pick<Settings, 'cacheFolder' | 's3'>,
): Promise<{ config: RunConfig; warnings: readonly string[] }> {
  const folder = process.cwd();
  const values = input as Section; // an object literal's
  if ('student' in input)
    return {
      config: parseRunConfig(withAbsolutePaths(values, { places: RUN_PATHS, folder }), 'run'),
      warnings: [],
    };
  const job = withAbsolutePaths(values, { places: MODELARTS_PATHS, folder });
  return parseModelArts(job, 'job', await modelNameAt(job.teacher_model_url, settings));
}
