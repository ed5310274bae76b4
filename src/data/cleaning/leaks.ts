import type { Cleaning } from '../../config/cleaning.js';
import type { Split } from '../../formats/dataset.js';
import { describeBoxes } from './describe-boxes.js';
import type { Likeness } from './likeness.js';
import type { ImageFacts } from './image.js';
import type { SplitSample } from './splits.js';

/** What ties an image to one of the other split. */
export interface Leak {
  readonly reason: string;
}

interface Images {
  readonly samples: readonly SplitSample[];
  readonly images: readonly Pick<ImageFacts, 'pixels'>[];
  readonly likeness: Likeness;
}

const ROLE = {
  train: 'which is trained on',
  eval: 'which is evaluated: training on it would flatter the result',
} as const;

/** By position, of the images on the side that the policy looks at: the same file, the same pixels or a near duplicate beyond. */
export function findLeaks({ samples, images, likeness }: Images, { leak }: Cleaning): (Leak | null)[] {
  const side: Split = leak === 'drop_eval' ? 'eval' : 'train';
  const files = new Set(samples.filter(({ split }) => split !== side).map(({ sample }) => sample.image));
  const sides = sidesOf(samples, likeness);
  return samples.map(({ split, sample }, position) => {
    if (split !== side) return null;
    const role = ROLE[side === 'train' ? 'eval' : 'train'];
    if (files.has(sample.image)) return { reason: `it is the same file as one ${role}` };
    if (sides.get(likeness.groups[position]!)!.size < 2) return null;
    const twin = likeness.findTwin(position, other => samples[other]!.split !== side);
    if (twin === undefined) return null;
    const { image, boxes } = samples[twin]!.sample;
    if (images[twin]!.pixels === null || images[twin]!.pixels !== images[position]!.pixels)
      return { reason: `a near duplicate of ${image}, ${role}` };
    const differs = describeBoxes(boxes) !== describeBoxes(sample.boxes);
    return { reason: `the pixels of ${image}, ${role}${differs ? '; their labels differ' : ''}` };
  });
}

/** Splits that the images of a group are in. */
function sidesOf(samples: readonly SplitSample[], { groups }: Likeness): Map<number, Set<Split>> {
  const sides = new Map<number, Set<Split>>();
  samples.forEach(({ split }, position) => {
    const known = sides.get(groups[position]!);
    if (known) known.add(split);
    else sides.set(groups[position]!, new Set([split]));
  });
  return sides;
}
