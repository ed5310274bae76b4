import { mapConcurrently } from '../../concurrency.js';
import { isRuleOn } from '../../config/cleaning.js';
import type { Data } from '../../config/run.js';
import { errors } from '../../errors/index.js';
import type { CleaningReport, DatasetFinding, LedgerEntry } from '../../formats/cleaning-report.js';
import { writeCleanedDataset } from '../../formats/dataset.js';
import { throughputOf, type StageProgress } from '../../formats/progress.js';
import type { RawSample } from '../raw-dataset.js';
import type { AnchorSetting } from './anchor-fit.js';
import { findManyBackgrounds } from './background.js';
import { checkDataset } from './dataset-rules.js';
import { type ImageFacts, inspectImage } from './image-facts.js';
import { assertLabelsKnown, chooseClasses, type LabelPlan, planLabels } from './labels.js';
import { findLabelOrientations } from './label-orientation.js';
import { findLeaks } from './leaks.js';
import { findNearDuplicates } from './near-duplicates.js';
import { countByRule, summarise, writeFindings } from './report.js';
import type { CleaningState, RuleContext } from './rule.js';
import { applyRules } from './rules.js';
import { chooseSplits, readSource, type SplitSample } from './splits.js';
import { writeImages } from './write.js';

export interface CleanOptions {
  readonly data: Data;
  /** An empty folder. */
  readonly outFolder: string;
  /** Nothing is needed to train on: all that the data set assigns to no split becomes the evaluation split. */
  readonly evaluationOnly?: boolean;
  /** The detector whose anchors are compared with the boxes. It changes the report only. */
  readonly detector?: AnchorSetting;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: StageProgress) => void;
}

/**
 * Reads, checks and repairs a data set into a folder of its own: dataset.json, images/, ledger.jsonl, report.json and
 * report.html. The originals are never modified.
 */
export async function cleanDataset(options: CleanOptions): Promise<CleaningReport> {
  const { data, outFolder, detector = null } = options;
  const source = await readSource(data, options);
  if (isRuleOn('L01', data) && data.cleaning.unreadable_annotation === 'fail')
    assertAnnotationsReadable(source.samples);
  const labels = planLabels(source, data);
  assertLabelsKnown(source, data, labels);
  const { cleaned, findings } = await cleanSamples(source.samples, labels, options);
  const ledger = cleaned.flatMap(({ entries }) => entries);
  const kept = cleaned.map(({ state }) => state).filter(({ dropped }) => !dropped);
  assertUsable(kept, ledger, options);
  const keptLabels = kept.flatMap(({ boxes }) => boxes.map(({ label }) => label));
  const dataset = await writeImages(kept, {
    classes: chooseClasses(keptLabels, source, data),
    outFolder,
    beforeEach: progressMeter({ phase: 'copy', totalSteps: kept.length, ...noteOf(findings) }, options),
  });
  const report = summarise(dataset, {
    format: source.format,
    ledger,
    labels,
    dataset: [...labels.findings, ...findings, ...checkDataset(dataset, { data, detector, source })],
  });
  await writeFindings(outFolder, { report, ledger });
  await writeCleanedDataset(outFolder, dataset);
  return report;
}

/** Warnings that people see while cleaning goes on; the report repeats them. */
const noteOf = (findings: readonly DatasetFinding[]): Pick<StageProgress, 'note'> =>
  findings.length === 0 ? {} : { note: `warning: ${findings.map(({ reason }) => reason).join('; ')}` };

interface CleanedSamples {
  readonly cleaned: readonly CleanedState[];
  /** What was found in all of them together. */
  readonly findings: readonly DatasetFinding[];
}

interface CleanedState {
  readonly state: CleaningState;
  readonly entries: readonly LedgerEntry[];
}

