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

const USE: Readonly<Record<Split, string>> = {
  train: 'used for training',
  eval: 'used for evaluation: training on it would inflate the metrics',
};

/**
 * By position: why a sample leaks between the splits, as the other split has the same file, the same pixels or a near
 * duplicate. Only samples of the split that the policy drops from have a reason; with `warn`, those of the training split.
 */
export function findLeaks(
  { samples, images, nearDuplicates }: SplitImages,
  { leak }: Cleaning,
): (string | null)[] {
  const leaking: Split = leak === 'drop_eval' ? 'eval' : 'train';
  const use = USE[leaking === 'train' ? 'eval' : 'train'];
  const otherFiles = new Set(samples.filter(({ split }) => split !== leaking).map(({ image }) => image));
  const mixedGroups = groupsInBothSplits(samples, nearDuplicates);
  return samples.map((sample, position) => {
    if (sample.split !== leaking) return null;
    if (otherFiles.has(sample.image)) return `the same file is ${use}`;
    if (!mixedGroups.has(nearDuplicates.groups[position]!)) return null;
    const other = nearDuplicates.findDuplicate(position, at => samples[at]!.split !== leaking);
    if (other === undefined) return null;
    const duplicate = samples[other]!;
    const { pixels } = images[position]!;
    if (pixels === null || pixels !== images[other]!.pixels)
      return `near duplicate of ${duplicate.image}, which is ${use}`;
    const difference = haveEqualBoxes(duplicate.boxes, sample.boxes) ? '' : '; their labels differ';
    return `same pixels as ${duplicate.image}, which is ${use}${difference}`;
  });
}

function groupsInBothSplits(samples: readonly SplitSample[], { groups }: NearDuplicates): Set<number> {
  const groupsOf = (split: Split): Set<number> =>
    new Set(groups.filter((_, position) => samples[position]!.split === split));
  const evaluated = groupsOf('eval');
  return new Set([...groupsOf('train')].filter(group => evaluated.has(group)));
}
