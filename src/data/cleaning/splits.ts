import type { Data } from '../../config/run.js';
import { fnv1a } from '../../random.js';
import type { Split } from '../../formats/dataset.js';
import type { RawDataset, RawSample } from '../raw-dataset.js';
import { readDataset } from '../readers/index.js';

export interface SplitSample {
  readonly split: Split;
  readonly sample: RawSample;
}

/** A sample whose split nobody may have named yet. */
export interface SourceSample {
  readonly split: Split | null;
  readonly sample: RawSample;
}

export interface Source {
  readonly format: string;
  readonly samples: readonly SourceSample[];
  /** The data set's own class list, where it has one. */
  readonly classes: readonly string[] | null;
}

/** Share of the samples that evaluate where the data set does not say. */
const EVAL_TENTHS = 2;

/** All samples, each in the split that the configuration says, else the data set. */
export async function readSource(
  { train: path, eval: evalPath, format }: Data,
  { evaluationOnly = false } = {},
): Promise<Source> {
  const dataset = await readDataset(path, format);
  const { classes } = dataset;
  if (evaluationOnly) return { format: dataset.format, classes, samples: samplesFor('eval', dataset) };
  if (evalPath === null) {
    const samples = dataset.samples.map(sample => ({ split: sample.split, sample }));
    return { format: dataset.format, classes, samples };
  }
  const evaluation = await readDataset(evalPath, format);
  const samples = [...samplesFor('train', dataset), ...samplesFor('eval', evaluation)];
  return { format: dataset.format, classes, samples };
}

/** A data set that is given for one split leaves out what it names for the other. */
const samplesFor = (split: Split, { samples }: RawDataset): SplitSample[] =>
  samples
    .filter(sample => sample.split === null || sample.split === split)
    .map(sample => ({ split, sample }));

/**
 * Names a split where the data set does not: that of an image of the same group, else 8:2 by the hash of the group's first id.
 * @param groups by position: that of the first sample of the same group
 */
export function chooseSplits(samples: readonly SourceSample[], groups: readonly number[]): SplitSample[] {
  const named = new Map<number, Split>();
  samples.forEach(({ split }, i) => {
    if (split !== null && !named.has(groups[i]!)) named.set(groups[i]!, split);
  });
  const open = samples.flatMap(({ split }, i) => (split === null && !named.has(groups[i]!) ? [i] : []));
  const groupId = (i: number): string => samples[groups[i]!]!.sample.id;
  // All alike: whoever splits such a set finds images in both splits.
  const isOneGroup = named.size === 0 && new Set(open.map(groupId)).size < 2;
  const idOf = isOneGroup ? (i: number) => samples[i]!.sample.id : groupId;
  const evaluated = new Set(evaluatedIds([...new Set(open.map(idOf))]));
  return samples.map(({ split, sample }, i) => ({
    split: split ?? named.get(groups[i]!) ?? (evaluated.has(idOf(i)) ? 'eval' : 'train'),
    sample,
  }));
}

/** A side depends on the id only, so it stays when others come; tiny sets still get both sides. */
function evaluatedIds(ids: readonly string[]): string[] {
  const rank = (id: string): number => fnv1a(id) % 10;
  const evaluated = ids.filter(id => rank(id) < EVAL_TENTHS);
  if (ids.length < 2) return [];
  const byHash = [...ids].sort((a, b) => fnv1a(a) - fnv1a(b));
  if (evaluated.length === 0) return byHash.slice(0, 1);
  return evaluated.length === ids.length ? byHash.slice(1) : evaluated;
}
