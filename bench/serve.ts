/**
 * Serving a model over HTTP: throughput and latency against FastAPI with Python TensorFlow on the same SavedModel, one
 * 640 × 480 JPEG a request, servers in turn, several rounds. Both run all the while; one is asked at a time.
 * Run after `npm run build`: npx tsx bench/serve.ts [model seconds rounds] [--json]
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import autocannon from 'autocannon';
import sharp from 'sharp';
import { familyOf, MODEL_NAMES } from '../src/config/families.js';
import { loadTensorFlow } from '../src/graph/tensorflow.js';
import { providePython } from '../src/native/python.js';
import { randomFrom } from '../src/random.js';
import { readSettings } from '../src/settings.js';
import { writeLoudModel } from '../test/export/loud-model.js';
import { freePort } from '../test/free-port.js';

const CLIENTS = [1, 4, 16];
const CLASSES = Array.from({ length: 90 }, (_, i) => `class ${i + 1}`);
const START_SECONDS = 120;

interface Contestant {
  readonly name: string;
  /** The command that serves a folder on a port. */
  readonly command: (folder: string, port: number) => Promise<readonly string[]>;
}

const ours = (name: string, ...options: string[]): Contestant => ({
  name,
  command: async (folder, port) => [
    process.execPath,
    fileURLToPath(new URL('../bin/detdistill.mjs', import.meta.url)),
    ...['serve', '--model', `bench=${folder}`, '--port', String(port), ...options],
  ],
});
const CONTESTANTS: readonly Contestant[] = [
  ours('detdistill'),
  ours('detdistill, --batch-timeout 5', '--batch-timeout', '5'),
  ours('detdistill, --max-batch 1', '--max-batch', '1'),
  {
    name: 'FastAPI, TensorFlow',
    command: async (folder, port) => [
      await providePython({ cacheFolder: readSettings().cacheFolder, packages: 'serving' }),
      fileURLToPath(new URL('serve_python.py', import.meta.url)),
      ...[folder, String(port)],
    ],
  },
];

interface Measured {
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}
interface Row extends Measured {
  readonly server: string;
  readonly clients: number;
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

async function writeBenchModel(folder: string, named: string): Promise<void> {
  const model_name = MODEL_NAMES.find(known => known === named);
  if (!model_name) throw new Error(`${named}: no such model; allowed: ${MODEL_NAMES.join(', ')}`);
  await loadTensorFlow();
  await tf.setBackend('tensorflow');
  const side = familyOf(model_name).imageSize;
  // Fresh weights answer the same everywhere: there would be nothing to compare.
  await writeLoudModel(folder, { model: model_name, classes: CLASSES, imageSize: [side, side] });
}

/** Soft shapes in noise: compresses like a photograph. */
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

async function start({ name, command }: Contestant, folder: string): Promise<Running> {
  const port = await freePort();
  const [program, ...args] = await command(folder, port);
  const env = { ...process.env, CUDA_VISIBLE_DEVICES: '-1', TF_CPP_MIN_LOG_LEVEL: '3' };
  const child = spawn(program!, args, { env, stdio: 'ignore' });
  return { name, url: `http://127.0.0.1:${port}/v1/models/bench:predict`, child };
}

/** The scores that a server finds, once it answers. */
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

async function measure(url: string, body: string, clients: number, seconds: number): Promise<Measured> {
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
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(share * times.length))]!;
  return { perSecond: times.length / duration, p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

async function compare(model: string, seconds: number, rounds: number): Promise<Row[]> {
  const root = await mkdtemp(join(tmpdir(), 'bench-serve-'));
  const running: Running[] = [];
  try {
    const folder = join(root, 'model');
    await writeBenchModel(folder, model);
    const body = JSON.stringify({ instances: [{ b64: await jpeg() }] });
    const scores: number[][] = [];
    for (const contestant of CONTESTANTS) {
      running.push(await start(contestant, folder));
      scores.push(await firstAnswer(running.at(-1)!, body));
    }
    const difference = Math.max(...scores.flatMap(list => list.map((s, i) => Math.abs(s - scores[0]![i]!))));
    const kinds = new Set(scores[0]).size;
    console.log(`largest difference between their ${kinds} scores ${difference.toExponential(1)}`);
    const measured = new Map<string, Measured[]>();
    for (let round = 0; round < rounds; round++)
      for (const clients of CLIENTS)
        for (const { name, url } of running) {
          const key = JSON.stringify([name, clients]);
          measured.set(key, [...(measured.get(key) ?? []), await measure(url, body, clients, seconds)]);
        }
    return CLIENTS.flatMap(clients =>
      running.map(({ name: server }) => {
        const found = measured.get(JSON.stringify([server, clients]))!;
        const of = (key: keyof Measured): number => median(found.map(one => one[key]));
        return {
          server,
          clients,
          perSecond: of('perSecond'),
          p50: of('p50'),
          p95: of('p95'),
          p99: of('p99'),
        };
      }),
    );
  } finally {
    for (const { child } of running) child.kill('SIGKILL');
    await rm(root, { recursive: true });
  }
}

function print(rows: readonly Row[]): void {
  console.log(`${'server'.padEnd(32)} clients   pictures/s  ratio   p50 ms   p95 ms   p99 ms`);
  for (const { server, clients, perSecond, p50, p95, p99 } of rows) {
    const base = rows.find(other => other.clients === clients && other.server === CONTESTANTS.at(-1)!.name)!;
    const numbers = [p50, p95, p99].map(ms => ms.toFixed(0).padStart(9)).join('');
    const ratio = (perSecond / base.perSecond).toFixed(2).padStart(7);
    console.log(
      `${server.padEnd(32)} ${String(clients).padStart(7)} ${perSecond.toFixed(1).padStart(12)}${ratio}${numbers}`,
    );
  }
}

const args = process.argv.slice(2);
const [model = 'efficientdet-d0', seconds = '10', rounds = '3'] = args.filter(arg => !arg.startsWith('--'));
const rows = await compare(model, Number(seconds), Number(rounds));
print(rows);
const [{ model: cpu } = { model: 'unknown' }] = cpus();
if (args.includes('--json'))
  console.log(JSON.stringify({ name: `serve ${model}`, machine: `${cpus().length} cores of ${cpu}`, rows }));
