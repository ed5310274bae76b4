import type { RunConfig } from '../../config/run.js';
import type { Role } from '../../formats/stage-io.js';
import { confidenceFrom, fallPerEpoch, lastMean, wildPoints } from '../signals.js';
import {
  type AdviceInput,
  type Evidence,
  evidenceOf,
  type Finding,
  isDistilled,
  type Patch,
  type Rule,
} from '../suggestion.js';
import { change } from '../tunable.js';

interface Trained {
  readonly role: Role;
  readonly evidence: Evidence;
  readonly config: RunConfig;
  readonly hparams: RunConfig['student']['hparams'];
  readonly epochs: number;
  /** Whether it learned from somebody's answers, too. */
  readonly isDistilled: boolean;
}

const WHO = {
  student: { en: 'Student', zh: '学生模型' },
  teacher: { en: 'Teacher', zh: '教师模型' },
} as const;

/** Of what a teacher gains, about so much reaches its student. */
const PASSED_ON = 0.5;

/** How the training of either went. */
export const TRAINING_RULES: readonly Rule[] = [
  { id: 'G1', find: forBoth(learnedByHeart) },
  { id: 'G2', find: forBoth(stillLearning) },
  { id: 'G3', find: forBoth(offTheRails) },
  { id: 'G4', find: forBoth(unbalanced) },
];

function forBoth(find: (trained: Trained) => Finding | null): Rule['find'] {
  return input =>
    (['student', 'teacher'] as const).flatMap(role => {
      const trained = trainedAs(input, role);
      const finding = trained && find(trained);
      if (!finding) return [];
      if (role === 'student') return [finding];
      const { expected } = finding;
      return [{ ...finding, about: role, expected: { ...expected, gain: expected.gain * PASSED_ON } }];
    });
}

function trainedAs(input: AdviceInput, role: Role): Trained | null {
  const { config } = input;
  const [evidence, training] = [evidenceOf(input, role), config[role]];
  if (!evidence || !training) return null;
  const { hparams, num_epochs: epochs } = training;
  return { role, evidence, config, hparams, epochs, isDistilled: role === 'student' && isDistilled(input) };
}

const RETRAIN = { kind: 'training', training: 1 } as const;

/** Evaluations scatter by about so much AP. */
const NOISE = 0.005;

function learnedByHeart({ role, evidence, config, hparams }: Trained): Finding | null {
  const signal = overfitting(evidence);
  if (!signal) return null;
  const who = WHO[role];
  return {
    ...signal,
    severity: 'medium',
    advice: {
      en: `${who.en}: it learns its training images by heart; smooth the labels. The checkpoint of the best evaluation is the one in use already.`,
      zh: `${who.zh}出现过拟合：使用标签平滑。当前已采用评估最优的检查点。`,
    },
    patch: change(
      config,
      `${role}.hparams.label_smoothing`,
      hparams.label_smoothing < 0.05 ? 0.05 : Math.max(0.1, hparams.label_smoothing),
    ),
    cost: RETRAIN,
  };
}

function overfitting({
  report,
  history,
  trainingAP,
}: Evidence): Pick<Finding, 'evidence' | 'expected'> | null {
  const { AP } = report.metrics;
  if (trainingAP !== undefined && trainingAP - AP > 0.1)
    return {
      evidence: {
        metric: 'AP on training images minus AP',
        value: trainingAP - AP,
        threshold: 0.1,
        n: report.counts.images,
      },
      expected: {
        gain: trainingAP - AP,
        metric: 'AP',
        confidence: 0.5 * confidenceFrom(report.counts.images),
      },
    };
  const values = history.evaluations.map(({ metrics }) => metrics.AP);
  const best = Math.max(...values);
  const since = values.slice(values.lastIndexOf(best) + 1);
  if (since.length < 3 || !since.slice(-3).every(value => value < best - NOISE)) return null;
  return {
    evidence: {
      metric: 'evaluations below the best, at the end',
      value: since.length,
      threshold: 3,
      n: values.length,
    },
    expected: { gain: best - since.at(-1)!, metric: 'AP', confidence: 0.5 },
  };
}

