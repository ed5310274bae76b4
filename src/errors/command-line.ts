import { AppError, type Catalogue, messageOf } from './app-error.js';

export const commandLineErrors = {
  configInvalid: (source: string, issues: readonly string[]) =>
    new AppError('CONFIG_INVALID', `${source}:\n  ${issues.join('\n  ')}`, { facts: { source, issues } }),
  configUnreadable: (source: string, cause: unknown) =>
    new AppError('CONFIG_UNREADABLE', `${source}: ${messageOf(cause)}`, { cause, facts: { source } }),
  configMissing: (path: string) =>
    new AppError('CONFIG_MISSING', `${path}: there is no such file`, {
      hint: 'the folder configs/ holds some to start from',
      facts: { path },
    }),
  usageWrong: (message: string, hint: string) => new AppError('USAGE_WRONG', message, { hint }),
  outputUnusable: (path: string, problem: string) =>
    new AppError('OUTPUT_UNUSABLE', `${path}: ${problem}`, {
      hint: 'name a folder that is empty or does not exist yet',
      facts: { path },
    }),
  outputTaken: (path: string) =>
    new AppError('OUTPUT_UNUSABLE', `${path}: is there already`, {
      hint: 'name a file that does not exist yet',
      facts: { path },
    }),
  modelMissing: (named: string) =>
    new AppError('MODEL_MISSING', `${named}: no model`, {
      hint: 'allowed: the name of a finished run, its folder, a folder with model.json, or one with training.json and its checkpoints',
      facts: { named },
    }),
} satisfies Catalogue;
