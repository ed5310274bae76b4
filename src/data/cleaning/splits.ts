import type { Data } from '../../config/run.js';
import type { Split } from '../../formats/dataset.js';
import { fnv1a } from '../../random.js';
import type { RawDataset, RawSample } from '../raw-dataset.js';
import { readDataset } from '../readers/index.js';

/** A sample whose split is decided. */
export interface SplitSample extends RawSample {
  readonly split: Split;
}

/** Tenths of the samples that go to the evaluation split where nothing assigns them. */
const EVAL_TENTHS = 2;

/** Reads all samples; a split that the configuration assigns overrides that of the data set. */
export async function readSource(
  { train, eval: evaluation, test, format, cleaning }: Data,
  { evaluationOnly = false } = {},
): Promise<RawDataset> {
  const options = { labelledOn: cleaning.labelled_on };
  const dataset = await readDataset(train, format, options);
  const use = evaluationOnly ? 'eval' : 'train';
  const own = evaluationOnly || evaluation !== null ? samplesFor(use, dataset) : dataset.samples;
  const others = [
    ...(evaluation === null || evaluationOnly ? [] : [{ split: 'eval', path: evaluation } as const]),
    ...(test === null ? [] : [{ split: 'test', path: test } as const]),
  ];
  const samples = [...own.filter(({ split }) => test === null || split !== 'test')];
  const missing = [...dataset.missing];
  for (const { split, path } of others) {
    const source = await readDataset(path, format, options);
    const found = samplesFor(split, source);
    const used = found.filter(sample => sample.split === split);
    samples.push(...used);
    missing.push(...source.missing);
    if (used.length === 0) missing.push(`${path}: all its images belong to other splits than ${split}`);
    // That of data.train is used, or none.
    if (used.length < found.length && path !== train && test === null)
      missing.push(`${path}: its test split is not used; data.test can name it`);
  }
  return { ...dataset, samples, missing };
}

/** The samples of a data set that is used for one split, and its test split; those that it assigns to others are left out. */
const samplesFor = (use: Split, { samples }: RawDataset): SplitSample[] =>
  samples
    .filter(({ split }) => split === null || split === use || split === 'test')
    .map(sample => ({ ...sample, split: sample.split ?? use }));

/**
 * Decides the split of each sample that has none: train or eval as a sample of the same group, else 8:2 by a hash of the id
 * of the group's first sample.
 * @param groups by position: the position of the first sample of the same group
 */
export function chooseSplits(samples: readonly RawSample[], groups: readonly number[]): SplitSample[] {
  const assigned = new Map<number, Split>();
  samples.forEach(({ split }, i) => {
    // A test split stays as it is named: images that are like its own do not join it.
    if (split !== null && split !== 'test' && !assigned.has(groups[i]!)) assigned.set(groups[i]!, split);
  });
  const open = samples.flatMap(({ split }, i) => (split === null && !assigned.has(groups[i]!) ? [i] : []));
  const groupId = (i: number): string => samples[groups[i]!]!.id;
  // Where all samples are alike, one of the two splits would stay empty: then each sample is on its own.
  const isOneGroup = assigned.size === 0 && new Set(open.map(groupId)).size < 2;
  const idOf = isOneGroup ? (i: number) => samples[i]!.id : groupId;
  const evaluated = new Set(evaluatedIds([...new Set(open.map(idOf))]));
  return samples.map((sample, i) => ({
    ...sample,
    split: sample.split ?? assigned.get(groups[i]!) ?? (evaluated.has(idOf(i)) ? 'eval' : 'train'),
  }));
}

/** The choice depends on the id only, so it stays when samples are added; even two samples give one of each split. */
function evaluatedIds(ids: readonly string[]): string[] {
  const evaluated = ids.filter(id => fnv1a(id) % 10 < EVAL_TENTHS);
  if (ids.length < 2) return [];
  const byHash = [...ids].sort((a, b) => fnv1a(a) - fnv1a(b));
  if (evaluated.length === 0) return byHash.slice(0, 1);
  return evaluated.length === ids.length ? byHash.slice(1) : evaluated;
}
