import type { TrainingHistory } from '../../formats/training-history.js';
import { confidenceFrom, fallPerEpoch, lastMean } from '../signals.js';
import {
  type AdviceInput,
  type Finding,
  isDistilled,
  isTaught,
  type Patch,
  type Rule,
} from '../suggestion.js';
import { change } from '../tunable.js';

/** Whether the teacher was worth its time, and its terms their weight. A branch that is trained online has no report. */
export const DISTILLATION_RULES: readonly Rule[] = [
  { id: 'K1', find: when(isTaught, uselessTeacher) },
  { id: 'K2', find: when(isDistilled, input => TERMS.flatMap(term => heavyTerm(input, term))) },
  { id: 'K3', find: when(isDistilled, harmfulTerms) },
];

function when(isMeant: (input: AdviceInput) => boolean, find: Rule['find']): Rule['find'] {
  return input => (isMeant(input) ? find(input) : []);
}

const RETRAIN = { kind: 'training', training: 1 } as const;

/** The teacher must know at least so much more, in AP. */
const MARGIN = 0.01;

function uselessTeacher({ config, student, teacher }: AdviceInput): Finding[] {
  const lead = teacher!.report.metrics.AP - student.report.metrics.AP;
  if (lead > MARGIN) return [];
  const isUnfinished = (fallPerEpoch(teacher!.history, 'cls_loss')?.value ?? 0) > 0.01;
  const longer = config.teacher
    ? change(config, 'teacher.num_epochs', Math.ceil(config.teacher.num_epochs * 1.5))
    : {};
  const off: Patch = { 'distillation.use_offline_kd': false };
  return [
    {
      severity: 'high',
      evidence: {
        metric: 'AP of the teacher minus AP',
        value: lead,
        threshold: MARGIN,
        n: student.report.counts.images,
      },
      expected: {
        gain: MARGIN - lead,
        metric: 'AP',
        confidence: confidenceFrom(student.report.counts.images),
      },
      advice: isUnfinished
        ? {
            en: `The teacher is no better than its student (${points(lead)}) and still learning: train the teacher longer, or take a larger one.`,
            zh: `教师模型不优于学生模型（${points(lead)}）且仍在学习：延长教师训练，或更换更大的教师模型。`,
          }
        : {
            en: `The teacher is no better than its student (${points(lead)}): do not distil from it; take a larger teacher, or fine-tune this one.`,
            zh: `教师模型不优于学生模型（${points(lead)}）：关闭蒸馏，或更换更大的教师模型、对其微调。`,
          },
      patch: isUnfinished ? longer : off,
      cost: { kind: 'training', training: isUnfinished ? 1.5 : 1 },
    },
  ];
}

const points = (AP: number): string => `${AP >= 0 ? '+' : '−'}${Math.abs(AP * 100).toFixed(1)} AP`;

const TERMS = [
  { weight: 'soft_cls_loss', logged: 'loss_soft_cls' },
  { weight: 'soft_box_loss', logged: 'loss_soft_box' },
] as const;

/** ModelArts' manual: bring either term below about 5. */
const HEAVY = 5;

function heavyTerm({ config, student }: AdviceInput, { weight, logged }: (typeof TERMS)[number]): Finding[] {
  const late = lastMean(student.history, logged);
  if (!late || late.value <= HEAVY) return [];
  const wanted = (config.distillation[weight] * HEAVY) / late.value;
  return [
    {
      about: weight,
      severity: 'medium',
      evidence: { metric: logged, value: late.value, threshold: HEAVY, n: late.n },
      expected: { gain: 0.05, metric: 'AP', confidence: confidenceFrom(late.n) },
      advice: {
        en: `${logged} is ${late.value.toPrecision(2)} at the end and drowns the other terms: lower ${weight}.`,
        zh: `训练末期 ${logged} 为 ${late.value.toPrecision(2)}，淹没其他损失：降低 ${weight}。`,
      },
      patch: change(config, `distillation.${weight}`, wanted),
      cost: RETRAIN,
    },
  ];
}

function harmfulTerms(input: AdviceInput): Finding[] {
  const { config, student, baseline } = input;
  const { soft_cls_loss: cls, soft_box_loss: box } = config.distillation;
  const lower = (factor: number): Patch => ({
    ...change(config, 'distillation.soft_cls_loss', cls * factor),
    ...change(config, 'distillation.soft_box_loss', box * factor),
  });
  const { rollbacks } = student.history;
  const scale = rollbacks.at(-1)?.backoffFactor ?? 1;
  if (scale < 1)
    return [
      {
        severity: 'medium',
        evidence: {
          metric: 'roll-backs',
          value: rollbacks.length,
          threshold: 1,
          n: student.history.points.length,
        },
        expected: { gain: 0.05, metric: 'AP', confidence: 0.5 },
        advice: {
          en: `Training was rolled back ${rollbacks.length} times and lowered the distillation weights × ${scale} by itself: start with those.`,
          zh: `训练回退 ${rollbacks.length} 次，蒸馏权重已自动降至 ${scale} 倍：下次直接使用该权重。`,
        },
        patch: lower(scale),
        cost: RETRAIN,
      },
    ];
  const loss = baseline ? behind(student.history, baseline.history) : null;
  if (!loss || loss.AP <= MARGIN) return [];
  return [
    {
      severity: 'high',
      evidence: {
        metric: 'AP below that without distillation',
        value: loss.AP,
        threshold: MARGIN,
        n: loss.step,
      },
      expected: { gain: loss.AP, metric: 'AP', confidence: 0.5 },
      advice: {
        en: `At step ${loss.step} the student is ${points(-loss.AP)} behind the same student without distillation: halve the distillation weights.`,
        zh: `第 ${loss.step} 步时比无蒸馏的同一学生模型低 ${points(loss.AP)}：将蒸馏权重减半。`,
      },
      patch: lower(0.5),
      cost: RETRAIN,
    },
  ];
}

/** At the last step at which both were evaluated. */
function behind(taught: TrainingHistory, alone: TrainingHistory): { AP: number; step: number } | null {
  const at = new Map(alone.evaluations.map(({ step, metrics }) => [step, metrics.AP]));
  const last = taught.evaluations.filter(({ step }) => at.has(step)).at(-1);
  return last ? { AP: at.get(last.step)! - last.metrics.AP, step: last.step } : null;
}
