import { AppError, type Catalogue, messageOf } from './app-error.js';

export const dataErrors = {
  datasetMissing: (path: string) =>
    new AppError('DATA_MISSING', `${path}: file or folder not found`, { facts: { path } }),
  datasetEmpty: ({
    path,
    found,
    needs,
  }: {
    path: string;
    found: readonly string[];
    needs: readonly string[];
  }) =>
    new AppError(
      'DATA_EMPTY',
      `${path}: no data set in a known format; found ${found.join(', ') || 'no files'}`,
      { hint: `required: ${needs.join('; or ')}`, facts: { path, found } },
    ),
  datasetAmbiguous: ({ path, found, hint }: { path: string; found: readonly string[]; hint: string }) =>
    new AppError('DATA_AMBIGUOUS', `${path}: matches more than one format: ${found.join(', ')}`, {
      hint,
      facts: { path, found },
    }),
  datasetUnreadable: (file: string, cause: unknown) =>
    new AppError('DATA_UNREADABLE', `${file}: ${messageOf(cause)}`, { cause, facts: { file } }),
  imageUnreadable: (file: string, problem: string) =>
    new AppError('DATA_IMAGE_UNREADABLE', `${file}: ${problem}`, {
      hint: 'set do_data_cleaning: true to drop unreadable images',
      facts: { file },
    }),
  labelUnknown: ({
    places,
    allowed,
  }: {
    /** Each unknown label once, at its first occurrence. */
    places: readonly { file: string; label: string; times: number; meant?: string }[];
    allowed: readonly string[];
  }) => {
    const lines = places.map(
      ({ file, label, times, meant }) =>
        `${file}: label "${label}" is not a class (${times} ${times === 1 ? 'occurrence' : 'occurrences'})${meant === undefined ? '' : `; did you mean ${meant}?`}`,
    );
    return new AppError('DATA_LABEL_UNKNOWN', `${lines.join('\n  ')}\n  allowed: ${allowed.join(', ')}`, {
      hint: 'correct the label, map it in data.cleaning.label_map, or add it to data.classes',
      facts: { places, allowed },
    });
  },
  nothingUsable: ({
    path,
    split,
    dropped,
  }: {
    path: string;
    split: 'train' | 'eval';
    dropped: Readonly<Record<string, number>>;
  }) => {
    const reasons = Object.entries(dropped).map(([rule, count]) => `${rule} dropped ${count}`);
    return new AppError(
      'DATA_NOTHING_USABLE',
      `${path}: no usable image is left for ${split === 'train' ? 'training' : 'evaluation'} (${reasons.join(', ') || 'no images found'})`,
      {
        hint: 'detdistill clean DATASET --dry-run shows the reason for each image',
        facts: { path, dropped },
      },
    );
  },
} satisfies Catalogue;
