import { AppError, type Catalogue, messageOf } from './app-error.js';

export const dataErrors = {
  datasetMissing: (path: string) =>
    new AppError('DATA_MISSING', `${path}: there is no such file or folder`, { facts: { path } }),
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
      `${path}: no data set in a known format, found ${found.join(', ') || 'no files'}`,
      { hint: `needed: ${needs.join('; or ')}`, facts: { path, found } },
    ),
  datasetAmbiguous: ({ path, found, hint }: { path: string; found: readonly string[]; hint: string }) =>
    new AppError('DATA_AMBIGUOUS', `${path}: could be read as any of ${found.join(', ')}`, {
      hint,
      facts: { path, found },
    }),
  datasetUnreadable: (file: string, cause: unknown) =>
    new AppError('DATA_UNREADABLE', `${file}: ${messageOf(cause)}`, { cause, facts: { file } }),
  imageUnreadable: (file: string, problem: string) =>
    new AppError('DATA_IMAGE_UNREADABLE', `${file}: ${problem}`, {
      hint: 'with do_data_cleaning: true such images are left out',
      facts: { file },
    }),
  labelUnknown: ({
    places,
    allowed,
  }: {
    /** Each unknown label once, where it comes first. */
    places: readonly { file: string; label: string; times: number; meant?: string }[];
    allowed: readonly string[];
  }) => {
    const lines = places.map(
      ({ file, label, times, meant }) =>
        `${file}: label "${label}" is no class (${times} times in all)${meant === undefined ? '' : `; did you mean ${meant}?`}`,
    );
    return new AppError('DATA_LABEL_UNKNOWN', `${lines.join('\n  ')}\n  allowed: ${allowed.join(', ')}`, {
      hint: 'correct the label, say in data.cleaning.label_map what it is, or add it to data.classes',
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
      `${path}: no usable image is left to ${split === 'train' ? 'train' : 'evaluate'} on (${reasons.join(', ') || 'none found'})`,
      {
        hint: 'detdistill clean DATASET --dry-run shows why, image by image',
        facts: { path, dropped },
      },
    );
  },
} satisfies Catalogue;
