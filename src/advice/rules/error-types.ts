import type { ErrorType } from '../../formats/report.js';
import type { AdviceInput, Rule, RuleMatch } from '../rule.js';
import { confidenceFrom } from '../signals.js';
import { change, nextImageSize } from '../tunable.js';

/** Rules about the error type that dominates: it decides what to change first. */
export const ERROR_RULES: readonly Rule[] = [
  {
    id: 'E1',
    match: input => {
      const { shares } = input.student.report.errors;
      if (shares.loc < Math.max(...Object.values(shares))) return [];
      return whereCommon(
        input,
        { type: 'loc', threshold: 0.35, severity: 'high' },
        {
          advice: {
            en: 'Objects are detected but poorly localized: raise the weight of the box loss.',
            zh: '目标已检出但定位不准：提高框回归损失权重。',
          },
          patch: heavierBoxLosses(input),
          cost: { kind: 'training', training: 1 },
        },
      );
    },
  },
  {
    id: 'E2',
    match: input =>
      whereCommon(input, { type: 'cls', threshold: 0.35, severity: 'high' }, classificationRemedy(input)),
  },
  {
    id: 'E3',
    match: input =>
      whereCommon(
        input,
        { type: 'bkg', threshold: 0.35, severity: 'medium' },
        {
          advice: {
            en: `Background is detected as objects. First look for objects without a label: they cause the same errors. Then lower the weight of easy background, and set the score threshold to ${input.student.report.errors.best.threshold.toFixed(2)}.`,
            zh: `背景被误检为目标。先检查是否有漏标目标（会造成同样的误检），再降低易分背景的权重，并将置信度阈值设为 ${input.student.report.errors.best.threshold.toFixed(2)}。`,
          },
          patch: downweightEasyBackground(input),
          cost: { kind: 'training', training: 1 },
        },
      ),
  },
  {
    id: 'E4',
    match: input => whereCommon(input, { type: 'miss', threshold: 0.5, severity: 'high' }, missRemedy(input)),
  },
  {
    id: 'E5',
    match: input =>
      whereCommon(
        input,
        { type: 'dup', threshold: 0.1, severity: 'low' },
        {
          advice: {
            en: 'Objects are detected more than once: lower the IoU threshold of non-maximum suppression.',
            zh: '同一目标被重复检出：降低 NMS 的 IoU 阈值。',
          },
          patch: change(
            input.config,
            'student.hparams.nms_configs.iou_thresh',
            input.config.student.hparams.nms_configs.iou_thresh - 0.1,
          ),
          cost: { kind: 'training', training: 1 },
        },
      ),
  },
];

const NAMES: Readonly<Record<ErrorType, string>> = {
  cls: 'classification errors',
  loc: 'localization errors',
  both: 'classification and localization errors',
  dup: 'duplicate detections',
  bkg: 'background errors',
  miss: 'missed objects',
};

type Remedy = Pick<RuleMatch, 'advice' | 'patch' | 'cost'>;

/** A match where the errors of a type make up at least `threshold` of all errors. */
function whereCommon(
  { student: { report } }: AdviceInput,
  { type, threshold, severity }: { type: ErrorType; threshold: number; severity: RuleMatch['severity'] },
  remedy: Remedy,
): RuleMatch[] {
  const { shares, counts, deltaAP50 } = report.errors;
  const n = Object.values(counts).reduce((sum, count) => sum + count, 0);
  if (n === 0 || shares[type] < threshold) return [];
  return [
    {
      ...remedy,
      severity,
      evidence: { metric: `share of ${NAMES[type]}`, value: shares[type], threshold, n },
      expected: { gain: deltaAP50[type], metric: 'AP50', confidence: confidenceFrom(n) },
    },
  ];
}

function classificationRemedy({ config, student: { report } }: AdviceInput): Remedy {
  const { jitter_min: min, jitter_max: max, label_smoothing: smoothing } = config.student.hparams;
  const nameOf = (id: number): string =>
    report.perClass.find(({ categoryId }) => categoryId === id)?.name ?? '';
  const worst = report.errors.confusions[0];
  const pair = worst ? ` (${nameOf(worst.truth)} → ${nameOf(worst.found)})` : '';
  const cost = { kind: 'training', training: 1 } as const;
  const isNarrow = min > 0.5 || max < 1.5;
  if (isNarrow)
    return {
      advice: {
        en: `Objects are detected with the wrong class: train with a wider range of scales, and check the labels of the classes confused most often${pair}.`,
        zh: `目标已检出但类别错误：扩大训练的尺度范围，并检查最易混淆类别${pair}的标注。`,
      },
      patch: {
        ...change(config, 'student.hparams.jitter_min', Math.min(min, 0.5)),
        ...change(config, 'student.hparams.jitter_max', Math.max(max, 1.5)),
      },
      cost,
    };
  return {
    advice: {
      en: `Objects are detected with the wrong class: use label smoothing, and check the labels of the classes confused most often${pair}.`,
      zh: `目标已检出但类别错误：使用标签平滑，并检查最易混淆类别${pair}的标注。`,
    },
    patch: change(config, 'student.hparams.label_smoothing', smoothing + 0.05),
    cost,
  };
}

function heavierBoxLosses({ config }: AdviceInput): Remedy['patch'] {
  const { box_loss_weight: weight, iou_loss_type, iou_loss_weight } = config.student.hparams;
  return {
    ...change(config, 'student.hparams.box_loss_weight', weight * 1.5),
    ...(iou_loss_type !== 'none' && change(config, 'student.hparams.iou_loss_weight', iou_loss_weight * 1.5)),
  };
}

function downweightEasyBackground({ config }: AdviceInput): Remedy['patch'] {
  const { gamma, alpha } = config.student.hparams;
  return gamma < 2
    ? change(config, 'student.hparams.gamma', Math.min(2, gamma + 0.5))
    : change(config, 'student.hparams.alpha', alpha - 0.05);
}

/** Small objects that are missed most often need more pixels; otherwise more training may help. */
function missRemedy({ config, student: { report } }: AdviceInput): Remedy {
  const [small, ...others] = report.sizeRecall.map(({ recall }) => recall ?? 0);
  const rest = others.reduce((sum, recall) => sum + recall, 0) / Math.max(1, others.length);
  const { image_size: size, num_epochs: epochs } = config.student;
  const larger = nextImageSize(size);
  if (small !== undefined && small < 0.6 * rest && larger[0] > size[0])
    return {
      advice: {
        en: `Most errors are missed objects, and small objects are missed most often (recall ${percent(small)}, others ${percent(rest)}): enlarge the network input.`,
        zh: `主要错误为漏检，且小目标最严重（召回 ${percent(small)}，其余 ${percent(rest)}）：增大输入尺寸。`,
      },
      patch: { 'student.image_size': larger },
      cost: { kind: 'training', training: (larger[0] * larger[1]) / (size[0] * size[1]) },
    };
  return {
    advice: {
      en: 'Most errors are missed objects: train longer.',
      zh: '主要错误为漏检：延长训练。',
    },
    patch: change(config, 'student.num_epochs', Math.ceil(epochs * 1.5)),
    cost: { kind: 'training', training: 1.5 },
  };
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;
