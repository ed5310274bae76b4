import { isRuleOn } from '../../config/cleaning.js';
import type { Data } from '../../config/run.js';
import { mapConcurrently } from '../../concurrency.js';
import { errors } from '../../errors/index.js';
import { throughputOf } from '../../formats/progress.js';
import type { StageProgress } from '../../formats/progress.js';
import { type Split, writeCleanedDataset } from '../../formats/dataset.js';
import type { RawSample } from '../raw-dataset.js';
import { assertLabelsKnown, chooseClasses } from './classes.js';
import type { AnchorSetting } from './anchor-fit.js';
import { findInDataset } from './dataset-rules.js';
import { findLeaks } from './leaks.js';
import { findLikeness } from './likeness.js';
import { assertAnnotationsReadable } from './label-rules.js';
import { type LabelPlan, planLabels } from './labels.js';
import { inspectImage, type ImageFacts } from './image.js';
import { writeFindings } from './report-files.js';
import { type CleaningReport, countByRule, type LedgerEntry, summarise } from './report.js';
import type { RuleContext } from './rule.js';
import { applyRules } from './rules.js';
import { chooseSplits, readSource, type SourceSample, type SplitSample } from './splits.js';
import { type Kept, writeSamples } from './write.js';

export type { CleaningReport, LedgerEntry } from './report.js';

export interface CleanOptions {
  readonly data: Data;
  /** An empty folder. */
  readonly outFolder: string;
  /** Nothing to train on is needed: what the data set does not name for training all becomes the evaluation split. */
  readonly evaluationOnly?: boolean;
  /** Whose anchors are compared with the boxes. It changes nothing but the report. */
  readonly detector?: AnchorSetting;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: StageProgress) => void;
}

/**
 * Reads, checks and repairs a data set into a folder of its own: dataset.json, images/, ledger.jsonl, report.json and
 * report.html.
 * The originals are only read.
 */
export async function cleanDataset(options: CleanOptions): Promise<CleaningReport> {
  const { data, outFolder } = options;
  const source = await readSource(data, options);
  if (isRuleOn('L01', data) && data.cleaning.unreadable_annotation === 'fail')
    assertAnnotationsReadable(source.samples);
  const labelPlan = planLabels(source, data);
  assertLabelsKnown(source, data, labelPlan);
  const examined = await examine(source.samples, labelPlan, options);
  const kept = examined.filter(({ working }) => !working.dropped);
  const ledger = examined.flatMap(({ entries }) => entries);
  assertUsable({ kept, ledger, ...options });
  const labels = kept.flatMap(({ working }) => working.boxes.map(({ label }) => label));
  const beforeEach = meter('copy', kept.length, options);
  const dataset = await writeSamples(kept, {
    classes: chooseClasses(labels, source, data),
    outFolder,
    beforeEach,
  });
  const report = summarise(dataset, {
    format: source.format,
    ledger,
    labels: labelPlan,
    dataset: findInDataset(dataset, { data, detector: options.detector ?? null }),
  });
  await writeFindings(outFolder, { report, ledger });
  await writeCleanedDataset(outFolder, dataset);
  return report;
}

interface Examined extends Kept {
  readonly entries: readonly LedgerEntry[];
}

/** Decodes every image, compares them, and takes each sample through the rules. */
async function examine(
  source: readonly SourceSample[],
  labels: LabelPlan,
  options: CleanOptions,
): Promise<Examined[]> {
  const { data } = options;
  const images = await inspectAll(source, options);
  const likeness = findLikeness(images, data.cleaning);
  const samples = chooseSplits(source, likeness.groups);
  const leaks = findLeaks({ samples, images, likeness }, data.cleaning);
  const twins = new Map<string, RawSample>();
  const nameOf = (position: number): string => `${samples[position]!.split} ${images[position]!.pixels}`;
  samples.forEach(({ sample }, i) => {
    if (images[i]!.pixels !== null && !twins.has(nameOf(i))) twins.set(nameOf(i), sample);
  });
  return samples.map((entry, i) => {
    const like = likeness.resemblances[i];
    return examineSample(entry, images[i]!, {
      data,
      labels,
      split: entry.split,
      leak: leaks[i]!,
      firstTwin: twins.get(nameOf(i)),
      resemblance: like ? { to: samples[like.position]!, distance: like.distance } : null,
    });
  });
}

/** Computes only what the rules that are on look at. */
function inspectAll(source: readonly SourceSample[], options: CleanOptions): Promise<ImageFacts[]> {
  const { data } = options;
  const beforeEach = meter('examine', source.length, options);
  const wanted = {
    pixels: isRuleOn('I08', data),
    looks: isRuleOn('I07', data),
    hashFrom: isRuleOn('I09', data) ? data.cleaning.min_contrast : null,
  };
  return mapConcurrently(source, ({ sample }) => {
    beforeEach();
    return inspectImage(sample.image, wanted);
  });
}

function examineSample({ split, sample }: SplitSample, image: ImageFacts, context: RuleContext): Examined {
  if (!context.data.do_data_cleaning) assertReadable(sample, image.problem);
  const { width, height } = image;
  const start = { sample, image, boxes: sample.boxes, width, height, rewrite: false, dropped: false };
  const { working, findings } = applyRules(start, context);
  return { split, working, entries: findings.map(finding => ({ split, file: sample.image, ...finding })) };
}

/** Without cleaning nothing is mended: what cannot be read is an error. */
function assertReadable(
  { image, annotation, problem, boxes }: SplitSample['sample'],
  imageProblem: string | null,
): void {
  if (imageProblem) throw errors.imageUnreadable(image, imageProblem);
  const broken = boxes.findIndex(({ box, label }) => label === '' || !box.every(Number.isFinite));
  const reason = problem ?? (broken >= 0 ? `object ${broken + 1} lacks its name or a corner` : null);
  if (reason) throw errors.datasetUnreadable(annotation ?? image, new Error(reason));
}

function assertUsable({
  kept,
  ledger,
  data,
  evaluationOnly = false,
}: Pick<CleanOptions, 'data' | 'evaluationOnly'> & {
  kept: readonly Kept[];
  ledger: readonly LedgerEntry[];
}): void {
  const needed: readonly Split[] = evaluationOnly ? ['eval'] : ['train', 'eval'];
  for (const split of needed) {
    if (kept.some(entry => entry.split === split)) continue;
    const drops = ledger.filter(entry => entry.split === split && entry.action === 'drop-sample');
    const path = split === 'eval' && data.eval !== null ? data.eval : data.train;
    throw errors.nothingUsable({ path, split, dropped: countByRule(drops) });
  }
}

/** Counts items as they begin, says how long the rest takes, and stops when asked to. */
function meter(phase: string, totalSteps: number, { signal, onProgress }: CleanOptions): () => void {
  const started = Date.now();
  let step = 0;
  return () => {
    signal?.throwIfAborted();
    step++;
    onProgress?.({ phase, ...throughputOf(started, { step, totalSteps }) });
  };
}
