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
  { train: path, eval: evalPath, format, cleaning }: Data,
  { evaluationOnly = false } = {},
): Promise<RawDataset> {
  const options = { labelledOn: cleaning.labelled_on };
  const dataset = await readDataset(path, format, options);
  if (evaluationOnly) return { ...dataset, samples: samplesFor('eval', dataset) };
  if (evalPath === null) return dataset;
  const evaluation = await readDataset(evalPath, format, options);
  return { ...dataset, samples: [...samplesFor('train', dataset), ...samplesFor('eval', evaluation)] };
}

/** The samples of a data set that is used for one split only, without those that it assigns to the other. */
const samplesFor = (split: Split, { samples }: RawDataset): SplitSample[] =>
  samples
    .filter(sample => sample.split === null || sample.split === split)
    .map(sample => ({ ...sample, split }));

/**
 * Decides the split of each sample that has none: that of a sample of the same group, else 8:2 by a hash of the id of
 * the group's first sample.
 * @param groups by position: the position of the first sample of the same group
 */
export function chooseSplits(samples: readonly RawSample[], groups: readonly number[]): SplitSample[] {
  const assigned = new Map<number, Split>();
  samples.forEach(({ split }, i) => {
    if (split !== null && !assigned.has(groups[i]!)) assigned.set(groups[i]!, split);
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
