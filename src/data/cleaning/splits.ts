import type { Data } from '../../config/run.js';
import { fnv1a } from '../../random.js';
import type { RawDataset, RawSample, Split } from '../dataset.js';
import { readDataset } from '../readers/index.js';

export interface SplitSample {
  readonly split: Split;
  readonly sample: RawSample;
}

export interface Source {
  readonly format: string;
  readonly samples: readonly SplitSample[];
  /** The data set's own class list, where it has one. */
  readonly classes: readonly string[] | null;
}

/** Share of the samples that evaluate where the data set does not say. */
const EVAL_TENTHS = 2;

/** All samples, each in its split: as the configuration says, else the data set, else 8:2 by the hash of the id. */
export async function readSource(
  { train: path, eval: evalPath, format }: Data,
  { evaluationOnly = false } = {},
): Promise<Source> {
  const dataset = await readDataset(path, format);
  const { classes } = dataset;
  if (evaluationOnly) return { format: dataset.format, classes, samples: samplesFor('eval', dataset) };
  if (evalPath === null) return { format: dataset.format, classes, samples: splitByItself(dataset) };
  const evaluation = await readDataset(evalPath, format);
  const samples = [...samplesFor('train', dataset), ...samplesFor('eval', evaluation)];
  return { format: dataset.format, classes, samples };
}

/** A data set that is given for one split leaves out what it names for the other. */
const samplesFor = (split: Split, { samples }: RawDataset): SplitSample[] =>
  samples
    .filter(sample => sample.split === null || sample.split === split)
    .map(sample => ({ split, sample }));

function splitByItself({ samples }: RawDataset): SplitSample[] {
  const evaluated = new Set(evaluatedIds(samples.filter(({ split }) => split === null)));
  const splitOf = ({ id }: RawSample): Split => (evaluated.has(id) ? 'eval' : 'train');
  return samples.map(sample => ({ split: sample.split ?? splitOf(sample), sample }));
}

/** A sample's side depends on its own id only, so it stays when others come; tiny sets still get both sides. */
function evaluatedIds(samples: readonly RawSample[]): string[] {
  const rank = (id: string): number => fnv1a(id) % 10;
  const ids = samples.map(({ id }) => id);
  const evaluated = ids.filter(id => rank(id) < EVAL_TENTHS);
  if (ids.length < 2) return [];
  const byHash = [...ids].sort((a, b) => fnv1a(a) - fnv1a(b));
  if (evaluated.length === 0) return byHash.slice(0, 1);
  return evaluated.length === ids.length ? byHash.slice(1) : evaluated;
}
