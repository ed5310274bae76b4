import type { Data } from '../../config/run.js';
import type { DatasetFinding } from '../../formats/cleaning-report.js';
import type { Size } from '../../images/decode.js';
import type { LabelledOn, RawSample } from '../raw-dataset.js';
import type { ImageFacts } from './image-facts.js';
import { isTransposed } from './orientation.js';

/** The image that the boxes of a sample were drawn on. */
export interface LabelOrientation {
  readonly on: LabelledOn;
  /** What the decision rests on where the image itself does not show it; null: it does, or the format or people say it. */
  readonly doubt: string | null;
}

export interface LabelOrientations {
  /** By position. */
  readonly samples: readonly LabelOrientation[];
  /** Warnings about images whose orientation had to be assumed. */
  readonly findings: readonly DatasetFinding[];
}

type OrientedSample = Pick<RawSample, 'labelledOn' | 'declared' | 'split' | 'boxes'>;

/** The samples of one source: tools differ between sources, but hardly within one. */
interface Source {
  readonly images: number[];
  readonly votes: Record<LabelledOn, number>;
}

/**
 * Finds what the boxes of each sample refer to. Where the format does not say it, the declared size does for an image whose
 * sides EXIF swaps. These images vote for the others of their source; without a majority, the boxes are taken as upright.
 */
export function findLabelOrientations(
  {
    samples,
    images,
  }: {
    samples: readonly OrientedSample[];
    images: readonly Pick<ImageFacts, 'width' | 'height' | 'orientation'>[];
  },
  data: Pick<Data, 'eval' | 'test' | 'cleaning'>,
): LabelOrientations {
  const shown = samples.map(({ labelledOn, declared }, i) =>
    labelledOn === 'unknown' ? shownBySize(declared, images[i]!, data.cleaning.size_tolerance) : labelledOn,
  );
  const sources = new Map<string, Source>();
  samples.forEach(({ labelledOn, split, boxes }, i) => {
    if (labelledOn !== 'unknown' || images[i]!.orientation === 1) return;
    const name = split !== null && split !== 'train' && data[split] !== null ? split : 'train';
    const source = sources.get(name) ?? { images: [], votes: { upright: 0, stored: 0 } };
    sources.set(name, source);
    const on = shown[i] ?? null;
    if (on !== null) source.votes[on]++;
    else if (boxes.length > 0) source.images.push(i);
  });
  const decided = shown.map((on): LabelOrientation => ({ on: on ?? 'upright', doubt: null }));
  for (const { images: doubtful, votes } of sources.values())
    for (const i of doubtful) decided[i] = electedBy(votes);
  return { samples: decided, findings: [...sources.values()].flatMap(findingsOf) };
}

/** The image that a declared size fits; null: none is declared, or it fits both or neither. */
function shownBySize(
  declared: Size | null,
  { width, height, orientation }: Size & { readonly orientation: number },
  tolerance: number,
): LabelledOn | null {
  if (!declared || !isTransposed(orientation)) return null;
  const fits = (size: Size): boolean =>
    Math.abs(declared.width - size.width) <= tolerance &&
    Math.abs(declared.height - size.height) <= tolerance;
  const [fitsStored, fitsUpright] = [fits({ width, height }), fits({ width: height, height: width })];
  if (fitsStored === fitsUpright) return null;
  return fitsStored ? 'stored' : 'upright';
}

function electedBy({ upright, stored }: Source['votes']): LabelOrientation {
  const on = stored > upright ? 'stored' : 'upright';
  const doubt =
    upright === stored
      ? 'assumed, as the data set does not show it'
      : `as ${Math.max(upright, stored)} other images show`;
  return { on, doubt };
}

/** Images that agree are proof enough. */
function findingsOf({ images, votes }: Source): DatasetFinding[] {
  const { upright, stored } = votes;
  if (images.length === 0 || (upright === 0) !== (stored === 0)) return [];
  const { on } = electedBy(votes);
  const evidence =
    upright === 0
      ? 'no image of the data set shows whether boxes were drawn on upright images or on stored ones'
      : `${countOf(upright)} with boxes on the upright image and ${stored} with boxes on the stored one disagree`;
  return [
    {
      rule: 'I03',
      reason: `${countOf(images.length)} with an EXIF orientation: the boxes are taken as drawn on the ${on} image, but ${evidence}; look at them in the report, and set data.cleaning.labelled_on if they are wrong`,
      facts: { images: images.length, labelled_on: on, upright, stored },
    },
  ];
}

const countOf = (images: number): string => `${images} ${images === 1 ? 'image' : 'images'}`;
