/**
 * Serving a model over HTTP, one JPEG of 640 × 480 a request: throughput and latency, compared with FastAPI and Python TensorFlow on
 * the same SavedModel. All servers run all the time; in every round they get requests one after the other.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import autocannon from 'autocannon';
import sharp from 'sharp';
import { formatDuration } from '../src/cli/format.js';
import { familyOf, type ModelName } from '../src/config/families.js';
import { loadTensorFlow } from '../src/graph/tensorflow.js';
import { providePython } from '../src/native/python.js';
import { trainerEnvironment } from '../src/native/setup.js';
import { randomFrom } from '../src/random.js';
import { readSettings } from '../src/settings.js';
import { writeLoudModel } from './fixtures/loud-model.js';
import { freePort } from '../src/runs/listening.js';
import { ROOT } from './candidate.js';
import type { Report } from './report.js';
import { comparisonRow, type Row } from './row.js';
import { inTemporaryFolder } from './temporary-folder.js';

const CLIENTS = [1, 4, 16];
const CLASSES = Array.from({ length: 90 }, (_, i) => `class ${i + 1}`);
const START_SECONDS = 120;

interface Server {
  readonly name: string;
  /** The command that serves a folder on a port. */
  readonly command: (folder: string, port: number) => Promise<readonly string[]>;
}

const ours = (name: string, ...options: string[]): Server => ({
  name,
  command: async (folder, port) => [
    process.execPath,
    fileURLToPath(new URL('bin/detdistill.mjs', ROOT)),
    ...['serve', '--model', `bench=${folder}`, '--port', String(port), ...options],
  ],
});
const OURS: readonly Server[] = [
  ours('detdistill'),
  ours('detdistill, --batch-timeout 5', '--batch-timeout', '5'),
  ours('detdistill, --max-batch 1', '--max-batch', '1'),
];
const FASTAPI: Server = {
  name: 'fastapi',
  command: async (folder, port) => [
    await providePython({ cacheFolder: readSettings().cacheFolder, packages: 'serving' }),
    fileURLToPath(new URL('bench/programs/serve_fastapi.py', ROOT)),
    ...[folder, String(port)],
  ],
};
/** The figures of a round, with their units. */
const FIGURES = { perSecond: 'images/s', p50: 'ms, p50', p99: 'ms, p99' } as const;

interface Latencies {
  readonly perSecond: number;
  /** In milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

async function writeBenchModel(folder: string, model_name: ModelName): Promise<void> {
  await loadTensorFlow();
  await tf.setBackend('tensorflow');
  const side = familyOf(model_name).imageSize;
  // With fresh weights, every box would have the same score.
  await writeLoudModel(folder, { model: model_name, classes: CLASSES, imageSize: [side, side] });
}

/** Soft shapes in noise, which compress like a photograph. @returns base64 */
async function jpeg(): Promise<string> {
  const random = randomFrom('bench', 'serve');
  const [width, height] = [640, 480];
  const pixels = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const [x, y] = [(i / 3) % width, i / 3 / width];
    return 128 + 60 * Math.sin(x / 40) * Math.cos(y / 30) + random.uniform(-20, 20);
  });
  const file = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .jpeg()
    .toBuffer();
  return file.toString('base64');
}

interface Running {
  readonly name: string;
  readonly url: string;
  readonly child: ChildProcess;
}

async function start({ name, command }: Server, folder: string): Promise<Running> {
  const port = await freePort();
  const [program, ...args] = await command(folder, port);
  // Python TensorFlow gets the same environment as ours.
  const env = {
    ...process.env,
    ...trainerEnvironment(readSettings()),
    CUDA_VISIBLE_DEVICES: '-1',
    TF_CPP_MIN_LOG_LEVEL: '3',
  };
  const child = spawn(program!, args, { env, stdio: 'ignore' });
  return { name, url: `http://127.0.0.1:${port}/v1/models/bench:predict`, child };
}

