import type { OperatingPoint, Report } from '../../formats/report.js';
import type { AdviceInput, Rule, RuleMatch } from '../rule.js';
import { confidenceFrom, medianOf } from '../signals.js';
import { change } from '../tunable.js';

/** Classes, or pairs of classes, that a rule names at most. */
const MAX_SUBJECTS = 3;
const PEOPLE = { kind: 'people', training: 1 } as const;
const FREE = { kind: 'none', training: 0 } as const;

/** Rules about classes and thresholds, and about how precise the metrics are. */
export const RESULT_RULES: readonly Rule[] = [
  { id: 'C1', match: ({ student: { report } }) => rareClasses(report) },
  { id: 'C2', match: ({ student: { report } }) => confusedClasses(report) },
  { id: 'C3', match: looseBoxes },
  { id: 'T1', match: ({ student: { report } }) => betterScoreThreshold(report) },
  { id: 'T2', match: betterSuppression },
  { id: 'N1', match: ({ student: { report } }) => uncertainMetrics(report) },
];

function rareClasses({ perClass, training }: Report): RuleMatch[] {
  const rows = perClass
    .filter(({ AP }) => AP >= 0)
    .map(row => ({ ...row, n: training ? (training.boxesPerClass[row.name] ?? 0) : row.boxes }));
  const median = { AP: medianOf(rows.map(({ AP }) => AP)), n: medianOf(rows.map(({ n }) => n)) };
  return rows
    .filter(({ AP, n }) => AP < 0.5 * median.AP && n < 0.2 * median.n)
    .sort((a, b) => a.AP - b.AP)
    .slice(0, MAX_SUBJECTS)
    .map(({ name, AP, n, boxes }) => ({
      subject: name,
      severity: 'medium',
      evidence: { metric: `AP of ${name}`, value: AP, threshold: 0.5 * median.AP, n },
      expected: {
        gain: (median.AP - AP) / rows.length,
        metric: 'AP',
        confidence: confidenceFrom(boxes),
      },
      advice: {
        en: `${name} is rare (${n} boxes; the median class has ${median.n}) and has a low AP: collect more images of it.`,
        zh: `类别 ${name} 样本少（${n} 个框，中位类别为 ${median.n}）且效果差：补充样本。`,
      },
      patch: {},
      cost: PEOPLE,
    }));
}

/** Fewer confusions than this are no pattern. */
const MIN_CONFUSED = 3;

function confusedClasses({ errors: { confusions }, perClass, counts }: Report): RuleMatch[] {
  const nameOf = (id: number): string => perClass.find(({ categoryId }) => categoryId === id)?.name ?? '';
  return confusions
    .filter(({ share, count }) => share > 0.2 && count >= MIN_CONFUSED)
    .slice(0, MAX_SUBJECTS)
    .map(({ truth, found, count, share }) => {
      const [from, to] = [nameOf(truth), nameOf(found)];
      return {
        subject: `${from}→${to}`,
        severity: 'medium',
        evidence: { metric: `share of ${from} detected as ${to}`, value: share, threshold: 0.2, n: count },
        expected: { gain: count / counts.boxes, metric: 'AP50', confidence: confidenceFrom(count) },
        advice: {
          en: `${from} is often detected as ${to}: review the labels of both classes, merge them, or add images that show how they differ.`,
          zh: `${from} 常被识别为 ${to}：检查两类标注，合并类别，或补充可区分的样本。`,
        },
        patch: {},
        cost: PEOPLE,
      };
    });
}

/** Below this AP50 the ratio is meaningless. */
const MIN_AP50 = 0.05;

