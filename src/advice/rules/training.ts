import type { RunConfig } from '../../config/run.js';
import type { Role } from '../../formats/train-io.js';
import {
  type AdviceInput,
  type Evidence,
  isDistilled,
  type Patch,
  type Rule,
  type RuleMatch,
} from '../rule.js';
import { confidenceFrom, countDivergedPoints, fallPerEpoch, lastMean } from '../signals.js';
import { change } from '../tunable.js';

interface TrainedModel {
  readonly role: Role;
  readonly evidence: Evidence;
  readonly config: RunConfig;
  readonly hparams: RunConfig['student']['hparams'];
  readonly epochs: number;
  readonly isDistilled: boolean;
}

const ROLE_NAMES = {
  student: { en: 'Student', zh: '学生模型' },
  teacher: { en: 'Teacher', zh: '教师模型' },
} as const;

/** The share of a teacher's gain that reaches its student, roughly. */
const TEACHER_GAIN_SHARE = 0.5;

/** Rules about the training of the student and of the teacher. */
export const TRAINING_RULES: readonly Rule[] = [
  { id: 'G1', match: forBothRoles(overfitting) },
  { id: 'G2', match: forBothRoles(undertrained) },
  { id: 'G3', match: forBothRoles(diverged) },
  { id: 'G4', match: forBothRoles(imbalancedLoss) },
];

function forBothRoles(matchModel: (model: TrainedModel) => RuleMatch | null): Rule['match'] {
  return input =>
    (['student', 'teacher'] as const).flatMap(role => {
      const model = modelOf(input, role);
      const match = model && matchModel(model);
      if (!match) return [];
      if (role === 'student') return [match];
      const { expected } = match;
      return [
        { ...match, subject: role, expected: { ...expected, gain: expected.gain * TEACHER_GAIN_SHARE } },
      ];
    });
}

function modelOf(input: AdviceInput, role: Role): TrainedModel | null {
  const { config } = input;
  const [evidence, training] = [input[role], config[role]];
  if (!evidence || !training) return null;
  const { hparams, num_epochs: epochs } = training;
  return { role, evidence, config, hparams, epochs, isDistilled: role === 'student' && isDistilled(input) };
}

const RETRAIN = { kind: 'training', training: 1 } as const;

/** The AP of evaluations varies by about this much by chance. */
const NOISE = 0.005;

function overfitting({ role, evidence, config, hparams }: TrainedModel): RuleMatch | null {
  const signal = overfittingSignal(evidence);
  if (!signal) return null;
  const name = ROLE_NAMES[role];
  return {
    ...signal,
    severity: 'medium',
    advice: {
      en: `${name.en}: it overfits the training images; use label smoothing. The checkpoint of the best evaluation is already the one in use.`,
      zh: `${name.zh}出现过拟合：使用标签平滑。当前已采用评估最优的检查点。`,
    },
    patch: change(
      config,
      `${role}.hparams.label_smoothing`,
      hparams.label_smoothing < 0.05 ? 0.05 : Math.max(0.1, hparams.label_smoothing),
    ),
    cost: RETRAIN,
  };
}

function overfittingSignal({ history }: Evidence): Pick<RuleMatch, 'evidence' | 'expected'> | null {
  const values = history.evaluations.map(({ metrics }) => metrics.AP);
  const best = Math.max(...values);
  const since = values.slice(values.lastIndexOf(best) + 1);
  if (since.length < 3 || !since.slice(-3).every(value => value < best - NOISE)) return null;
  return {
    evidence: {
      metric: 'evaluations below the best one at the end of training',
      value: since.length,
      threshold: 3,
      n: values.length,
    },
    expected: { gain: best - since.at(-1)!, metric: 'AP', confidence: 0.5 },
  };
}

/** Above this AP50 longer training brings little. */
const LOW_AP50 = 0.5;