/** Waits for a server. @returns the scores of its first answer */
async function firstAnswer({ name, url }: Running, body: string): Promise<number[]> {
  for (let tries = 0; tries < START_SECONDS * 2; tries++) {
    const answer = await fetch(url, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    }).catch(() => null);
    if (answer?.ok) {
      const { predictions } = (await answer.json()) as { predictions: { detection_scores: number[] }[] };
      return predictions[0]!.detection_scores;
    }
    await sleep(500);
  }
  throw new Error(`${name} does not answer`);
}

interface LoadOptions {
  readonly body: string;
  readonly clients: number;
  readonly seconds: number;
}

async function measure(url: string, { body, clients, seconds }: LoadOptions): Promise<Latencies> {
  const times: number[] = [];
  const options = {
    url,
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json' },
    connections: clients,
    duration: seconds,
    timeout: 120,
  } as const;
  const { duration, non2xx } = await new Promise<autocannon.Result>((resolve, reject) => {
    const run = autocannon(options, (error: Error | null, result) =>
      error ? reject(error) : resolve(result),
    );
    run.on('response', (_client, _status, _bytes, ms) => times.push(ms));
  });
  if (non2xx > 0) throw new Error(`${non2xx} requests were refused`);
  if (times.length === 0) throw new Error(`nothing was answered in ${seconds} s; longer rounds are needed`);
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(share * times.length))]!;
  return { perSecond: times.length / duration, p50: at(0.5), p99: at(0.99) };
}

export interface ServeOptions {
  readonly model: ModelName;
  /** The length of each round. */
  readonly seconds: number;
  readonly rounds: number;
}

export const benchServe = (report: Report, { model, ...options }: ServeOptions): Promise<Row[]> =>
  inTemporaryFolder(async root => {
    const running: Running[] = [];
    try {
      const folder = join(root, 'model');
      await writeBenchModel(folder, model);
      const body = JSON.stringify({ instances: [{ b64: await jpeg() }] });
      const scores: number[][] = [];
      for (const server of [...OURS, FASTAPI]) {
        report.progress(`${server.name} starts`);
        running.push(await start(server, folder));
        scores.push(await firstAnswer(running.at(-1)!, body));
      }
      const difference = Math.max(
        ...scores.flatMap(list => list.map((s, i) => Math.abs(s - scores[0]![i]!))),
      );
      const kinds = new Set(scores[0]).size;
      report.say(
        `the largest difference between the ${kinds} scores of the servers is ${difference.toExponential(1)}`,
      );
      const measured = await takeTurns(running, { ...options, body, report });
      return rowsOf(report, measured, model);
    } finally {
      for (const { child } of running) child.kill('SIGKILL'); // they have nothing to save
    }
  });

/** The rounds of each server, by its name and the number of clients. */
type Rounds = ReadonlyMap<string, readonly Latencies[]>;
const keyOf = (server: string, clients: number): string => `${server}/${clients}`;

async function takeTurns(
  running: readonly Running[],
  { rounds, seconds, body, report }: Omit<ServeOptions, 'model'> & { body: string; report: Report },
): Promise<Rounds> {
  const measured = new Map<string, Latencies[]>();
  for (let round = 0; round < rounds; round++)
    for (const clients of CLIENTS) {
      const left = ((rounds - round) * CLIENTS.length - CLIENTS.indexOf(clients)) * running.length * seconds;
      report.progress(`round ${round + 1} of ${rounds}, ${clients} clients, ${formatDuration(left)} left`);
      for (const { name, url } of running) {
        const key = keyOf(name, clients);
        measured.set(key, [...(measured.get(key) ?? []), await measure(url, { body, clients, seconds })]);
      }
    }
  return measured;
}

function rowsOf(report: Report, measured: Rounds, model: ModelName): Row[] {
  const figures = Object.entries(FIGURES) as [keyof Latencies, string][]; // the keys of the table above
  return CLIENTS.flatMap(clients =>
    OURS.flatMap(({ name }) =>
      figures.map(([key, unit]) => {
        const of = (server: string): number[] => measured.get(keyOf(server, clients))!.map(one => one[key]);
        const subject = { model: `${name}, ${clients} clients`, size: familyOf(model).imageSize, unit };
        return comparisonRow(report, subject, {
          ours: of(name),
          peer: FASTAPI.name,
          theirs: of(FASTAPI.name),
        });
      }),
    ),
  );
}