function looseBoxes({ config, student: { report } }: AdviceInput): RuleMatch[] {
  const { AP50, AP75 } = report.metrics;
  const ratio = AP75 / AP50;
  if (AP50 < MIN_AP50 || ratio >= 0.45) return [];
  return [
    {
      severity: 'medium',
      evidence: { metric: 'AP75 / AP50', value: ratio, threshold: 0.45, n: report.errors.correct },
      expected: {
        gain: 0.45 * AP50 - AP75,
        metric: 'AP',
        confidence: confidenceFrom(report.errors.correct),
      },
      advice: {
        en: 'AP75 is far below AP50: boxes are poorly localized; raise the weight of the box loss.',
        zh: 'AP75 明显低于 AP50：定位精度不足，提高框回归损失权重。',
      },
      patch: change(config, 'student.hparams.box_loss_weight', config.student.hparams.box_loss_weight * 1.5),
      cost: { kind: 'training', training: 1 },
    },
  ];
}

function betterScoreThreshold({ deployed, errors: { best }, operatingCurve, counts }: Report): RuleMatch[] {
  if (!deployed || best.f1 === 0 || Math.abs(best.threshold - deployed.scoreThreshold) <= 0.05) return [];
  const now = nearest(operatingCurve, deployed.scoreThreshold);
  return [
    {
      severity: 'low',
      evidence: {
        metric: 'score threshold of the best F1 minus the deployed one',
        value: best.threshold - deployed.scoreThreshold,
        threshold: 0.05,
        n: counts.boxes,
      },
      expected: {
        gain: Math.max(0, best.f1 - (now?.f1 ?? best.f1)),
        metric: 'F1',
        confidence: confidenceFrom(counts.boxes),
      },
      advice: {
        en: `Change the score threshold from ${deployed.scoreThreshold} to ${best.threshold.toFixed(2)}: F1 ${best.f1.toFixed(2)} (precision ${best.precision.toFixed(2)}, recall ${best.recall.toFixed(2)}).`,
        zh: `将置信度阈值由 ${deployed.scoreThreshold} 改为 ${best.threshold.toFixed(2)}：F1 ${best.f1.toFixed(2)}（精确率 ${best.precision.toFixed(2)}，召回率 ${best.recall.toFixed(2)}）。`,
      },
      patch: {},
      cost: FREE,
    },
  ];
}

const nearest = (curve: readonly OperatingPoint[], threshold: number): OperatingPoint | undefined =>
  [...curve].sort((a, b) => Math.abs(a.threshold - threshold) - Math.abs(b.threshold - threshold))[0];

function betterSuppression({ config, student: { report } }: AdviceInput): RuleMatch[] {
  const { suppression, counts } = report;
  if (!suppression || suppression.best === suppression.deployed || suppression.gainAP <= 0.003) return [];
  const { best, deployed, gainAP } = suppression;
  return [
    {
      severity: 'low',
      evidence: {
        metric: 'AP gained by the best IoU threshold',
        value: gainAP,
        threshold: 0.003,
        n: counts.boxes,
      },
      expected: { gain: gainAP, metric: 'AP', confidence: confidenceFrom(counts.boxes) },
      advice: {
        en: `Change the IoU threshold of non-maximum suppression from ${deployed} to ${best}.`,
        zh: `将 NMS 的 IoU 阈值由 ${deployed} 改为 ${best}。`,
      },
      patch: change(config, 'student.hparams.nms_configs.iou_thresh', best),
      cost: { kind: 'training', training: 1 },
    },
  ];
}

function uncertainMetrics({ counts: { images }, confidence }: Report): RuleMatch[] {
  const halfWidth = confidence ? (confidence.high - confidence.low) / 2 : 1;
  if (images >= 200 && halfWidth <= 0.02) return [];
  const evidence =
    images < 200
      ? { metric: 'evaluation images', value: images, threshold: 200, n: images }
      : { metric: 'half width of the 95 % interval of AP50', value: halfWidth, threshold: 0.02, n: images };
  const points = (halfWidth * 100).toFixed(1);
  return [
    {
      severity: 'low',
      evidence,
      expected: { gain: 0, metric: 'AP50', confidence: 1 },
      advice: {
        en: `The uncertainty of AP50 is ± ${points} points (${images} images): smaller differences are not significant.`,
        zh: `AP50 的误差约为 ± ${points} 个百分点（${images} 张图片）：更小的差异不具显著性。`,
      },
      patch: {},
      cost: { kind: 'people', training: 0 },
    },
  ];
}
