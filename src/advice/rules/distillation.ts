import { MAX_SOFT_TERM, MIN_TEACHER_LEAD, weightOf } from '../../config/distillation.js';
import type { SoftWeights } from '../../config/run.js';
import { SOFT_TERMS, type SoftTerm, WEIGHT_OF } from '../../formats/training-history.js';
import {
  type AdviceInput,
  type Evidence,
  isDistilled,
  isDistilledOffline,
  type Patch,
  type Rule,
  type RuleMatch,
} from '../rule.js';
import { confidenceFrom, fallPerEpoch, lastMean } from '../signals.js';
import { change } from '../tunable.js';

/** Rules about the teacher and the distillation terms. The auxiliary branch of online distillation has no report. */
export const DISTILLATION_RULES: readonly Rule[] = [
  {
    id: 'K1',
    match: input => (input.teacher && isDistilledOffline(input) ? weakTeacher(input, input.teacher) : []),
  },
  {
    id: 'K2',
    match: input => (isDistilled(input) ? SOFT_TERMS.flatMap(term => dominantTerm(input, term)) : []),
  },
  { id: 'K3', match: input => (isDistilled(input) ? unstableDistillation(input) : []) },
];

const RETRAIN = { kind: 'training', training: 1 } as const;

function weakTeacher({ config, student }: AdviceInput, teacher: Evidence): RuleMatch[] {
  const lead = teacher.report.metrics.AP - student.report.metrics.AP;
  if (lead > MIN_TEACHER_LEAD) return [];
  const isUnfinished = (fallPerEpoch(teacher.history, 'cls_loss')?.value ?? 0) > 0.01;
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
        threshold: MIN_TEACHER_LEAD,
        n: student.report.counts.images,
      },
      expected: {
        gain: MIN_TEACHER_LEAD - lead,
        metric: 'AP',
        confidence: confidenceFrom(student.report.counts.images),
      },
      advice: isUnfinished
        ? {
            en: `The teacher is no better than its student (${points(lead)}), but its loss is still falling: train the teacher longer, or use a larger one.`,
            zh: `教师模型不优于学生模型（${points(lead)}）但其损失仍在下降：延长教师训练，或更换更大的教师模型。`,
          }
        : {
            en: `The teacher is no better than its student (${points(lead)}): turn offline distillation off, use a larger teacher, or fine-tune this one.`,
            zh: `教师模型不优于学生模型（${points(lead)}）：关闭蒸馏，或更换更大的教师模型、对其微调。`,
          },
      patch: isUnfinished ? longer : off,
      cost: { kind: 'training', training: isUnfinished ? 1.5 : 1 },
    },
  ];
}

const points = (AP: number): string => `${AP >= 0 ? '+' : '−'}${Math.abs(AP * 100).toFixed(1)} AP`;

function dominantTerm({ config, student }: AdviceInput, logged: SoftTerm): RuleMatch[] {
  const weight = WEIGHT_OF[logged];
  const late = lastMean(student.history, logged);
  if (!late || late.value <= MAX_SOFT_TERM) return [];
  const wanted = (weightOf(config.distillation, weight) * MAX_SOFT_TERM) / late.value;
  return [
    {
      subject: weight,
      severity: 'medium',
      evidence: { metric: logged, value: late.value, threshold: MAX_SOFT_TERM, n: late.n },
      expected: { gain: 0.05, metric: 'AP', confidence: confidenceFrom(late.n) },
      advice: {
        en: `${logged} is ${late.value.toPrecision(2)} at the end of training and dominates the other terms: lower ${weight}.`,
        zh: `训练末期 ${logged} 为 ${late.value.toPrecision(2)}，远大于其他损失：降低 ${weight}。`,
      },
      patch: change(config, `distillation.${weight}`, wanted),
      cost: RETRAIN,
    },
  ];
}

function unstableDistillation({ config, student: { history } }: AdviceInput): RuleMatch[] {
  const { rollbacks, points } = history;
  const scale = rollbacks.at(-1)?.backoff.distillation ?? 1;
  if (scale >= 1) return [];
  const scaled = (name: keyof SoftWeights): number => weightOf(config.distillation, name) * scale;
  return [
    {
      severity: 'medium',
      evidence: { metric: 'rollbacks', value: rollbacks.length, threshold: 1, n: points.length },
      expected: { gain: 0.05, metric: 'AP', confidence: 0.5 },
      advice: {
        en: `Training was rolled back ${times(rollbacks.length)} and scaled the distillation weights by ${scale}: start the next run with the scaled weights.`,
        zh: `训练回退 ${rollbacks.length} 次，蒸馏权重已自动降至 ${scale} 倍：下次直接使用该权重。`,
      },
      patch: {
        ...change(config, 'distillation.soft_cls_loss', scaled('soft_cls_loss')),
        ...change(config, 'distillation.soft_box_loss', scaled('soft_box_loss')),
      },
      cost: RETRAIN,
    },
  ];
}

const times = (count: number): string => (count === 1 ? 'once' : `${count} times`);
