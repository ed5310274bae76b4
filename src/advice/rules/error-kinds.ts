import { confidenceFrom } from '../signals.js';
import type { AdviceInput, EvidenceReport, Finding, Rule } from '../suggestion.js';
import { change, nextImageSize } from '../tunable.js';

type Kind = keyof EvidenceReport['errors']['counts'];

/** Which kind of error dominates decides what to change first. */
export const ERROR_RULES: readonly Rule[] = [
  {
    id: 'E1',
    find: input => {
      const { shares } = input.student.report.errors;
      if (shares.loc < Math.max(...Object.values(shares))) return [];
      return onShare(
        input,
        { kind: 'loc', threshold: 0.35, severity: 'high' },
        {
          advice: {
            en: 'Objects are found but their boxes are not well placed: raise the weight of the box loss.',
            zh: '目标已检出但定位不准：提高框回归损失权重。',
          },
          patch: change(
            input.config,
            'student.hparams.box_loss_weight',
            input.config.student.hparams.box_loss_weight * 1.5,
          ),
          cost: { kind: 'training', training: 1 },
        },
      );
    },
  },
  {
    id: 'E2',
    find: input =>
      onShare(input, { kind: 'cls', threshold: 0.35, severity: 'high' }, againstWrongNames(input)),
  },
  {
    id: 'E3',
    find: input =>
      onShare(
        input,
        { kind: 'bkg', threshold: 0.35, severity: 'medium' },
        {
          advice: {
            en: `Background is taken for objects. Look for objects without a label first: they look just like this. Then let easy background count less, and show detections from score ${input.student.report.errors.best.threshold.toFixed(2)} on.`,
            zh: `背景被误检为目标。先检查是否有漏标目标（其表现相同），再降低易分背景的权重，并将置信度阈值设为 ${input.student.report.errors.best.threshold.toFixed(2)}。`,
          },
          patch: lessEasyBackground(input),
          cost: { kind: 'training', training: 1 },
        },
      ),
  },
  {
    id: 'E4',
    find: input => onShare(input, { kind: 'miss', threshold: 0.5, severity: 'high' }, againstMisses(input)),
  },
  {
    id: 'E5',
    find: input =>
      onShare(
        input,
        { kind: 'dup', threshold: 0.1, severity: 'low' },
        {
          advice: {
            en: 'Objects are reported more than once: where the model is used, lower the IoU threshold of its suppression.',
            zh: '同一目标被重复检出：部署时降低 NMS 的 IoU 阈值。',
          },
          // The suppression is part of the exported graph: the run's configuration has no key for it.
          patch: {},
          cost: { kind: 'none', training: 0 },
        },
      ),
  },
];

const NAMES: Readonly<Record<Kind, string>> = {
  cls: 'class errors',
  loc: 'location errors',
  both: 'errors of class and location',
  dup: 'duplicates',
  bkg: 'detections on background',
  miss: 'missed objects',
};

type Remedy = Pick<Finding, 'advice' | 'patch' | 'cost'>;

function onShare(
  { student: { report } }: AdviceInput,
  { kind, threshold, severity }: { kind: Kind; threshold: number; severity: Finding['severity'] },
  remedy: Remedy,
): Finding[] {
  const { shares, counts, deltaAP50 } = report.errors;
  const n = Object.values(counts).reduce((sum, count) => sum + count, 0);
  if (n === 0 || shares[kind] < threshold) return [];
  return [
    {
      ...remedy,
      severity,
      evidence: { metric: `share of ${NAMES[kind]}`, value: shares[kind], threshold, n },
      expected: { gain: deltaAP50[kind], metric: 'AP50', confidence: confidenceFrom(n) },
    },
  ];
}

function againstWrongNames({ config, student: { report } }: AdviceInput): Remedy {
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
        en: `Objects are found but named wrongly: train at more scales, and check the labels of the pair confused most${pair}.`,
        zh: `目标已检出但类别错误：使用多尺度训练，并检查最易混淆类别${pair}的标注。`,
      },
      patch: {
        ...change(config, 'student.hparams.jitter_min', Math.min(min, 0.5)),
        ...change(config, 'student.hparams.jitter_max', Math.max(max, 1.5)),
      },
      cost,
    };
  return {
    advice: {
      en: `Objects are found but named wrongly: smooth the labels, and check those of the pair confused most${pair}.`,
      zh: `目标已检出但类别错误：使用标签平滑，并检查最易混淆类别${pair}的标注。`,
    },
    patch: change(config, 'student.hparams.label_smoothing', smoothing + 0.05),
    cost,
  };
}

function lessEasyBackground({ config }: AdviceInput): Remedy['patch'] {
  const { gamma, alpha } = config.student.hparams;
  return gamma < 2
    ? change(config, 'student.hparams.gamma', Math.min(2, gamma + 0.5))
    : change(config, 'student.hparams.alpha', alpha - 0.05);
}

/** Small objects are missed the most: they need more pixels. Else more training. */
function againstMisses({ config, student: { report } }: AdviceInput): Remedy {
  const [small, ...others] = report.sizeRecall.map(({ recall }) => recall ?? 0);
  const rest = others.reduce((sum, recall) => sum + recall, 0) / Math.max(1, others.length);
  const { image_size: size, num_epochs: epochs } = config.student;
  const larger = nextImageSize(size);
  if (small !== undefined && small < 0.6 * rest && larger[0] > size[0])
    return {
      advice: {
        en: `Objects are missed, the small ones most (${percent(small)} found, ${percent(rest)} of the others): enlarge the network input.`,
        zh: `主要错误为漏检，且小目标最严重（召回 ${percent(small)}，其余 ${percent(rest)}）：增大输入尺寸。`,
      },
      patch: { 'student.image_size': larger },
      cost: { kind: 'training', training: (larger[0] * larger[1]) / (size[0] * size[1]) },
    };
  return {
    advice: {
      en: 'Most errors are objects that are not found: train longer.',
      zh: '主要错误为漏检：延长训练。',
    },
    patch: change(config, 'student.num_epochs', Math.ceil(epochs * 1.5)),
    cost: { kind: 'training', training: 1.5 },
  };
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;
