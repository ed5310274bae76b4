import type { RunConfig, SoftWeights } from './run.js';

/** The part of a configuration that says whether there is a teacher, and which. */
export type TeacherChoice = Pick<RunConfig, 'teacher' | 'distillation'>;

/** The folder of a teacher that is not trained in this run; null: there is none. */
export const teacherFrom = ({
  distillation: { use_offline_kd: isUsed, teacher_model_url: folder },
}: Pick<RunConfig, 'distillation'>): string | null => (isUsed ? folder : null);

/** Whether the run has a teacher, trained by it or before. */
export function isTaught(config: TeacherChoice): boolean {
  return config.teacher !== null || teacherFrom(config) !== null;
}

/** Loss weights of the soft targets that the student's own auxiliary branch gives; null: it has no such branch. */
export const onlineWeights = (distillation: RunConfig['distillation']): SoftWeights | null =>
  distillation.use_online_kd ? softWeights(distillation) : null;

/** The weights of the distillation terms; null: both are 0. */
export const softWeights = ({
  soft_cls_loss,
  soft_box_loss,
}: RunConfig['distillation']): SoftWeights | null =>
  soft_cls_loss === 0 && soft_box_loss === 0 ? null : { soft_cls_loss, soft_box_loss };

/** The weights where they are automatic: those of ModelArts' algorithm. */
const AUTOMATIC_WEIGHTS = { soft_cls_loss: 2, soft_box_loss: 200 } as const;
/** The least lead of a useful teacher over its student, in AP. */
export const MIN_TEACHER_LEAD = 0.01;
/** ModelArts' manual recommends to bring either term, weight included, below about 5. */
export const MAX_SOFT_TERM = 5;

/** The configured weight of a term, before it follows a schedule. */
export const weightOf = (weights: SoftWeights, name: keyof SoftWeights): number => {
  const weight = weights[name];
  return weight === 'auto' ? AUTOMATIC_WEIGHTS[name] : weight;
};
