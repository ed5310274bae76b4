import type { Cleaning } from '../../config/cleaning.js';
import type { Split } from '../../formats/dataset.js';
import { haveEqualBoxes } from '../raw-dataset.js';
import type { ImageFacts } from './image-facts.js';
import type { NearDuplicates } from './near-duplicates.js';
import type { SplitSample } from './splits.js';

interface SplitImages {
  readonly samples: readonly SplitSample[];
  readonly images: readonly Pick<ImageFacts, 'pixels'>[];
  readonly nearDuplicates: NearDuplicates;
}

/**
 * The splits by the policy, from the one that keeps a shared image to the one that gives it up. Between the two splits that
 * measure, the test split gives up its copy: it then has only images that did not choose the checkpoint.
 */
const PRECEDENCE: Readonly<Record<Cleaning['leak'], readonly Split[]>> = {
  drop_train: ['eval', 'test', 'train'],
  drop_eval: ['train', 'eval', 'test'],
  warn: ['eval', 'test', 'train'],
};

const USE: Readonly<Record<Split, string>> = {
  train: 'used for training',
  eval: 'used for evaluation',
  test: 'used for testing',
};

const useOf = (other: Split, own: Split): string => {
  if (own === 'train') return `${USE[other]}: training on it would inflate the metrics`;
  return other === 'eval' ? `${USE.eval}, which chooses the checkpoint` : USE[other];
};

/**
 * By position: why a sample leaks between the splits, as another split has the same file, the same pixels or a near
 * duplicate. Only samples that the policy would drop have a reason; `warn` names those of `drop_train`.
 */
export function findLeaks(
  { samples, images, nearDuplicates }: SplitImages,
  { leak }: Cleaning,
): (string | null)[] {
  const precedence = PRECEDENCE[leak];
  const fileSplits = splitsBy(samples, ({ image }) => image);
  const groupSplits = splitsBy(samples, (_, position) => nearDuplicates.groups[position]!);
  return samples.map((sample, position) => {
    const keepers = precedence.slice(0, precedence.indexOf(sample.split));
    const keeperOf = (splits: ReadonlySet<Split> | undefined): Split | undefined =>
      keepers.find(split => splits?.has(split));
    const withFile = keeperOf(fileSplits.get(sample.image));
    if (withFile) return `the same file is ${useOf(withFile, sample.split)}`;
    if (!keeperOf(groupSplits.get(nearDuplicates.groups[position]!))) return null;
    const other = nearDuplicates.findDuplicate(position, at => keepers.includes(samples[at]!.split));
    if (other === undefined) return null;
    const duplicate = samples[other]!;
    const use = useOf(duplicate.split, sample.split);
    const { pixels } = images[position]!;
    if (pixels === null || pixels !== images[other]!.pixels)
      return `near duplicate of ${duplicate.image}, which is ${use}`;
    const difference = haveEqualBoxes(duplicate.boxes, sample.boxes) ? '' : '; their labels differ';
    return `same pixels as ${duplicate.image}, which is ${use}${difference}`;
  });
}

function splitsBy<K>(
  samples: readonly SplitSample[],
  keyOf: (sample: SplitSample, position: number) => K,
): Map<K, Set<Split>> {
  const splits = new Map<K, Set<Split>>();
  samples.forEach((sample, position) => {
    const key = keyOf(sample, position);
    splits.set(key, (splits.get(key) ?? new Set()).add(sample.split));
  });
  return splits;
}