function undertrained({ role, evidence, config, epochs }: TrainedModel): RuleMatch | null {
  const { AP50 } = evidence.report.metrics;
  const fall = fallPerEpoch(evidence.history, 'cls_loss');
  if (AP50 >= LOW_AP50 || !fall || fall.value <= 0.01) return null;
  const more = Math.ceil(epochs * 1.5);
  const name = ROLE_NAMES[role];
  return {
    severity: 'high',
    evidence: {
      metric: 'decrease of cls_loss per epoch at the end of training',
      value: fall.value,
      threshold: 0.01,
      n: fall.n,
    },
    // At best, the gap to a perfect AP50 shrinks as fast as the loss.
    expected: {
      gain: (1 - AP50) * (1 - (1 - Math.min(0.5, fall.value)) ** (more - epochs)),
      metric: 'AP50',
      confidence: 0.5 * confidenceFrom(fall.n),
    },
    advice: {
      en: `${name.en}: the loss is still falling and AP50 is low (${AP50.toFixed(2)}): train longer.`,
      zh: `${name.zh}的损失仍在下降且 AP50 较低（${AP50.toFixed(2)}）：延长训练。`,
    },
    patch: change(config, `${role}.num_epochs`, more),
    cost: { kind: 'training', training: 1.5 },
  };
}

function diverged({ role, evidence, config, hparams }: TrainedModel): RuleMatch | null {
  const { history, report } = evidence;
  // Roll-backs that lowered the weights of distillation alone are the matter of rule K3.
  const isOwn = (history.rollbacks.at(-1)?.backoff.learning_rate ?? 1) < 1;
  const value = countDivergedPoints(history) + (isOwn ? history.rollbacks.length : 0);
  if (value === 0) return null;
  const name = ROLE_NAMES[role];
  const cleaning: Patch = config.data.do_data_cleaning ? {} : { 'data.do_data_cleaning': true };
  return {
    severity: 'high',
    evidence: {
      metric: 'steps with a loss that is not finite or above ten times the median, and rollbacks',
      value,
      threshold: 1,
      n: history.points.length,
    },
    expected: { gain: 1 - Math.max(0, report.metrics.AP50), metric: 'AP50', confidence: 0.3 },
    advice: {
      en: `${name.en}: the loss diverged; lower the learning rate, clip gradients to a smaller norm, and enable data cleaning.`,
      zh: `${name.zh}的损失发散：降低学习率，收紧梯度裁剪，并启用数据清洗。`,
    },
    patch: {
      ...change(config, `${role}.hparams.learning_rate`, hparams.learning_rate / 4),
      ...change(config, `${role}.hparams.clip_gradients_norm`, Math.min(5, hparams.clip_gradients_norm)),
      ...cleaning,
    },
    cost: RETRAIN,
  };
}

function imbalancedLoss({ role, evidence, config, hparams }: TrainedModel): RuleMatch | null {
  const [cls, box] = [lastMean(evidence.history, 'cls_loss'), lastMean(evidence.history, 'box_loss')];
  if (!cls || !box || box.value <= 0) return null;
  const ratio = cls.value / box.value;
  if (ratio >= 0.2 && ratio <= 5) return null;
  const name = ROLE_NAMES[role];
  const { deltaAP50 } = evidence.report.errors;
  return {
    severity: 'medium',
    evidence: { metric: 'cls_loss / box_loss', value: ratio, threshold: ratio > 5 ? 5 : 0.2, n: cls.n },
    // The smaller term is the one that can improve.
    expected: {
      gain: ratio > 5 ? deltaAP50.loc : deltaAP50.cls + deltaAP50.bkg,
      metric: 'AP50',
      confidence: 0.5 * confidenceFrom(cls.n),
    },
    advice: {
      en: `${name.en}: the classification loss is far ${ratio > 5 ? 'above' : 'below'} the box loss (ratio ${ratio.toPrecision(2)}); adjust the weight of the box loss.`,
      zh: `${name.zh}的分类损失与框回归损失失衡（比值 ${ratio.toPrecision(2)}）：调整框回归损失权重。`,
    },
    patch: change(
      config,
      `${role}.hparams.box_loss_weight`,
      hparams.box_loss_weight * Math.min(2, Math.max(0.5, ratio)),
    ),
    cost: RETRAIN,
  };
}
