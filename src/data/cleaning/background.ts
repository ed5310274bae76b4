import type { Data } from '../../config/run.js';
import type { DatasetFinding } from '../../formats/cleaning-report.js';
import type { RawSample } from '../raw-dataset.js';

/** Warns where so many images have no annotation that they may not be labelled yet, and are no background. */
export function findManyBackgrounds(
  samples: readonly Pick<RawSample, 'isBackground'>[],
  { unlabelled, cleaning }: Pick<Data, 'unlabelled' | 'cleaning'>,
): DatasetFinding[] {
  if (unlabelled !== 'auto') return [];
  const images = samples.filter(({ isBackground }) => isBackground).length;
  const share = images / samples.length;
  if (!(share > cleaning.max_background_share)) return [];
  const reason = `${images} of ${samples.length} images have no label file and are used as background, as is YOLO's custom; if they show objects that are not labelled yet, set data.unlabelled: exclude`;
  return [{ rule: 'L11', reason, facts: { images, share } }];
}
