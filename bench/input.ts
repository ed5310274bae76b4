/**
 * From JPEG files to batches with targets: decoding, flip, scale, crop, normalising and matching with anchors, in threads,
 * against torch.utils.data.DataLoader with effdet's own pieces, both with nothing else to do; and how long a training waits for
 * its batches.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { familyOf, type ModelName } from '../src/config/families.js';
import { Data } from '../src/config/run.js';
import { cleanDataset } from '../src/data/cleaning/clean.js';
import { type CleanedDataset, readCleanedDataset } from '../src/formats/dataset.js';
import { type Contestant, type Measured, once, race } from './contestants.js';
import { inFolder } from './folder.js';
import { writePhotographs } from './photographs.js';
import type { OpenLoader } from './programs/load-batches.js';
import type { OpenLoop } from './programs/train-loop.js';
import type { Report } from './report.js';
import { against, alone, type Row } from './row.js';

const MODEL: ModelName = 'efficientdet-d0';
const BATCH = 8;
const ROUNDS = 7;
/** Of each round: two epochs of the default, after a start that is not measured. */
const BATCHES = { skipped: 8, measured: 50 } as const;
const STEPS = { skipped: 3, measured: 30 } as const;
const OURS = 'detdistill';
const PEER = 'torch-dataloader';
/** Processes of the peer. */
const WORKERS = 2;

export interface InputCase {
  /** To train on. */
  readonly images: number;
  readonly seconds: number;
}

export const benchInput = (report: Report, { images, seconds }: InputCase): Promise<Row[]> =>
  inFolder(async root => {
    report.progress(`makes ${images} photographs`);
    const folder = await writeDataset(root, images);
    const size = familyOf(MODEL).imageSize;
    const times = await race([await ours(folder), await dataLoader(folder, root)], {
      ...{ report, seconds },
      ...{ warmUp: 1, rounds: ROUNDS },
    });
    const perSecond = (name: string): number[] =>
      times.get(name)!.map(ms => (1000 * BATCHES.measured * BATCH) / ms);
    const about = { model: MODEL, batch: BATCH, size };
    return [
      against(
        report,
        { ...about, unit: 'images/s' },
        { ours: perSecond(OURS), peer: PEER, theirs: perSecond(PEER) },
      ),
      ...(await waiting(report, folder)),
    ];
  });

/** A cleaned data set with so many photographs in its training split. */
async function writeDataset(root: string, images: number): Promise<string> {
  const [train, evaluation, folder] = ['train', 'eval', 'cleaned'].map(name => join(root, name)) as [
    string,
    string,
    string,
  ];
  await writePhotographs({ folder: train, images });
  await writePhotographs({ folder: evaluation, images: 1 });
  await mkdir(folder);
  const data = Data.parse({ train, eval: evaluation, do_data_cleaning: false });
  await cleanDataset({ data, outFolder: folder });
  return folder;
}

async function ours(folder: string): Promise<Contestant> {
  const open: OpenLoader = { folder, model: MODEL, batch: BATCH, ...BATCHES };
  return { name: OURS, program: { module: './programs/load-batches.js' }, open };
}

async function dataLoader(folder: string, root: string): Promise<Contestant> {
  const annotations = join(root, 'instances.json');
  const dataset = await readCleanedDataset(folder);
  await writeFile(annotations, JSON.stringify(cocoOf(dataset)));
  const classes = dataset.classes.length;
  const open = {
    ...{ folder, annotations, classes, model: MODEL, size: familyOf(MODEL).imageSize },
    ...{ batch: BATCH, workers: WORKERS, ...BATCHES },
  };
  return { name: PEER, program: { script: 'effdet_load_batches.py', packages: 'heavy' }, open };
}

/** The training split in COCO's form: what effdet reads. */
const cocoOf = ({ classes, splits: { train } }: CleanedDataset) => ({
  images: train.map(({ imageId: id, image: file_name, width, height }) => ({ id, file_name, width, height })),
  annotations: train.flatMap(({ imageId: image_id, boxes }, i) =>
    boxes.map(({ box: [ymin, xmin, ymax, xmax], classIndex, area }, j) => ({
      id: 1 + 100 * i + j,
      ...{ image_id, category_id: classIndex + 1, area, iscrowd: 0 },
      bbox: [xmin, ymin, xmax - xmin, ymax - ymin],
    })),
  ),
  categories: classes.map((name, i) => ({ id: i + 1, name })),
});

/** The share of a training's time in which it waits for its next batch. */
async function waiting(report: Report, folder: string): Promise<Row[]> {
  const open: OpenLoop = { folder, model: MODEL, batch: BATCH, ...STEPS };
  const program = { module: './programs/train-loop.js' };
  const { ms, waitedMs } = await once<Measured & { readonly waitedMs: number }>(
    { name: 'training loop', program, open },
    report,
  );
  const about = { batch: BATCH, size: familyOf(MODEL).imageSize };
  return [
    alone(report, { ...about, model: `${MODEL}, step in the loop` }, [ms / STEPS.measured]),
    alone(report, { ...about, model: `${MODEL}, waits for a batch`, unit: '%' }, [(100 * waitedMs) / ms]),
  ];
}
