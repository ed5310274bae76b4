import { AppError, type Catalogue, messageOf } from './app-error.js';

/** Formats a value for a message. JSON supports neither NaN nor large integers. */
const shown = (value: unknown): string =>
  Array.isArray(value)
    ? `[${value.map(shown).join(', ')}]`
    : typeof value === 'number' || typeof value === 'bigint'
      ? String(value)
      : (JSON.stringify(value) ?? 'nothing');

export const evaluationErrors = {
  cocoEntryInvalid: (facts: { place: string; key: string; value: unknown; allowed: string }) =>
    new AppError(
      'COCO_ENTRY_INVALID',
      `${facts.place}.${facts.key}: ${shown(facts.value)}, must be ${facts.allowed}`,
      { facts: { ...facts, value: shown(facts.value) } },
    ),
  reportUnreadable: (file: string, cause: unknown) =>
    new AppError('REPORT_UNREADABLE', `${file}: ${messageOf(cause)}`, { cause, facts: { file } }),
  classesDiffer: (model: readonly string[], dataset: readonly string[]) =>
    new AppError(
      'CLASSES_DIFFER',
      `the classes of the model (${model.join(', ')}) differ from those of the data set (${dataset.join(', ')})`,
      {
        hint: 'set data.classes to the classes of the model, in the same order',
        facts: { model, dataset },
      },
    ),
} satisfies Catalogue;
