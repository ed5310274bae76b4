import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import { boxArea } from '../../boxes.js';
import type { Data } from '../../config/run.js';
import { errors } from '../../errors.js';
import { fnv1a } from '../../random.js';
import type { StageProgress } from '../../pipeline.js';
import { mapConcurrently } from '../../concurrency.js';
import {
  type CleanedDataset,
  type CleanedSample,
  DATASET_FILE,
  type RawDataset,
  type RawSample,
  type Split,
} from '../dataset.js';
import { readDataset } from '../readers/index.js';
import { inspectPicture, rewritePicture } from './picture.js';
import { type Finding, RULES, type Working } from './rules.js';

export interface CleanOptions {
  readonly data: Data;
  readonly outFolder: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: StageProgress) => void;
}

export interface LedgerEntry extends Finding {
  readonly rule: string;
  readonly split: Split;
  readonly file: string;
}

export interface CleaningReport {
  readonly format: string;
  readonly classes: readonly string[];
  readonly splits: Record<Split, { images: number; boxes: number; boxesPerClass: Record<string, number> }>;
  readonly rules: readonly { id: string; title: string; found: number }[];
  readonly dropped: number;
  readonly changed: number;
}

/** Share of the samples that evaluate where the data set does not say: 2 in 10, by the hash of the id. */
const EVAL_TENTHS = 2;

/**
 * Reads, checks and repairs a data set into a folder of its own: dataset.json, images/, ledger.jsonl, report.json.
 * The originals are only read.
 */
