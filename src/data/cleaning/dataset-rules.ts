import { type Cleaning, isRuleOn } from '../../config/cleaning.js';
import type { Data } from '../../config/run.js';
import type { DatasetFinding } from '../../formats/cleaning-report.js';
import type { CleanedDataset, Split } from '../../formats/dataset.js';
import type { RawDataset } from '../raw-dataset.js';
import { anchorFit, type AnchorSetting, describeFit } from './anchor-fit.js';

interface DatasetContext {
  readonly limits: Cleaning;
  /** The detector to be trained; null: not known. */
  readonly detector: AnchorSetting | null;
  /** The data set before cleaning; null: not known. */
  readonly source: Pick<RawDataset, 'samples' | 'missing'> | null;
}

type Finding = Omit<DatasetFinding, 'rule'>;

/** A check of the cleaned data set as a whole; it changes nothing. */
interface DatasetRule {
  readonly id: 'L10' | 'L14' | 'L15';
  readonly title: string;
  check(dataset: CleanedDataset, context: DatasetContext): Finding[];
}

interface ClassCount {
  readonly name: string;
  readonly boxes: number;
}

/** In the order of the classes. */
function classCounts({ classes, splits }: CleanedDataset, split: Split): ClassCount[] {
  const counts = new Uint32Array(classes.length);
  for (const { boxes } of splits[split]) for (const { classIndex } of boxes) counts[classIndex]!++;
  return classes.map((name, i) => ({ name, boxes: counts[i]! }));
}

const balance: DatasetRule = {
  id: 'L10',
  title: 'class imbalance',
  check: (dataset, { limits: { min_class_boxes: minimum, max_class_imbalance: maxRatio } }) => {
    const train = classCounts(dataset, 'train');
    const evaluation = classCounts(dataset, 'eval');
    const test = classCounts(dataset, 'test');
    const isTested = dataset.splits.test.length > 0;
    const isEvaluationOnly = dataset.splits.train.length === 0;
    const missing = train.flatMap(({ name, boxes }, i) => [
      ...(boxes === 0 && !isEvaluationOnly ? [missingClass(name, 'train')] : []),
      ...(evaluation[i]?.boxes === 0 ? [missingClass(name, 'eval')] : []),
      ...(isTested && test[i]?.boxes === 0 ? [missingClass(name, 'test')] : []),
    ]);
    if (isEvaluationOnly) return missing;
    const few = train
      .filter(({ boxes }) => boxes > 0 && boxes < minimum)
      .map(({ name, boxes }) => ({
        reason: `${name}: ${boxes} boxes to train on, at least ${minimum} are recommended`,
        facts: { class: name, split: 'train', boxes },
      }));
    return [...missing, ...few, ...imbalance(train, maxRatio)];
  },
};

const USE: Readonly<Record<Split, string>> = { train: 'train', eval: 'evaluate', test: 'test' };

const missingClass = (name: string, split: Split): Finding => ({
  reason: `${name}: no box to ${USE[split]} on`,
  facts: { class: name, split, boxes: 0 },
});

function imbalance(counts: readonly ClassCount[], maxRatio: number): Finding[] {
  const present = counts.filter(({ boxes }) => boxes > 0);
  const [rarest, ...others] = present.sort((a, b) => a.boxes - b.boxes);
  const commonest = others.at(-1);
  if (!rarest || !commonest || commonest.boxes <= maxRatio * rarest.boxes) return [];
  const ratio = commonest.boxes / rarest.boxes;
  const reason = `${commonest.name} has ${ratio.toFixed(1)} times as many boxes to train on as ${rarest.name}: add images with ${rarest.name}`;
  return [{ reason, facts: { most: commonest, least: rarest, ratio } }];
}

const anchorRecall: DatasetRule = {
  id: 'L14',
  title: 'boxes that no anchor fits',
  check: (dataset, { detector, limits: { min_anchor_iou, max_anchor_misses } }) => {
    if (!detector) return [];
    const fit = anchorFit(dataset, detector, min_anchor_iou);
    if (fit.missed <= max_anchor_misses * fit.boxes) return [];
    return [{ reason: describeFit(fit, min_anchor_iou), facts: { ...fit, image_size: detector.imageSize } }];
  },
};

const testSplit: DatasetRule = {
  id: 'L15',
  title: 'split that is named and cannot be used',
  check: ({ splits }, { source }) => {
    if (!source) return [];
    const images = source.samples.filter(({ split }) => split === 'test').length;
    const isLost = images > 0 && splits.test.length === 0;
    const reason = `the test split has no usable image left of ${images}; the ledger says why`;
    return [
      ...source.missing.map(reason => ({ reason, facts: {} })),
      ...(isLost ? [{ reason, facts: { split: 'test', images } }] : []),
    ];
  },
};

export const DATASET_RULES: readonly DatasetRule[] = [balance, anchorRecall, testSplit];

export const checkDataset = (
  dataset: CleanedDataset,
  { data, ...context }: Omit<DatasetContext, 'limits'> & { readonly data: Data },
): DatasetFinding[] =>
  DATASET_RULES.filter(({ id }) => isRuleOn(id, data)).flatMap(rule =>
    rule
      .check(dataset, { limits: data.cleaning, ...context })
      .map(finding => ({ rule: rule.id, ...finding })),
  );
