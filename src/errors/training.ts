import { AppError, type Catalogue } from './app-error.js';

export const trainingErrors = {
  diverged: (facts: { step: number; rollbacks: number; reason: string }) =>
    new AppError(
      'TRAINING_DIVERGED',
      `step ${facts.step}: ${facts.reason}, again after ${facts.rollbacks} roll-backs`,
      {
        hint: 'lower hparams.learning_rate or the distillation weights, and look at the labels: detdistill clean DATASET --dry-run',
        facts,
      },
    ),
  checkpointsLost: (step: number, skipped: readonly string[]) =>
    new AppError(
      'CHECKPOINTS_LOST',
      `step ${step} has to be undone, but no checkpoint can be read: ${skipped.join('; ') || 'there is none'}`,
      { hint: 'start the run again: the stage begins anew', facts: { step, skipped } },
    ),
  teacherUnfit: (reason: string, facts: Record<string, unknown>) =>
    new AppError('TEACHER_UNFIT', `the teacher cannot teach: ${reason}`, {
      hint: 'train the teacher longer, take a larger one, or set distillation.use_offline_kd to false',
      facts,
    }),
  previousUnfit: (pretrained: string) =>
    new AppError('PREVIOUS_UNFIT', `${pretrained}: its answers to a first batch are not finite`, {
      hint: 'name another version as student.pretrained, or none: coco, imagenet',
      facts: { pretrained },
    }),
  stopped: (step: number) =>
    new AppError('STOPPED', `stopped at step ${step}; a checkpoint is saved`, {
      retryable: true,
      facts: { step },
    }),
  trainerCrashed: (facts: { how: string; lastWords: string }) =>
    new AppError(
      'TRAINER_CRASHED',
      `the trainer process ended by itself (${facts.how})${facts.lastWords ? `: ${facts.lastWords}` : ''}`,
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
    new AppError('NO_PROGRESS', `three attempts in a row began at step ${step} and saved nothing`, {
      hint: 'the log of the trainer shows what ends it; less memory: a smaller train_batch_size',
      facts: { step },
    }),
} satisfies Catalogue;