export async function cleanDataset(options: CleanOptions): Promise<CleaningReport> {
  const { data, outFolder } = options;
  const { format, splits, classes: sourceClasses } = await readSplits(data);
  const examined = await examine(splits, options);
  const kept = examined.filter(({ working }) => !working.dropped);
  const ledger = examined.flatMap(({ entries }) => entries);
  if (!kept.some(({ split }) => split === 'train'))
    throw errors.nothingUsable(data.train, countBy(ledger.filter(({ action }) => action === 'drop-sample')));
  const classes = data.classes ?? classNames(kept, sourceClasses);
  const dataset = await writeSamples(kept, { classes, outFolder });
  const report = summarise(dataset, { format, ledger });
  await writeFile(
    join(outFolder, 'ledger.jsonl'),
    ledger.map(entry => `${JSON.stringify(entry)}\n`).join(''),
  );
  await writeFile(join(outFolder, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  await writeFile(join(outFolder, DATASET_FILE), `${JSON.stringify(dataset)}\n`);
  return report;
}

interface Examined {
  readonly split: Split;
  readonly working: Working;
  readonly entries: readonly LedgerEntry[];
}

async function readSplits(
  data: Data,
): Promise<{
  format: string;
  splits: { split: Split; sample: RawSample }[];
  classes: readonly string[] | null;
}> {
  const { format } = data;
  const named = (split: Split, dataset: RawDataset): { split: Split; sample: RawSample }[] =>
    dataset.samples.map(sample => ({ split, sample }));
  if (data.eval !== null) {
    const [train, evaluation] = [
      await readDataset(data.train, { format, split: null }),
      await readDataset(data.eval, { format, split: null }),
    ];
    return {
      format: train.format,
      splits: [...named('train', train), ...named('eval', evaluation)],
      classes: train.classes,
    };
  }
  const [train, evaluation] = [
    await readDataset(data.train, { format, split: 'train' }),
    await readDataset(data.train, { format, split: 'eval' }),
  ];
  const trainIds = new Set(train.samples.map(({ id }) => id));
  const isSplit = evaluation.samples.every(({ id }) => !trainIds.has(id));
  const splits = isSplit
    ? [...named('train', train), ...named('eval', evaluation)]
    : train.samples.map(sample => ({
        split: fnv1a(sample.id) % 10 < EVAL_TENTHS ? ('eval' as const) : ('train' as const),
        sample,
      }));
  return { format: train.format, splits, classes: train.classes };
}

async function examine(
  splits: readonly { split: Split; sample: RawSample }[],
  { data, signal, onProgress }: CleanOptions,
): Promise<Examined[]> {
  const started = Date.now();
  let done = 0;
  return mapConcurrently(splits, async ({ split, sample }) => {
    signal?.throwIfAborted();
    const examined = await examineSample(sample, { split, data });
    done++;
    const perSample = (Date.now() - started) / 1000 / done;
    onProgress?.({
      phase: 'clean',
      step: done,
      totalSteps: splits.length,
      itemsPerSecond: 1 / perSample,
      secondsLeft: perSample * (splits.length - done),
    });
    return examined;
  });
}

async function examineSample(
  sample: RawSample,
  { split, data }: { split: Split; data: Data },
): Promise<Examined> {
  const picture = await inspectPicture(sample.image);
  if (!data.do_data_cleaning) assertReadable(sample, picture.problem);
  let working: Working = {
    sample,
    picture,
    boxes: sample.boxes,
    width: picture.width,
    height: picture.height,
    rewrite: false,
    dropped: false,
  };
  const entries: LedgerEntry[] = [];
  // Without cleaning only the rules about how the files are read stay: which way is up, and what is no sample at all.
  const rules = data.do_data_cleaning
    ? RULES
    : RULES.filter(({ id }) => id === 'I03' || id === 'I04' || id === 'L11');
  for (const rule of rules) {
    if (working.dropped) break;
    const verdict = rule.apply(working, data);
    working = verdict.working;
    entries.push(
      ...verdict.findings.map(finding => ({ rule: rule.id, split, file: sample.image, ...finding })),
    );
  }
  return { split, working, entries };
}

function assertReadable(sample: RawSample, problem: string | null): void {
  if (problem) throw errors.pictureUnreadable(sample.image, problem);
  if (sample.problem)
    throw errors.datasetUnreadable(sample.annotation ?? sample.image, new Error(sample.problem));
}

/** The source's own list where it has one, without classes that nothing is labelled with; else the names found, sorted. */
function classNames(examined: readonly Examined[], source: readonly string[] | null): string[] {
  const found = new Set(examined.flatMap(({ working }) => working.boxes.map(({ label }) => label)));
  return source ? source.filter(name => found.has(name)) : [...found].sort();
}

async function writeSamples(
  examined: readonly Examined[],
  { classes, outFolder }: { classes: readonly string[]; outFolder: string },
): Promise<CleanedDataset> {
  const indices = new Map(classes.map((name, index) => [name, index]));
  const samples = await mapConcurrently(examined, async ({ split, working }, index) => {
    const boxes = working.boxes.map(({ box, label, crowd, area }) => {
      const classIndex = indices.get(label);
      if (classIndex === undefined)
        throw errors.labelUnknown({
          file: working.sample.annotation ?? working.sample.image,
          label,
          allowed: classes,
        });
      return {
        box: [...box] as [number, number, number, number],
        classIndex,
        crowd,
        area: area ?? boxArea(box),
      };
    });
    const image = await storePicture(working, { split, outFolder });
    const { id, image: original } = working.sample;
    return {
      split,
      sample: {
        imageId: index + 1,
        id,
        image,
        original,
        width: working.width,
        height: working.height,
        boxes,
      } satisfies CleanedSample,
    };
  });
  const of = (wanted: Split): CleanedSample[] =>
    samples.filter(({ split }) => split === wanted).map(({ sample }) => sample);
  return { classes: [...classes], splits: { train: of('train'), eval: of('eval') } };
}

async function storePicture(
  { sample, rewrite }: Working,
  { split, outFolder }: { split: Split; outFolder: string },
): Promise<string> {
  const extension = extname(sample.image).toLowerCase();
  const stored = rewrite && extension !== '.png' ? '.jpg' : extension;
  const image = join('images', split, `${sample.id}${stored}`);
  const target = join(outFolder, image);
  await mkdir(dirname(target), { recursive: true });
  await (rewrite ? rewritePicture(sample.image, target) : copyFile(sample.image, target));
  return image;
}

function countBy(entries: readonly LedgerEntry[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { rule } of entries) counts[rule] = (counts[rule] ?? 0) + 1;
  return counts;
}

function summarise(
  { classes, splits }: CleanedDataset,
  { format, ledger }: { format: string; ledger: readonly LedgerEntry[] },
): CleaningReport {
  const counts = countBy(ledger);
  const of = (samples: readonly CleanedSample[]): CleaningReport['splits']['train'] => {
    const boxes = samples.flatMap(sample => sample.boxes);
    const boxesPerClass = Object.fromEntries(
      classes.map((name, index) => [name, boxes.filter(({ classIndex }) => classIndex === index).length]),
    );
    return { images: samples.length, boxes: boxes.length, boxesPerClass };
  };
  return {
    format,
    classes,
    splits: { train: of(splits.train), eval: of(splits.eval) },
    rules: RULES.map(({ id, title }) => ({ id, title, found: counts[id] ?? 0 })),
    dropped: ledger.filter(({ action }) => action.startsWith('drop')).length,
    changed: ledger.filter(({ action }) => action === 'change').length,
  };
}
