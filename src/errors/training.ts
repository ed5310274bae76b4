import { AppError, type Catalogue } from './app-error.js';

export const trainingErrors = {
  diverged: (facts: { step: number; rollbacks: number; reason: string }) =>
    new AppError(
      'TRAINING_DIVERGED',
      `step ${facts.step}: ${facts.reason}, again after ${facts.rollbacks} roll-backs`,
      {
        hint: 'lower hparams.learning_rate or the distillation weights, and check the labels: detdistill clean DATASET --dry-run',
        facts,
      },
    ),
  nothingTrained: (expression: string) =>
    new AppError(
      'NOTHING_TRAINED',
      `hparams.var_freeze_expr ${expression} matches every variable of the network`,
      {
        hint: 'a backbone alone is matched by its name, for example efficientnet-b0',
        facts: { expression },
      },
    ),
  endedWorse: (facts: { step: number; start: number; end: number }) =>
    new AppError(
      'TRAINING_DIVERGED',
      `step ${facts.step}: the loss ends at ${facts.end.toPrecision(3)}, far above the ${facts.start.toPrecision(3)} that it began with`,
      {
        hint: 'lower hparams.learning_rate, and check the labels: detdistill clean DATASET --dry-run',
        facts,
      },
    ),
  checkpointsLost: (step: number, skipped: readonly string[]) =>
    new AppError(
      'CHECKPOINTS_LOST',
      `step ${step}: cannot roll back, no checkpoint is readable: ${skipped.join('; ') || 'none exists'}`,
      { hint: 'start the run again: the stage starts from the beginning', facts: { step, skipped } },
    ),
  teacherUnfit: (reason: string, facts: Record<string, unknown>) =>
    new AppError('TEACHER_UNFIT', `teacher rejected: ${reason}`, {
      hint: 'train the teacher longer, use a larger model, or set distillation.use_offline_kd to false',
      facts,
    }),
  previousUnfit: (pretrained: string) =>
    new AppError(
      'PREVIOUS_UNFIT',
      `${pretrained}: rejected, its outputs for the first batch are not finite`,
      {
        hint: 'set student.pretrained to another version, or to coco, imagenet or none',
        facts: { pretrained },
      },
    ),
  stopped: (step: number) =>
    new AppError('STOPPED', `stopped at step ${step}; a checkpoint was saved`, {
      retryable: true,
      facts: { step },
    }),
  trainerCrashed: (facts: { how: string; outputTail: string }) =>
    new AppError(
      'TRAINER_CRASHED',
      `the trainer process exited unexpectedly (${facts.how})${facts.outputTail ? `: ${facts.outputTail}` : ''}`,
      {
        retryable: true,
        facts,
      },
    ),
  trainerHung: (facts: { phase: string; seconds: number }) =>
    new AppError('TRAINER_HUNG', `no progress in phase ${facts.phase} for ${facts.seconds} s`, {
      retryable: true,
      facts,
    }),
  noProgress: (step: number) =>
    new AppError('NO_PROGRESS', `three attempts in a row started at step ${step} and saved no checkpoint`, {
      hint: 'the trainer log shows the reason; if memory ran out, reduce train_batch_size',
      facts: { step },
    }),
} satisfies Catalogue;
