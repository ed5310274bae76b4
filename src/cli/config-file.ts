import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { isSection, RUN_PATHS, type Section, withAbsolutePaths } from '../config/paths.js';
import { parseRunConfig, type RunConfig } from '../config/run.js';
import { errors } from '../errors/index.js';

/**
 * Reads the configuration of a run from YAML or JSON. Paths become absolute, as workers may run elsewhere: paths in the
 * file are relative to the file, those in overrides to the working folder.
 * @param overrides `a.b=c` with the value in YAML
 */
export async function readConfigFile(path: string, overrides: readonly string[] = []): Promise<RunConfig> {
  const content = parseText(await readText(path), path);
  if (!isSection(content)) return parseRunConfig(content, path); // throws: not a section
  const config = withAbsolutePaths(content, { places: RUN_PATHS, folder: dirname(resolve(path)) });
  for (const override of overrides) applyOverride(config, override);
  return parseRunConfig(config, path);
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw errors.configMissing(path);
    throw errors.configUnreadable(path, error);
  }
}

/** Reads any YAML or JSON file. */
export const readYaml = async (path: string): Promise<unknown> => parseText(await readText(path), path);

function parseText(text: string, path: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    throw errors.configUnreadable(path, error);
  }
}

/** Changes `content`. Paths are relative to the working folder. @param override `a.b=c` with the value in YAML */
export function applyOverride(content: Section, override: string): void {
  const [, name, text] = /^([^=]+)=(.*)$/s.exec(override) ?? [];
  if (name === undefined || text === undefined)
    throw errors.usageWrong(`--set ${override}: no "="`, 'example: --set student.num_epochs=20');
  const keys = name.trim().split('.');
  const addition = nest(keys, parseText(text, `--set ${override}`));
  merge(content, withAbsolutePaths(addition, { places: RUN_PATHS, folder: process.cwd() }), keys);
}

/** ['a', 'b'], 1 → { a: { b: 1 } } */
const nest = (keys: readonly string[], value: unknown): Section =>
  keys.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as Section; // one key at least

/** Sets the only value of `addition`, which `keys` lead to. Creates missing sections. */
function merge(content: Section, addition: Section, [key, ...rest]: readonly string[]): void {
  if (key === undefined) return;
  const [present, added] = [content[key], addition[key]];
  if (rest.length > 0 && isSection(present) && isSection(added)) merge(present, added, rest);
  else content[key] = added;
}
