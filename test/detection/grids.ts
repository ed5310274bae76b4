import { ASPECT_RATIOS, familyOf, type ModelName } from '../../src/config/families.js';
import { type AnchorGrid, anchorOptions, createAnchors } from '../../src/detection/anchors.js';

/** The anchors of a model with the usual aspect ratios. @param size [height, width] of the network input */
export const gridOf = (model: ModelName, size: readonly [number, number]): AnchorGrid =>
  createAnchors(anchorOptions(familyOf(model), ASPECT_RATIOS), size);
