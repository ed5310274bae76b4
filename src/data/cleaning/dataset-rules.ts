import { type Cleaning, isRuleOn } from '../../config/cleaning.js';
import type { Data } from '../../config/run.js';
import type { CleanedDataset } from '../../formats/dataset.js';
import { anchorFit, type AnchorSetting, describeFit } from './anchor-fit.js';

/** Something about the data set as a whole: nothing is changed, there is no file to name. */
export interface DatasetFinding {
  readonly rule: 'L10' | 'L14';
  readonly reason: string;
  /** The numbers behind it. */
  readonly facts: Readonly<Record<string, unknown>>;
}

interface Looked {
  readonly dataset: CleanedDataset;
  readonly limits: Cleaning;
  /** Of the detector to be trained; null: nobody has said. */
  readonly detector: AnchorSetting | null;
}

interface DatasetRule {
  readonly id: DatasetFinding['rule'];
  readonly title: string;
  find(looked: Looked): Omit<DatasetFinding, 'rule'>[];
}

const boxesPerClass = ({ classes, splits }: CleanedDataset, split: 'train' | 'eval'): number[] => {
  const counts = classes.map(() => 0);
  for (const { boxes } of splits[split]) for (const { classIndex } of boxes) counts[classIndex]!++;
  return counts;
};

const balance: DatasetRule = {
  id: 'L10',
  title: 'classes out of balance',
  find: ({ dataset, limits: { min_class_boxes: least, max_class_imbalance: most } }) => {
    const [train, evaluation] = [boxesPerClass(dataset, 'train'), boxesPerClass(dataset, 'eval')];
    const isEvaluatedOnly = dataset.splits.train.length === 0;
    const missing = dataset.classes.flatMap((name, i) =>
      (['train', 'eval'] as const)
        .filter(split => !(isEvaluatedOnly && split === 'train'))
        .filter(split => (split === 'train' ? train : evaluation)[i] === 0)
        .map(split => ({
          reason: `${name}: no box to ${split === 'train' ? 'train on' : 'evaluate'}`,
          facts: { class: name, split, boxes: 0 },
        })),
    );
    if (isEvaluatedOnly) return missing;
    const few = dataset.classes.flatMap((name, i) =>
      train[i]! > 0 && train[i]! < least
        ? [
            {
              reason: `${name}: ${train[i]!} boxes to train on, at least ${least} should be there`,
              facts: { class: name, split: 'train', boxes: train[i]! },
            },
          ]
        : [],
    );
    return [...missing, ...few, ...imbalance(dataset.classes, { train, most })];
  },
};

function imbalance(
  classes: readonly string[],
  { train, most }: { train: readonly number[]; most: number },
): Omit<DatasetFinding, 'rule'>[] {
  const present = classes.map((name, i) => ({ name, boxes: train[i]! })).filter(({ boxes }) => boxes > 0);
  const [rarest, ...others] = present.sort((a, b) => a.boxes - b.boxes);
  const commonest = others.at(-1);
  if (!rarest || !commonest || commonest.boxes <= most * rarest.boxes) return [];
  const ratio = commonest.boxes / rarest.boxes;
  const reason = `${commonest.name} has ${ratio.toFixed(1)} times as many boxes to train on as ${rarest.name}: add images with ${rarest.name}`;
  return [{ reason, facts: { most: commonest, least: rarest, ratio } }];
}

const anchorRecall: DatasetRule = {
  id: 'L14',
  title: 'boxes that no anchor fits',
  find: ({ dataset, detector, limits: { min_anchor_iou, max_anchor_misses } }) => {
    if (!detector) return [];
    const fit = anchorFit(dataset, detector, min_anchor_iou);
    if (fit.missed <= max_anchor_misses * fit.boxes) return [];
    return [{ reason: describeFit(fit, min_anchor_iou), facts: { ...fit, image_size: detector.imageSize } }];
  },
};

export const DATASET_RULES: readonly DatasetRule[] = [balance, anchorRecall];

export const findInDataset = (
  dataset: CleanedDataset,
  { data, detector }: { data: Data; detector: AnchorSetting | null },
): DatasetFinding[] =>
  DATASET_RULES.filter(({ id }) => isRuleOn(id, data)).flatMap(rule =>
    rule.find({ dataset, limits: data.cleaning, detector }).map(finding => ({ rule: rule.id, ...finding })),
  );