/** From this AP50 on, more training of the same kind brings little. */
const LOW_AP50 = 0.5;

function stillLearning({ role, evidence, config, epochs }: Trained): Finding | null {
  const { AP50 } = evidence.report.metrics;
  const fall = fallPerEpoch(evidence.history, 'cls_loss');
  if (AP50 >= LOW_AP50 || !fall || fall.value <= 0.01) return null;
  const more = Math.ceil(epochs * 1.5);
  const who = WHO[role];
  return {
    severity: 'high',
    evidence: {
      metric: 'fall of cls_loss per epoch, at the end',
      value: fall.value,
      threshold: 0.01,
      n: fall.n,
    },
    // What is missing shrinks at best as the loss does.
    expected: {
      gain: (1 - AP50) * (1 - (1 - Math.min(0.5, fall.value)) ** (more - epochs)),
      metric: 'AP50',
      confidence: 0.5 * confidenceFrom(fall.n),
    },
    advice: {
      en: `${who.en}: the loss still falls and AP50 is low (${AP50.toFixed(2)}): train longer.`,
      zh: `${who.zh}的损失仍在下降且 AP50 较低（${AP50.toFixed(2)}）：延长训练。`,
    },
    patch: change(config, `${role}.num_epochs`, more),
    cost: { kind: 'training', training: 1.5 },
  };
}

function offTheRails({ role, evidence, config, hparams, isDistilled: isGuided }: Trained): Finding | null {
  const { history, report } = evidence;
  // While it is distilled, a roll-back is blamed on the distillation terms: another rule.
  const rollbacks = isGuided ? 0 : history.rollbacks.length;
  const value = wildPoints(history) + rollbacks;
  if (value === 0) return null;
  const who = WHO[role];
  const cleaning: Patch = config.data.do_data_cleaning ? {} : { 'data.do_data_cleaning': true };
  return {
    severity: 'high',
    evidence: {
      metric: 'steps that were not finite, ten times the median or rolled back',
      value,
      threshold: 1,
      n: history.points.length,
    },
    expected: { gain: 1 - Math.max(0, report.metrics.AP50), metric: 'AP50', confidence: 0.3 },
    advice: {
      en: `${who.en}: the loss came off the rails; lower the learning rate, clip gradients harder, and clean the data.`,
      zh: `${who.zh}的损失出现异常：降低学习率，收紧梯度裁剪，并启用数据清洗。`,
    },
    patch: {
      ...change(config, `${role}.hparams.learning_rate`, hparams.learning_rate / 4),
      ...change(config, `${role}.hparams.clip_gradients_norm`, Math.min(5, hparams.clip_gradients_norm)),
      ...cleaning,
    },
    cost: RETRAIN,
  };
}

function unbalanced({ role, evidence, config, hparams }: Trained): Finding | null {
  const [cls, box] = [lastMean(evidence.history, 'cls_loss'), lastMean(evidence.history, 'box_loss')];
  if (!cls || !box || box.value <= 0) return null;
  const ratio = cls.value / box.value;
  if (ratio >= 0.2 && ratio <= 5) return null;
  const who = WHO[role];
  const { deltaAP50 } = evidence.report.errors;
  return {
    severity: 'medium',
    evidence: { metric: 'cls_loss / box_loss', value: ratio, threshold: ratio > 5 ? 5 : 0.2, n: cls.n },
    // The term that is drowned is the one that may gain.
    expected: {
      gain: ratio > 5 ? deltaAP50.loc : deltaAP50.cls + deltaAP50.bkg,
      metric: 'AP50',
      confidence: 0.5 * confidenceFrom(cls.n),
    },
    advice: {
      en: `${who.en}: the class and the box term are ${ratio > 5 ? 'far above' : 'far below'} balance (ratio ${ratio.toPrecision(2)}); weigh the box loss anew.`,
      zh: `${who.zh}的分类损失与框回归损失失衡（比值 ${ratio.toPrecision(2)}）：调整框回归损失权重。`,
    },
    patch: change(
      config,
      `${role}.hparams.box_loss_weight`,
      hparams.box_loss_weight * Math.min(2, Math.max(0.5, ratio)),
    ),
    cost: RETRAIN,
  };
}
