import { AppError, type Catalogue, messageOf } from './app-error.js';

export const commandLineErrors = {
  configInvalid: (source: string, issues: readonly string[]) =>
    new AppError('CONFIG_INVALID', `${source}:\n  ${issues.join('\n  ')}`, { facts: { source, issues } }),
  configUnreadable: (source: string, cause: unknown) =>
    new AppError('CONFIG_UNREADABLE', `${source}: ${messageOf(cause)}`, { cause, facts: { source } }),
  configMissing: (path: string) =>
    new AppError('CONFIG_MISSING', `${path}: file not found`, {
      hint: 'the folder configs/ contains example run files',
      facts: { path },
    }),
  usageWrong: (message: string, hint: string) => new AppError('USAGE_WRONG', message, { hint }),
  outputUnusable: (path: string, problem: string) =>
    new AppError('OUTPUT_UNUSABLE', `${path}: ${problem}`, {
      hint: 'choose a folder that is empty or does not exist yet',
      facts: { path },
    }),
  outputTaken: (path: string) =>
    new AppError('OUTPUT_UNUSABLE', `${path}: file already exists`, {
      hint: 'choose a file name that does not exist yet',
      facts: { path },
    }),
  modelMissing: (named: string) =>
    new AppError('MODEL_MISSING', `${named}: model not found`, {
      hint: 'allowed: the name or folder of a finished run, a folder with model.json, or a folder with training.json and its checkpoints',
      facts: { named },
    }),
} satisfies Catalogue;
