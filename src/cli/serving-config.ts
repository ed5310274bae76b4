import { basename, dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { isSection, type Section } from '../config/paths.js';
import { parseServingConfig, type ServingConfig } from '../config/serving.js';
import { errors } from '../errors/index.js';
import { readYaml } from './config-file.js';

export interface ServingOptions {
  /** NAME=MODEL or MODEL, one for each --model. */
  readonly model: readonly string[];
  /** A configuration file. */
  readonly models: string | undefined;
  readonly versions: string | undefined;
  /** Values for other keys of the configuration, as written. */
  readonly keys: readonly (readonly [key: keyof ServingConfig, text: string])[];
}

/** Reads the configuration from a file, from options, or from both: options take precedence. */
export async function readServingConfig({
  model,
  models,
  versions,
  keys,
}: ServingOptions): Promise<ServingConfig> {
  if ((models === undefined) === (model.length === 0))
    throw errors.usageWrong(
      models === undefined ? 'no model given' : 'both --model and --models given',
      'use --model, which is repeatable, or --models FILE',
    );
  const [content, source] =
    models === undefined
      ? [{ models: modelsOf(model, versions) }, 'options']
      : [resolvePaths(await readYaml(models), dirname(resolve(models))), models];
  if (!isSection(content)) return parseServingConfig(content, source); // throws: not a section
  const values = keys.map(([key, text]) => [key, key === 'host' ? text : (parse(text) as unknown)] as const);
  return parseServingConfig({ ...content, ...Object.fromEntries(values) }, source);
}

function modelsOf(written: readonly string[], versions: string | undefined): Section {
  const models: Section = {};
  for (const one of written) {
    const [, name = nameOf(one), path = one] = /^([\w.-]+)=(.+)$/.exec(one) ?? [];
    if (name in models)
      throw errors.usageWrong(
        `--model ${one}: the model name ${name} is already in use`,
        'name the models: --model NAME=MODEL',
      );
    models[name] = { path, ...(versions !== undefined && { versions: versionsOf(versions) }) };
  }
  return models;
}

/** A model is named after its run or its folder; a folder called model/ after the one above. */
function nameOf(path: string): string {
  const full = resolve(path);
  return basename(full) === 'model' ? basename(dirname(full)) : basename(full);
}

const versionsOf = (text: string): unknown => (/^[\d,]+$/.test(text) ? text.split(',').map(Number) : text);

/** Resolves paths of models against the folder of the file. A text without "/" is the name of a run. */
function resolvePaths(content: unknown, folder: string): unknown {
  if (!isSection(content) || !isSection(content.models)) return content;
  const models = Object.entries(content.models).map(([name, model]) => {
    const path = isSection(model) ? model.path : undefined;
    const isPath = typeof path === 'string' && path.includes('/');
    return [name, isSection(model) && isPath ? { ...model, path: resolve(folder, path) } : model] as const;
  });
  return { ...content, models: Object.fromEntries(models) };
}