/** Decodes all images, compares them with each other, and applies the rules to each sample. */
async function cleanSamples(
  source: readonly RawSample[],
  labels: LabelPlan,
  options: CleanOptions,
): Promise<CleanedSamples> {
  const { data } = options;
  const images = await inspectImages(source, options);
  const nearDuplicates = findNearDuplicates(images, data.cleaning);
  const samples = chooseSplits(source, nearDuplicates.groups);
  const orientations = findLabelOrientations({ samples: source, images }, data);
  const leaks = findLeaks({ samples, images, nearDuplicates }, data.cleaning);
  /** The first sample by split and pixels. */
  const firsts = new Map<string, SplitSample>();
  const cleaned = samples.map((sample, i) => {
    const image = images[i]!;
    const similar = nearDuplicates.similar[i];
    const key = `${sample.split} ${image.pixels ?? `of sample ${i}`}`;
    const duplicateOf = firsts.get(key) ?? null;
    if (!duplicateOf) firsts.set(key, sample);
    return cleanSample(sample, image, {
      data,
      labels,
      labelOrientation: orientations.samples[i]!,
      leak: leaks[i]!,
      duplicateOf,
      mostSimilar: similar ? { sample: samples[similar.position]!, distance: similar.distance } : null,
    });
  });
  return { cleaned, findings: [...orientations.findings, ...findManyBackgrounds(samples, data)] };
}

/** Makes only the checks that the active rules need. */
function inspectImages(source: readonly RawSample[], options: CleanOptions): Promise<ImageFacts[]> {
  const { data } = options;
  const beforeEach = progressMeter({ phase: 'examine', totalSteps: source.length }, options);
  const checks = {
    pixels: isRuleOn('I08', data),
    appearance: isRuleOn('I07', data),
    minHashContrast: isRuleOn('I09', data) ? data.cleaning.min_contrast : null,
  };
  return mapConcurrently(source, ({ image }) => {
    beforeEach();
    return inspectImage(image, checks);
  });
}

function cleanSample(sample: SplitSample, image: ImageFacts, context: RuleContext): CleanedState {
  if (!context.data.do_data_cleaning) assertReadable(sample, image.problem);
  const { width, height } = image;
  const initial = { sample, image, boxes: sample.boxes, width, height, rewrite: false, dropped: false };
  return applyRules(initial, context);
}

/** Called before any image is opened, if the configuration rejects such a data set. */
function assertAnnotationsReadable(samples: readonly RawSample[]): void {
  for (const { annotation, image, problem } of samples)
    if (problem !== null) throw errors.datasetUnreadable(annotation ?? image, new Error(problem));
}

/** Without cleaning nothing is repaired or dropped, so whatever cannot be read is an error. */
function assertReadable({ image, annotation, problem, boxes }: RawSample, imageProblem: string | null): void {
  if (imageProblem !== null) throw errors.imageUnreadable(image, imageProblem);
  const broken = boxes.findIndex(({ box, label }) => label === '' || !box.every(Number.isFinite));
  const reason = problem ?? (broken >= 0 ? `object ${broken + 1} lacks its name or a corner` : null);
  if (reason !== null) throw errors.datasetUnreadable(annotation ?? image, new Error(reason));
}

function assertUsable(
  kept: readonly CleaningState[],
  ledger: readonly LedgerEntry[],
  { data, evaluationOnly = false }: CleanOptions,
): void {
  const needed = evaluationOnly ? (['eval'] as const) : (['train', 'eval'] as const);
  for (const split of needed) {
    if (kept.some(({ sample }) => sample.split === split)) continue;
    const drops = ledger.filter(entry => entry.split === split && entry.action === 'drop-sample');
    const path = split === 'eval' && data.eval !== null ? data.eval : data.train;
    throw errors.nothingUsable({ path, split, dropped: countByRule(drops) });
  }
}

/** @returns a function to call before each item: it reports progress with the time left, and throws if the signal aborted */
function progressMeter(
  { totalSteps, ...rest }: Pick<StageProgress, 'phase' | 'totalSteps' | 'note'>,
  { signal, onProgress }: CleanOptions,
): () => void {
  const started = Date.now();
  let step = 0;
  return () => {
    signal?.throwIfAborted();
    step++;
    onProgress?.({ ...rest, ...throughputOf(started, { step, totalSteps }) });
  };
}
