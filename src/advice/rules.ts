import type { AdviceInput, Evidence, Rule } from './suggestion.js';

const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));
const round = (value: number): number => Number(value.toPrecision(3));

function shares({ report }: Evidence): {
  of: (kind: keyof Evidence['report']['errors']['counts']) => number;
  total: number;
  headroom: (share: number) => number;
} {
  const { counts } = report.errors;
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const of = (kind: keyof typeof counts): number => (total === 0 ? 0 : counts[kind] / total);
  // At best, all of these errors go and AP50 rises by their share of what is missing.
  return { of, total, headroom: share => share * Math.max(0, 1 - report.metrics.AP50) };
}

const hparams = ({ config }: AdviceInput) => config.student.hparams;

/** The end of a loss curve: mean of its last tenth against the tenth before, as relative fall. */
function lateFall({ points }: Evidence['history'], name: string): number {
  const values = points
    .map(({ losses }) => losses[name])
    .filter((value): value is number => typeof value === 'number' && Number.isFinite(value));
  const tenth = Math.floor(values.length / 10);
  if (tenth < 5) return 0;
  const mean = (list: readonly number[]): number => list.reduce((sum, value) => sum + value, 0) / list.length;
  const [before, after] = [mean(values.slice(-2 * tenth, -tenth)), mean(values.slice(-tenth))];
  return before > 0 ? (before - after) / before : 0;
}

const lastValues = ({ points }: Evidence['history'], name: string): number => {
  const values = points
    .slice(-50)
    .map(({ losses }) => losses[name])
    .filter((value): value is number => typeof value === 'number' && Number.isFinite(value));
  return values.length === 0 ? NaN : values.reduce((sum, value) => sum + value, 0) / values.length;
};

