import { confidenceFrom, medianOf } from '../signals.js';
import type { AdviceInput, EvidenceReport, Finding, OperatingPoint, Rule } from '../suggestion.js';
import { change } from '../tunable.js';

const SHOWN_CLASSES = 3;
const PEOPLE = { kind: 'people', training: 1 } as const;
const FREE = { kind: 'none', training: 0 } as const;

/** Classes, thresholds, and whether the numbers can be trusted at all. */
export const RESULT_RULES: readonly Rule[] = [
  { id: 'C1', find: ({ student: { report } }) => rareAndWeak(report) },
  { id: 'C2', find: ({ student: { report } }) => confused(report) },
  { id: 'C3', find: looseBoxes },
  { id: 'T1', find: ({ student: { report } }) => otherThreshold(report) },
  { id: 'T2', find: ({ student: { report } }) => otherSuppression(report) },
  { id: 'N1', find: ({ student: { report } }) => uncertain(report) },
];

function rareAndWeak({ perClass, training }: EvidenceReport): Finding[] {
  const rows = perClass
    .filter(({ AP }) => AP >= 0)
    .map(row => ({ ...row, n: training ? (training.boxesPerClass[row.name] ?? 0) : row.boxes }));
  const median = { AP: medianOf(rows.map(({ AP }) => AP)), n: medianOf(rows.map(({ n }) => n)) };
  return rows
    .filter(({ AP, n }) => AP < 0.5 * median.AP && n < 0.2 * median.n)
    .sort((a, b) => a.AP - b.AP)
    .slice(0, SHOWN_CLASSES)
    .map(({ name, AP, n, boxes }) => ({
      about: name,
      severity: 'medium',
      evidence: { metric: `AP of ${name}`, value: AP, threshold: 0.5 * median.AP, n },
      expected: {
        gain: (median.AP - AP) / rows.length,
        metric: 'AP',
        confidence: confidenceFrom(boxes),
      },
      advice: {
        en: `${name} is rare (${n} boxes, the median class has ${median.n}) and weak: collect more images of it, or repeat those there are.`,
        zh: `类别 ${name} 样本少（${n} 个框，中位类别为 ${median.n}）且效果差：补充样本，或对现有样本过采样。`,
      },
      patch: {},
      cost: PEOPLE,
    }));
}

/** A couple of mistakes is no pattern. */
const MIN_CONFUSED = 3;

function confused({ errors: { confusions }, perClass, counts }: EvidenceReport): Finding[] {
  const nameOf = (id: number): string => perClass.find(({ categoryId }) => categoryId === id)?.name ?? '';
  return confusions
    .filter(({ share, count }) => share > 0.2 && count >= MIN_CONFUSED)
    .slice(0, SHOWN_CLASSES)
    .map(({ truth, found, count, share }) => {
      const [from, to] = [nameOf(truth), nameOf(found)];
      return {
        about: `${from}→${to}`,
        severity: 'medium',
        evidence: { metric: `share of ${from} taken for ${to}`, value: share, threshold: 0.2, n: count },
        expected: { gain: count / counts.boxes, metric: 'AP50', confidence: confidenceFrom(count) },
        advice: {
          en: `${from} is often taken for ${to}: review the labels of both, merge the classes, or add images that tell them apart.`,
          zh: `${from} 常被识别为 ${to}：检查两类标注，合并类别，或补充可区分的样本。`,
        },
        patch: {},
        cost: PEOPLE,
      };
    });
}

/** Below this AP50 the ratio says nothing. */
const MIN_AP50 = 0.05;

function looseBoxes({ config, student: { report } }: AdviceInput): Finding[] {
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
        en: 'AP falls fast when boxes have to fit tightly: placing them is the weak point; raise the weight of the box loss.',
        zh: 'AP75 明显低于 AP50：定位精度不足，提高框回归损失权重。',
      },
      patch: change(config, 'student.hparams.box_loss_weight', config.student.hparams.box_loss_weight * 1.5),
      cost: { kind: 'training', training: 1 },
    },
  ];
}

function otherThreshold({ deployed, errors: { best }, operatingCurve, counts }: EvidenceReport): Finding[] {
  if (!deployed || best.f1 === 0 || Math.abs(best.threshold - deployed.scoreThreshold) <= 0.05) return [];
  const now = nearest(operatingCurve, deployed.scoreThreshold);
  return [
    {
      severity: 'low',
      evidence: {
        metric: 'score of the best F1 minus the one in use',
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
        en: `Show detections from score ${best.threshold.toFixed(2)} on, not ${deployed.scoreThreshold}: F1 ${best.f1.toFixed(2)} (precision ${best.precision.toFixed(2)}, recall ${best.recall.toFixed(2)}).`,
        zh: `将置信度阈值由 ${deployed.scoreThreshold} 改为 ${best.threshold.toFixed(2)}：F1 ${best.f1.toFixed(2)}（精确率 ${best.precision.toFixed(2)}，召回率 ${best.recall.toFixed(2)}）。`,
      },
      patch: {},
      cost: FREE,
    },
  ];
}

const nearest = (curve: readonly OperatingPoint[], threshold: number): OperatingPoint | undefined =>
  [...curve].sort((a, b) => Math.abs(a.threshold - threshold) - Math.abs(b.threshold - threshold))[0];

function otherSuppression({ suppression, counts }: EvidenceReport): Finding[] {
  if (!suppression || suppression.best === suppression.deployed || suppression.gainAP <= 0.003) return [];
  const { best, deployed, gainAP } = suppression;
  return [
    {
      severity: 'low',
      evidence: { metric: 'AP gained by the best IoU', value: gainAP, threshold: 0.003, n: counts.boxes },
      expected: { gain: gainAP, metric: 'AP', confidence: confidenceFrom(counts.boxes) },
      advice: {
        en: `Suppress from IoU ${best} on, not ${deployed}.`,
        zh: `将 NMS 的 IoU 阈值由 ${deployed} 改为 ${best}。`,
      },
      patch: {},
      cost: FREE,
    },
  ];
}

function uncertain({ counts: { images }, confidence }: EvidenceReport): Finding[] {
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
        en: `AP50 is known to ± ${points} points only (${images} images): do not trust smaller differences.`,
        zh: `AP50 的误差约为 ± ${points} 个百分点（${images} 张图片）：更小的差异不可信。`,
      },
      patch: {},
      cost: { kind: 'people', training: 0 },
    },
  ];
}
