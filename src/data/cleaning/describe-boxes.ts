import type { LabelledBox } from '../raw-dataset.js';

/** Equal for lists of equal boxes in any order. */
export const describeBoxes = (boxes: readonly LabelledBox[]): string =>
  boxes
    .map(({ label, box }) => `${label} ${box.join(' ')}`)
    .sort()
    .join('\n');