/** Conditions and remedies; the thresholds are documented in docs/advice.md. */
export const RULES: readonly Rule[] = [
  {
    id: 'E1',
    find: input => {
      const { of, total, headroom } = shares(input.student);
      const share = of('loc');
      if (share < 0.35) return null;
      return {
        severity: 'high',
        priority: headroom(share) * 0.6,
        evidence: { metric: 'share of localisation errors', value: round(share), threshold: 0.35, n: total },
        advice: {
          en: 'Boxes are found but not well placed: raise the weight of the box loss.',
          zh: '目标已检出但定位不准：提高框回归损失权重。',
        },
        patch: { 'student.hparams.box_loss_weight': clamp(hparams(input).box_loss_weight * 1.5, 20, 150) },
        cost: 'retrain',
      };
    },
  },
  {
    id: 'E2',
    find: input => {
      const { of, total, headroom } = shares(input.student);
      const share = of('cls');
      if (share < 0.35) return null;
      return {
        severity: 'high',
        priority: headroom(share) * 0.6,
        evidence: { metric: 'share of class errors', value: round(share), threshold: 0.35, n: total },
        advice: {
          en: 'Objects are found but named wrongly: train at more scales, and look at the labels of the pair confused most.',
          zh: '目标已检出但类别错误：使用多尺度训练，并检查最易混淆类别的标注。',
        },
        patch: { 'student.hparams.jitter_min': 0.5, 'student.hparams.jitter_max': 1.5 },
        cost: 'retrain',
      };
    },
  },
  {
    id: 'E3',
    find: input => {
      const { of, total, headroom } = shares(input.student);
      const share = of('bkg');
      if (share < 0.35) return null;
      return {
        severity: 'medium',
        priority: headroom(share) * 0.4,
        evidence: {
          metric: 'share of detections on background',
          value: round(share),
          threshold: 0.35,
          n: total,
        },
        advice: {
          en: 'Background is taken for objects: check for objects without a label first, then let easy background count less.',
          zh: '背景误检较多：先检查漏标目标，再降低易分背景的权重。',
        },
        patch: { 'student.hparams.gamma': 2 },
        cost: 'retrain',
      };
    },
  },
  {
    id: 'E4',
    find: input => {
      const { of, total, headroom } = shares(input.student);
      const share = of('miss');
      if (share < 0.5) return null;
      return {
        severity: 'high',
        priority: headroom(share) * 0.5,
        evidence: { metric: 'share of missed objects', value: round(share), threshold: 0.5, n: total },
        advice: {
          en: 'Most errors are objects that are not found: train longer.',
          zh: '主要错误为漏检：延长训练。',
        },
        patch: { 'student.num_epochs': Math.ceil(input.config.student.num_epochs * 1.5) },
        cost: 'retrain',
      };
    },
  },
  {
    id: 'E5',
    find: ({ student }) => {
      const { of, total, headroom } = shares(student);
      const share = of('dup');
      if (share < 0.1) return null;
      return {
        severity: 'low',
        priority: headroom(share) * 0.8,
        evidence: { metric: 'share of duplicates', value: round(share), threshold: 0.1, n: total },
        advice: {
          en: 'Objects are reported more than once: lower the IoU threshold of the suppression where the model is used.',
          zh: '同一目标重复检出：部署时降低 NMS 的 IoU 阈值。',
        },
        patch: {},
        cost: 'none',
      };
    },
  },
  {
    id: 'C1',
    find: ({ student }) => {
      const rows = student.report.perClass.filter(({ AP }) => AP >= 0);
      if (rows.length < 2) return null;
      const median = (values: number[]): number =>
        values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
      const [medianAP, medianBoxes] = [
        median(rows.map(({ AP }) => AP)),
        median(rows.map(({ boxes }) => boxes)),
      ];
      const weak = rows.find(({ AP, boxes }) => AP < 0.5 * medianAP && boxes < 0.2 * medianBoxes);
      if (!weak) return null;
      return {
        severity: 'medium',
        priority: (medianAP - weak.AP) / rows.length,
        evidence: {
          metric: `AP of ${weak.name}`,
          value: round(weak.AP),
          threshold: round(0.5 * medianAP),
          n: weak.boxes,
        },
        advice: {
          en: `${weak.name} is rare and weak: collect more pictures of it.`,
          zh: `类别 ${weak.name} 样本少且效果差：补充该类别样本。`,
        },
        patch: {},
        cost: 'labelling',
      };
    },
  },
  {
    id: 'C2',
    find: ({ student }) => {
      const { confusions } = student.report.errors;
      const worst = confusions[0];
      const truth = worst && student.report.perClass.find(({ categoryId }) => categoryId === worst.truth);
      const found = worst && student.report.perClass.find(({ categoryId }) => categoryId === worst.found);
      if (!worst || !truth || !found || worst.count <= 0.2 * truth.boxes) return null;
      return {
        severity: 'medium',
        priority: worst.count / Math.max(1, student.report.counts.boxes),
        evidence: {
          metric: `${truth.name} taken for ${found.name}`,
          value: round(worst.count / truth.boxes),
          threshold: 0.2,
          n: truth.boxes,
        },
        advice: {
          en: `${truth.name} is often taken for ${found.name}: review the labels of both, merge them or add pictures.`,
          zh: `${truth.name} 常被识别为 ${found.name}：检查两类标注，合并类别或补充样本。`,
        },
        patch: {},
        cost: 'labelling',
      };
    },
  },
  {
    id: 'C3',
    find: input => {
      const { AP50, AP75 } = input.student.report.metrics;
      const ratio = AP75 / AP50;
      if (!(AP50 > 0.05) || ratio >= 0.45) return null;
      return {
        severity: 'medium',
        priority: (0.45 - ratio) * AP50,
        evidence: {
          metric: 'AP75 / AP50',
          value: round(ratio),
          threshold: 0.45,
          n: input.student.report.counts.boxes,
        },
        advice: {
          en: 'AP falls quickly with stricter overlap: localisation is weak; raise the weight of the box loss.',
          zh: 'AP75 明显低于 AP50：定位精度不足，提高框回归损失权重。',
        },
        patch: { 'student.hparams.box_loss_weight': clamp(hparams(input).box_loss_weight * 1.5, 20, 150) },
        cost: 'retrain',
      };
    },
  },
  {
    id: 'T1',
    find: ({ student }) => {
      const { threshold, f1 } = student.report.errors.best;
      if (f1 === 0 || Math.abs(threshold - 0.3) <= 0.05) return null;
      return {
        severity: 'low',
        priority: 0.01,
        evidence: {
          metric: 'score of the best F1',
          value: round(threshold),
          threshold: 0.3,
          n: student.report.counts.boxes,
        },
        advice: {
          en: `Show detections from score ${threshold.toFixed(2)} on: there F1 is best (${f1.toFixed(2)}).`,
          zh: `将置信度阈值设为 ${threshold.toFixed(2)}，此时 F1 最优（${f1.toFixed(2)}）。`,
        },
        patch: {},
        cost: 'none',
      };
    },
  },
  {
    id: 'G1',
    find: input => {
      const { evaluations } = input.student.history;
      const best = Math.max(...evaluations.map(({ metrics }) => metrics.AP));
      const last = evaluations.slice(-3);
      if (evaluations.length < 4 || !last.every(({ metrics }) => metrics.AP < best)) return null;
      return {
        severity: 'medium',
        priority: best - last.at(-1)!.metrics.AP,
        evidence: {
          metric: 'evaluations since the best',
          value: evaluations.length - 1 - evaluations.findIndex(({ metrics }) => metrics.AP === best),
          threshold: 3,
          n: evaluations.length,
        },
        advice: {
          en: 'The last evaluations are worse than the best: it learns the training pictures by heart; smooth the labels.',
          zh: '近期评估低于最佳值，出现过拟合：使用标签平滑。',
        },
        patch: { 'student.hparams.label_smoothing': hparams(input).label_smoothing >= 0.05 ? 0.1 : 0.05 },
        cost: 'retrain',
      };
    },
  },
  {
    id: 'G2',
    find: input => {
      const fall = lateFall(input.student.history, 'cls_loss');
      if (fall <= 0.01) return null;
      return {
        severity: 'high',
        priority: 0.5 * (1 - input.student.report.metrics.AP50) * Math.min(1, fall * 10),
        evidence: {
          metric: 'fall of cls_loss in the last tenth',
          value: round(fall),
          threshold: 0.01,
          n: input.student.history.points.length,
        },
        advice: { en: 'The loss is still falling: train longer.', zh: '损失仍在下降：延长训练。' },
        patch: { 'student.num_epochs': Math.ceil(input.config.student.num_epochs * 1.5) },
        cost: 'retrain',
      };
    },
  },
  {
    id: 'G3',
    find: input => {
      const { rollbacks } = input.student.history;
      if (rollbacks.length === 0) return null;
      return {
        severity: 'high',
        priority: 0.2,
        evidence: {
          metric: 'roll-backs',
          value: rollbacks.length,
          threshold: 1,
          n: input.student.history.points.length,
        },
        advice: {
          en: 'Training diverged and was rolled back: lower the learning rate.',
          zh: '训练发散并已回退：降低学习率。',
        },
        patch: {
          'student.hparams.learning_rate': round(hparams(input).learning_rate / 4),
          'student.hparams.clip_gradients_norm': 5,
        },
        cost: 'retrain',
      };
    },
  },
  {
    id: 'G4',
    find: input => {
      const ratio =
        lastValues(input.student.history, 'cls_loss') / lastValues(input.student.history, 'box_loss');
      if (!Number.isFinite(ratio) || (ratio >= 0.2 && ratio <= 5)) return null;
      return {
        severity: 'medium',
        priority: 0.05,
        evidence: {
          metric: 'cls_loss / weighted box_loss',
          value: round(ratio),
          threshold: ratio > 5 ? 5 : 0.2,
          n: 50,
        },
        advice: {
          en: 'The class and the box term pull unequally: balance them.',
          zh: '分类损失与框回归损失不均衡：调整权重。',
        },
        patch: {
          'student.hparams.box_loss_weight': round(
            clamp(hparams(input).box_loss_weight * clamp(ratio, 0.5, 2), 20, 150),
          ),
        },
        cost: 'retrain',
      };
    },
  },
  {
    id: 'K1',
    find: input => {
      if (!input.teacher) return null;
      const [teacher, student] = [input.teacher.report.metrics.AP, input.student.report.metrics.AP];
      if (teacher > student + 0.01) return null;
      return {
        severity: 'high',
        priority: 0.1,
        evidence: {
          metric: 'AP of the teacher minus that of the student',
          value: round(teacher - student),
          threshold: 0.01,
          n: input.student.report.counts.images,
        },
        advice: {
          en: 'The teacher is hardly better than the student: train the teacher longer, or do not distil.',
          zh: '教师模型与学生模型效果相近：延长教师训练或关闭蒸馏。',
        },
        patch: input.config.teacher
          ? { 'teacher.num_epochs': Math.ceil(input.config.teacher.num_epochs * 1.5) }
          : {},
        cost: 'retrain',
      };
    },
  },
  ...(['soft_cls_loss', 'soft_box_loss'] as const).map((key): Rule => ({
    id: key === 'soft_cls_loss' ? 'K2-cls' : 'K2-box',
    find: ({ config, student }) => {
      const value = lastValues(student.history, key === 'soft_cls_loss' ? 'loss_soft_cls' : 'loss_soft_box');
      if (!(value > 5)) return null;
      return {
        severity: 'medium',
        priority: 0.05,
        evidence: { metric: `weighted ${key}`, value: round(value), threshold: 5, n: 50 },
        advice: {
          en: `The distillation term ${key} dominates: lower its weight.`,
          zh: `蒸馏损失 ${key} 过大：降低其权重。`,
        },
        patch: { [`distillation.${key}`]: round((config.distillation[key] * 5) / value) },
        cost: 'retrain',
      };
    },
  })),
  {
    id: 'N1',
    find: ({ student }) => {
      const { images } = student.report.counts;
      if (images >= 200) return null;
      return {
        severity: 'low',
        priority: 0,
        evidence: { metric: 'evaluation pictures', value: images, threshold: 200, n: images },
        advice: {
          en: `${images} evaluation pictures are few: do not trust small differences.`,
          zh: `评估图片仅 ${images} 张：小幅差异不可信。`,
        },
        patch: {},
        cost: 'labelling',
      };
    },
  },
];
