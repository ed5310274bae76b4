/**
 * Prediction on CPUs: the network alone, and with scaling, normalising and suppression, at batch 1 and 8; D0 against PyTorch
 * effdet and against onnxruntime on effdet's own ONNX export, and the tiny families against D0.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { familyOf, type ModelName } from '../src/config/families.js';
import { NmsConfigs } from '../src/config/run.js';
import type { Picture } from '../src/data/pictures.js';
import { openDetector } from '../src/detection/detector.js';
import { modelCard, ONNX_NETWORK } from '../src/detection/model-card.js';
import { physicalCores } from '../src/detection/onnxruntime.js';
import { freshWeights, writeModel } from '../src/export/model-folder.js';
import { variableSpecs } from '../src/model/efficientdet.js';
import { randomFrom } from '../src/random.js';
import {
  alternate,
  type Contestant,
  milliseconds,
  ratioOf,
  type Row,
  spreadOf,
  startPeer,
  tableLine,
} from './harness.js';

const CLASSES = 90;
/** Of one picture; of more at a time, fewer. */
const ROUNDS = 25;
const roundsOf = (batch: number): number => Math.max(7, Math.ceil(ROUNDS / batch));
const WARM_UP = 3;
const D0: ModelName = 'efficientdet-d0';
const TINY: readonly ModelName[] = ['efficientdet-t0', 'efficientdet-t1', 'efficientdet-t2'];
const PEERS = ['effdet-fp32', 'effdet-channels-last', 'onnxruntime'] as const;

interface Ours {
  readonly network: (batch: number) => Contestant;
  /** From pictures of 640 × 480 to detections. */
  readonly whole: (batch: number, engine: 'onnxruntime' | 'tensorflow') => Promise<Contestant>;
}

async function model(name: ModelName, root: string): Promise<Ours> {
  const family = familyOf(name);
  const folder = join(root, name);
  const card = modelCard({
    model_name: name,
    classes: Array.from({ length: CLASSES }, (_, i) => `class ${i + 1}`),
    image_size: [family.imageSize, family.imageSize],
    aspect_ratios: [1, 2, 0.5],
    // A fresh network answers .01 everywhere: this leaves about what a trained one does.
    nms_configs: NmsConfigs.parse({ score_thresh: 0.011 }),
    step: 0,
    metrics: {},
  });
  const specs = variableSpecs({ family, numClasses: CLASSES });
  await writeModel(folder, { card, weights: await freshWeights(folder, { specs, seed: 1 }) });
  const session = await InferenceSession.create(join(folder, ONNX_NETWORK), {
    intraOpNumThreads: physicalCores(),
  });
  const random = randomFrom('bench', name);
  return {
    network: batch => {
      const shape = [batch, family.imageSize, family.imageSize, 3];
      const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () =>
        random.uniform(-1, 1),
      );
      const images = new Tensor('float32', values, shape);
      return {
        name,
        measure: async () => {
          const started = performance.now();
          const maps = await session.run({ images });
          const time = performance.now() - started;
          for (const map of Object.values(maps)) map.dispose(); // as the engine does: memory is used again
          return time;
        },
      };
    },
    whole: async (batch, engine) => {
      const { detect } = await openDetector(folder, { engine });
      const pixels = (): Uint8Array => Uint8Array.from({ length: 640 * 480 * 3 }, () => random.integer(256));
      const pictures = Array.from({ length: batch }, (): Picture => ({
        width: 640,
        height: 480,
        pixels: pixels(),
      }));
      return { name: engine, measure: () => milliseconds(() => detect(pictures)) };
    },
  };
}

type Say = (line: string) => void;

function compare(
  times: ReadonlyMap<string, number[]>,
  { ours, theirs, peer }: { ours: string; theirs: string; peer: string },
  what: Pick<Row, 'model' | 'batch' | 'size'> & { say: Say },
): Row {
  const { say, ...row } = what;
  const [mine, others] = [times.get(ours)!, times.get(theirs)!];
  say(tableLine(`${row.model}, batch ${row.batch}`, { ours: mine, theirs: others, peer }));
  const medians = { ours: spreadOf(mine).median, theirs: spreadOf(others).median };
  return { ...row, precision: 'fp32', peer, ...medians, ratio: ratioOf(mine, others).median };
}

async function againstPeers(ours: Ours, batch: number, say: Say): Promise<Row[]> {
  const { imageSize: size } = familyOf(D0);
  const peer = await startPeer(fileURLToPath(new URL('effdet_peer.py', import.meta.url)), 'heavy', []);
  try {
    const open = { do: 'open', model: D0, classes: CLASSES, size, threads: physicalCores() };
    say(`effdet 0.4.1: ${JSON.stringify(await peer.ask(open))}`);
    const others = PEERS.map(what => ({
      name: what,
      measure: async () => (await peer.ask<{ ms: number }>({ do: 'run', what, batch })).ms,
    }));
    const times = await alternate([ours.network(batch), ...others], {
      warmUp: WARM_UP,
      rounds: roundsOf(batch),
    });
    return PEERS.map(name =>
      compare(times, { ours: D0, theirs: name, peer: name }, { model: D0, batch, size, say }),
    );
  } finally {
    peer.end();
  }
}

/** The tiny families against D0, in the same rounds. */
export async function benchTiny(say: Say): Promise<Row[]> {
  return withRoot(async root => {
    const contestants = [];
    for (const name of [D0, ...TINY]) contestants.push((await model(name, root)).network(1));
    const times = await alternate(contestants, { warmUp: WARM_UP, rounds: roundsOf(1) });
    return TINY.map(name =>
      compare(
        times,
        { ours: name, theirs: D0, peer: D0 },
        { model: name, batch: 1, size: familyOf(name).imageSize, say },
      ),
    );
  });
}

export async function benchPredict(say: Say): Promise<Row[]> {
  return withRoot(async root => {
    const ours = await model(D0, root);
    const size = familyOf(D0).imageSize;
    const rows: Row[] = [];
    for (const batch of [1, 8]) {
      rows.push(...(await againstPeers(ours, batch, say)));
      const engines = [await ours.whole(batch, 'onnxruntime'), await ours.whole(batch, 'tensorflow')];
      const times = await alternate(engines, { warmUp: 1, rounds: roundsOf(batch) });
      const named = { ours: 'onnxruntime', theirs: 'tensorflow', peer: 'tensorflow, whole' };
      rows.push(compare(times, named, { model: D0, batch, size, say }));
    }
    return rows;
  });
}

async function withRoot<T>(work: (root: string) => Promise<T>): Promise<T> {
  const root = await mkdtemp(join(tmpdir(), 'bench-predict-'));
  try {
    return await work(root);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}
