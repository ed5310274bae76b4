import type { ArtifactRef } from '../formats/artifact.js';
import type { RunConfig, SoftWeights } from '../config/run.js';
import type { TeacherInput } from '../formats/stage-io.js';

/** Names that every process shares. This file holds words and types only: workflows import it too. */
export const QUEUES = { control: 'detdistill-control', gpu: 'detdistill-gpu' } as const;

/** The stages of a run, in the order they are shown. */
export const STAGES = [
  'clean',
  'train-teacher',
  'export-teacher',
  'evaluate-teacher',
  'train-student',
  'export-student',
  'evaluate-student',
  'advise',
] as const;

export type StageName = (typeof STAGES)[number];

/** The stages that a configuration asks for, in the order in which they are shown. */
export function plannedStages(config: Pick<RunConfig, 'teacher' | 'distillation'>): StageName[] {
  const isTaught = config.teacher !== null || teacherFrom(config) !== null;
  return STAGES.filter(stage =>
    stage === 'train-teacher' ? config.teacher !== null : isTaught || !stage.endsWith('-teacher'),
  );
}

const weightsOf = ({ soft_cls_loss, soft_box_loss }: RunConfig['distillation']): SoftWeights | null =>
  soft_cls_loss > 0 || soft_box_loss > 0 ? { soft_cls_loss, soft_box_loss } : null;

/** How a student learns from a model; null: it does not. */
export function teacherInput(
  distillation: RunConfig['distillation'],
  model: ArtifactRef | null | undefined,
): TeacherInput | null {
  const weights = distillation.use_offline_kd ? weightsOf(distillation) : null;
  return weights && model ? { model, distillation: weights, views: distillation.teacher_views } : null;
}

/** What the answers of the student's own heavier branch weigh; null: it has none. */
export const onlineWeights = (distillation: RunConfig['distillation']): SoftWeights | null =>
  distillation.use_online_kd ? weightsOf(distillation) : null;

/** The folder of a teacher that is not trained in this run; null: there is none. */
export const teacherFrom = ({
  distillation: { use_offline_kd: isUsed, teacher_model_url: folder },
}: Pick<RunConfig, 'distillation'>): string | null => (isUsed ? folder : null);
