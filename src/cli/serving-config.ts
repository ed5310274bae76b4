import { basename, dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { parseServingConfig, type ServingConfig } from '../config/serving.js';
import { errors } from '../errors/index.js';
import { readYaml } from './config-file.js';

/** Options that set one key of the configuration, and what help says of them. */
export const SERVING_OPTIONS = {
  host: ['host', 'address', 'where it listens; 127.0.0.1 if left out: this machine only'],
  port: ['port', 'n', '8501 if left out; 0: any that is free'],
  maxBatch: ['max_batch', 'n', 'images of one size looked at together, at most; 8 if left out'],
  batchTimeout: [
    'batch_timeout_ms',
    'ms',
    'how long an image waits for others at an idle model; 0 if left out',
  ],
  queue: ['queue_length', 'n', 'images in work or waiting; more are refused; 64 if left out'],
  maxImages: ['max_images', 'n', 'in one request; 32 if left out'],
  maxBody: ['max_body_mib', 'mib', 'size of a request; 64 if left out'],
  maxMegapixels: ['max_megapixels', 'n', 'size of an image; 32 if left out'],
  requestTimeout: ['request_timeout_seconds', 's', 'after which a request is given up; 60 if left out'],
  drainSeconds: ['drain_seconds', 's', 'how long requests may go on at the end; 30 if left out'],
} as const satisfies Record<string, readonly [keyof ServingConfig, placeholder: string, text: string]>;

type Written = { readonly [K in keyof typeof SERVING_OPTIONS]: string | undefined } & {
  readonly model: readonly string[];
  readonly models: string | undefined;
  readonly versions: string | undefined;
};

/** The configuration of a file, of options, or of both: what is written on the command line counts. */
export async function readServingConfig(written: Written): Promise<ServingConfig> {
  if ((written.models === undefined) === (written.model.length === 0))
    throw errors.usageWrong(
      'what is to be served is not clear',
      'give --model, once or several times, or --models FILE',
    );
  const [content, source] =
    written.models === undefined
      ? [{ models: modelsOf(written.model, written.versions) }, 'options']
      : [seenFrom(await readYaml(written.models), dirname(resolve(written.models))), written.models];
  const options = Object.entries(SERVING_OPTIONS).flatMap(([name, [key]]) => {
    const text = written[name as keyof typeof SERVING_OPTIONS];
    return text === undefined ? [] : [[key, key === 'host' ? text : (parse(text) as unknown)] as const];
  });
  const isSection = typeof content === 'object' && content !== null;
  return parseServingConfig(isSection ? { ...content, ...Object.fromEntries(options) } : content, source);
}

function modelsOf(written: readonly string[], versions: string | undefined): Record<string, object> {
  const models: Record<string, object> = {};
  for (const one of written) {
    const [, name = nameOf(one), path = one] = /^([\w.-]+)=(.+)$/.exec(one) ?? [];
    if (name in models)
      throw errors.usageWrong(
        `--model ${one}: there is a model ${name} already`,
        'written as --model NAME=DIR',
      );
    models[name] = { path, ...(versions !== undefined && { versions: versionsOf(versions) }) };
  }
  return models;
}

/** A run's name is the model's, also where its model/ is named. */
function nameOf(path: string): string {
  const full = resolve(path);
  return basename(full) === 'model' ? basename(dirname(full)) : basename(full);
}

const versionsOf = (text: string): unknown => (/^[\d,]+$/.test(text) ? text.split(',').map(Number) : text);

/** Paths in the file are seen from the file, where there is something; a run's name stays one. */
function seenFrom(content: unknown, folder: string): unknown {
  const models = (content as { models?: unknown } | null)?.models;
  if (typeof models !== 'object' || models === null) return content;
  const seen = Object.entries(models).map(([name, model]: [string, unknown]) => {
    const path = (model as { path?: unknown } | null)?.path;
    const isPath = typeof path === 'string' && path.includes('/');
    return [name, isPath ? { ...(model as object), path: resolve(folder, path) } : model];
  });
  return { ...(content as object), models: Object.fromEntries(seen) as unknown };
}
