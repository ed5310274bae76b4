/**
 * From JPEG files to batches with targets: decoding, flip, scale, crop, normalisation and matching with anchors, in threads,
 * compared with torch.utils.data.DataLoader and effdet's own transforms, both without other work; and how long a training waits
 * for its batches.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { familyOf, type ModelName } from '../src/config/families.js';
import { Data } from '../src/config/run.js';
import { cleanDataset } from '../src/data/cleaning/clean.js';
import { type CleanedDataset, readCleanedDataset } from '../src/formats/dataset.js';
import { type Candidate, type Measurement, measureOnce } from './candidate.js';

import { writePhotographs } from './photographs.js';
import type { OpenLoader } from './programs/load-batches.js';
import type { OpenLoop } from './programs/train-loop.js';
import type { Report } from './report.js';
import { pairOf, timeRounds } from './rounds.js';
import { comparisonRow, figureRow, type Row } from './row.js';
import { inTemporaryFolder } from './temporary-folder.js';

const MODEL: ModelName = 'efficientdet-d0';
const BATCH = 8;
const ROUNDS = 7;
/** The batches of each round: a warm-up, which is not measured, and about two epochs. */
const BATCHES = { warmUp: 8, measured: 50 } as const;
const STEPS = { warmUp: 3, measured: 30 } as const;
const OURS = 'detdistill';
const PEER = 'torch-dataloader';
/** The worker processes of the peer. */
const WORKERS = 2;

export interface InputOptions {
  /** The number of images to train on. */
  readonly images: number;
  readonly glibcDefaults: boolean;
  /** The time limit of the comparison. */
  readonly seconds: number;
}

export const benchInput = (
  report: Report,
  { images, glibcDefaults, seconds }: InputOptions,
): Promise<Row[]> =>
  inTemporaryFolder(async root => {
    report.progress(`writes ${images} photographs`);
    const folder = await writeDataset(root, images);
    const annotations = join(root, 'instances.json');
    const dataset = await readCleanedDataset(folder);
    await writeFile(annotations, JSON.stringify(cocoOf(dataset)));
    const classes = dataset.classes.length;
    const candidates = [ourLoader(folder), dataLoader({ folder, annotations, classes, glibcDefaults })];
    const { rounds } = await timeRounds(candidates, { report, warmUp: 1, rounds: ROUNDS, seconds });
    const { ours, theirs } = pairOf(rounds, OURS, PEER);
    const perSecond = (ms: number): number => (1000 * BATCHES.measured * BATCH) / ms;
    const subject = { model: MODEL, batch: BATCH, size: familyOf(MODEL).imageSize, unit: 'images/s' };
    return [
      comparisonRow(report, subject, {
        ours: ours.map(perSecond),
        peer: PEER,
        theirs: theirs.map(perSecond),
      }),
      ...(await waiting(report, folder)),
    ];
  });

/** Writes a cleaned data set with this number of photographs in its training split. @returns its folder */
async function writeDataset(root: string, images: number): Promise<string> {
  const [train, evaluation, folder] = [join(root, 'train'), join(root, 'eval'), join(root, 'cleaned')];
  await writePhotographs({ folder: train, images });
  await writePhotographs({ folder: evaluation, images: 1 });
  await mkdir(folder);
  const data = Data.parse({ train, eval: evaluation, do_data_cleaning: false });
  await cleanDataset({ data, outFolder: folder });
  return folder;
}

function ourLoader(folder: string): Candidate {
  const open: OpenLoader = { folder, model: MODEL, batch: BATCH, ...BATCHES };
  return { name: OURS, program: { module: './programs/load-batches.js' }, open };
}

interface LoaderOptions {
  readonly folder: string;
  /** A file in COCO format. */
  readonly annotations: string;
  readonly classes: number;
  readonly glibcDefaults: boolean;
}

const dataLoader = ({ folder, annotations, classes, glibcDefaults }: LoaderOptions): Candidate => ({
  name: PEER,
  program: { script: 'effdet_load_batches.py', packages: 'heavy', glibcDefaults },
  open: {
    ...{ folder, annotations, classes, model: MODEL, size: familyOf(MODEL).imageSize },
    ...{ batch: BATCH, workers: WORKERS, ...BATCHES },
  },
});

/** The training split in COCO format, which effdet reads. */
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

/** The time of a step in a training, and the share of time in which the training waits for its next batch. */
async function waiting(report: Report, folder: string): Promise<Row[]> {
  const open: OpenLoop = { folder, model: MODEL, batch: BATCH, ...STEPS };
  const program = { module: './programs/train-loop.js' };
  const { ms, waitedMs } = await measureOnce<Measurement & { readonly waitedMs: number }>(
    { name: 'training loop', program, open },
    report,
  );
  const subject = { batch: BATCH, size: familyOf(MODEL).imageSize };
  return [
    figureRow(report, { ...subject, model: `${MODEL}, step in the loop` }, [ms / STEPS.measured]),
    figureRow(report, { ...subject, model: `${MODEL}, waits for a batch`, unit: '%' }, [
      (100 * waitedMs) / ms,
    ]),
  ];
}
