import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { pino } from 'pino';
import sharp, { type Sharp } from 'sharp';
import { onTestFinished } from 'vitest';
import { parseServingConfig, type ServingConfig } from '../../src/config/serving.js';
import { loadTensorFlow } from '../../src/graph/tensorflow.js';
import { type Serving, startServing } from '../../src/serving/serve.js';
import { hasVersions } from '../../src/serving/versions.js';
import { readSettings } from '../../src/settings.js';
import { writeLoudModel } from '../../bench/fixtures/loud-model.js';

export const CLASSES = ['oak', 'elm', 'Föhre'];

/** A folder with a small model in it: model/. */
export async function folderWithModel(): Promise<{ root: string; model: string }> {
  await loadTensorFlow();
  await tf.setBackend('tensorflow');
  const root = await mkdtemp(join(tmpdir(), 'detdistill-serving-'));
  const model = join(root, 'model');
  await writeLoudModel(model, { model: 'efficientdet-t0', classes: CLASSES });
  return { root, model };
}

/** Noise that depends on its name only. */
export function noise(name: string, width: number, height: number): Sharp {
  const seed = createHash('sha256').update(name).digest();
  const pixels = Buffer.from(
    Uint8Array.from(
      { length: width * height * 3 },
      (_, i) => (31 * i + 7 * (i % 11) + seed[i % 32]! * ((i >> 7) % 3)) % 255,
    ),
  );
  return sharp(pixels, { raw: { width, height, channels: 3 } });
}

/** [height, width, 3] as JSON has it. */
export async function nested(image: Sharp): Promise<number[][][]> {
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
  const at = (y: number, x: number): number[] => [...data.subarray((y * info.width + x) * 3).subarray(0, 3)];
  return Array.from({ length: info.height }, (_, y) =>
    Array.from({ length: info.width }, (_, x) => at(y, x)),
  );
}

export const b64 = (bytes: Uint8Array): { b64: string } => ({ b64: Buffer.from(bytes).toString('base64') });

type Written = Partial<Omit<ServingConfig, 'models'>>;
type Models = Readonly<
  Record<string, string | ({ path: string } & Partial<ServingConfig['models'][string]>)>
>;

/** A server on a free port, stopped when the test that started it is over. */
export async function serveModels(
  root: string,
  models: Models,
  { forGood = false, ...written }: Written & { forGood?: boolean } = {},
): Promise<Serving> {
  const entries = Object.entries(models).map(
    ([name, model]) => [name, typeof model === 'string' ? { path: model } : model] as const,
  );
  const config = parseServingConfig(
    { port: 0, poll_seconds: 0.1, ...written, models: Object.fromEntries(entries) },
    'test',
  );
  const sources = await Promise.all(
    entries.map(
      async ([name, { path }]) => [name, { folder: path, isNumbered: await hasVersions(path) }] as const,
    ),
  );
  const serving = await startServing({
    config,
    sources: Object.fromEntries(sources),
    settings: { ...readSettings(), home: root },
    log: pino({ level: 'silent' }),
    signal: new AbortController().signal,
  });
  if (!forGood) onTestFinished(() => serving.stop());
  return serving;
}

export const stopAndRemove = async (serving: Serving | undefined, root: string): Promise<void> => {
  await serving?.stop();
  await rm(root, { recursive: true, force: true });
};

export interface Answer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

export async function ask<T = { error: string }>(
  url: string,
  body?: unknown,
  signal?: AbortSignal,
): Promise<Answer<T>> {
  const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
  const answer = await fetch(url, { ...init, signal });
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as T };
}

/** The value of a metric with these labels. */
export async function metric(address: string, line: string): Promise<number> {
  const text = await (await fetch(`${address}/metrics`)).text();
  const found = text.split('\n').find(one => one.startsWith(`${line} `));
  return found === undefined ? 0 : Number(found.slice(line.length + 1));
}
