/**
 * COCO metrics of a full-size case against pycocotools on the same files in the same run: seconds from files to the
 * twelve numbers, and peak memory.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readFound, readTruth } from '../src/evaluation/coco-files.js';
import type { BboxXywh, CocoFound, CocoTruth } from '../src/evaluation/coco-format.js';
import { cocoMetrics } from '../src/evaluation/coco.js';
import { runCommand } from '../src/native/command.js';
import { providePython } from '../src/native/python.js';
import { randomFrom } from '../src/random.js';
import { readSettings } from '../src/settings.js';
import type { Row } from './harness.js';

interface Measured {
  readonly seconds: number;
  readonly peakMiB: number;
  readonly metrics: readonly number[];
}

const PYCOCOTOOLS = `
import contextlib, io, json, resource, sys, time
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
start = time.time()
with contextlib.redirect_stdout(io.StringIO()):
    truth = COCO(sys.argv[1])
    evaluation = COCOeval(truth, truth.loadRes(sys.argv[2]), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
print(json.dumps(dict(
    seconds=time.time() - start,
    peakMiB=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    metrics=[float(x) for x in evaluation.stats])))
`;

const CATEGORIES = 80;

/** Boxes of every size; of the detections, some lie near a box, most are strays of low score. */
function generate(
  images: number,
  boxes: number,
  detections: number,
): { truth: CocoTruth; found: CocoFound[] } {
  const random = randomFrom('bench', images, boxes, detections);
  const bbox = (): BboxXywh => {
    const side = (): number => 8 * 40 ** random.next();
    return [random.uniform(0, 500), random.uniform(0, 400), side(), side()];
  };
  const annotations = Array.from({ length: boxes }, (_, i) => {
    const box = bbox();
    return {
      id: i + 1,
      image_id: 1 + random.integer(images),
      category_id: 1 + random.integer(CATEGORIES),
      bbox: box,
      area: box[2] * box[3] * random.uniform(0.5, 1),
      iscrowd: random.next() < 0.01 ? (1 as const) : (0 as const),
    };
  });
  const found = Array.from({ length: detections }, (_, i): CocoFound => {
    const near = i < boxes ? annotations[i]! : null;
    if (!near)
      return {
        image_id: 1 + random.integer(images),
        category_id: 1 + random.integer(CATEGORIES),
        bbox: bbox(),
        score: random.next() ** 3,
      };
    const [x, y, w, h] = near.bbox;
    const shift = (): number => random.uniform(-0.15, 0.15);
    const box: BboxXywh = [x + shift() * w, y + shift() * h, w * (1 + shift()), h * (1 + shift())];
    return { image_id: near.image_id, category_id: near.category_id, bbox: box, score: random.next() };
  });
  const truth = {
    images: Array.from({ length: images }, (_, i) => ({
      id: i + 1,
      width: 640,
      height: 480,
      file_name: `${i}.jpg`,
    })),
    annotations,
    categories: Array.from({ length: CATEGORIES }, (_, i) => ({ id: i + 1, name: `class ${i}` })),
  };
  return { truth, found };
}

async function measureOurs(truthFile: string, foundFile: string): Promise<Measured> {
  const start = performance.now();
  const truth = await readTruth(truthFile);
  const { metrics } = cocoMetrics(truth, await readFound(foundFile, truth));
  return {
    seconds: (performance.now() - start) / 1000,
    peakMiB: process.resourceUsage().maxRSS / 1024,
    metrics: Object.values(metrics),
  };
}

export async function benchMetrics(
  say: (line: string) => void,
  [images = 5000, boxes = 36_000, detections = 500_000]: readonly number[],
): Promise<readonly Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'coco-metrics-'));
  const files = [join(folder, 'truth.json'), join(folder, 'found.json')] as const;
  try {
    const { truth, found } = generate(images, boxes, detections);
    await writeFile(files[0], JSON.stringify(truth));
    await writeFile(files[1], JSON.stringify(found));
    const self = fileURLToPath(import.meta.url);
    const run = async (command: string, args: readonly string[]): Promise<Measured> =>
      JSON.parse(await runCommand(command, [...args, ...files])) as Measured; // printed below, or by the script above
    const ours = await run(process.execPath, [...process.execArgv, self, '--measure']);
    const { cacheFolder } = readSettings();
    const theirs = await run(await providePython({ cacheFolder, packages: 'light' }), ['-c', PYCOCOTOOLS]);
    return print(say, { ours, theirs });
  } finally {
    await rm(folder, { recursive: true });
  }
}

function print(say: (line: string) => void, { ours, theirs }: { ours: Measured; theirs: Measured }): Row[] {
  const line = (name: string, { seconds, peakMiB, metrics }: Measured): string =>
    `${name.padEnd(12)} ${seconds.toFixed(2).padStart(7)} s  ${peakMiB.toFixed(0).padStart(5)} MiB  AP ${metrics[0]!.toFixed(9)}`;
  const difference = Math.max(...ours.metrics.map((value, i) => Math.abs(value - theirs.metrics[i]!)));
  say(line('detdistill', ours));
  say(line('pycocotools', theirs));
  say(
    `ratio ${(ours.seconds / theirs.seconds).toFixed(3)}, largest difference ${difference.toExponential(1)}`,
  );
  const [mine, others] = [1000 * ours.seconds, 1000 * theirs.seconds];
  return [
    {
      model: 'coco-metrics',
      batch: 1,
      size: 0,
      precision: 'fp64',
      peer: 'pycocotools',
      ours: mine,
      theirs: others,
      ratio: mine / others,
    },
  ];
}

// In a process of its own, so that its peak memory is its own.
const [flag, truth, found] = process.argv.slice(2);
if (flag === '--measure') console.log(JSON.stringify(await measureOurs(truth!, found!)));
