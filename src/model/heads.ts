import type * as tf from '@tensorflow/tfjs-core';
import { ANCHORS_PER_CELL, type FamilyRow } from '../config/families.js';
import type { Initializer } from '../graph/variables.js';
import { activatedNorm, type Context, fanInTruncated, separableConv } from './layers.js';

interface Head {
  /** The variables are named NAME_net/NAME-… */
  readonly name: 'class' | 'box';
  readonly outputs: number;
  readonly predictBias: Initializer;
}

/** Every class starts at probability .01: the many background anchors would otherwise dominate the first steps. */
const LOW_PRIOR: Initializer = { kind: 'constant', value: -Math.log((1 - 0.01) / 0.01) };
const ZERO: Initializer = { kind: 'constant', value: 0 };

export const classHead = (numClasses: number): Head => ({
  name: 'class',
  outputs: numClasses * ANCHORS_PER_CELL,
  predictBias: LOW_PRIOR,
});
export const boxHead: Head = { name: 'box', outputs: 4 * ANCHORS_PER_CELL, predictBias: ZERO };

/** Convolutions are shared by all levels, norms are not. @returns one map a level, [batch, h, w, outputs]. */
export function predict(
  context: Context,
  { name, outputs, predictBias }: Head,
  { levels, family }: { levels: readonly tf.Tensor4D[]; family: FamilyRow },
): tf.Tensor4D[] {
  const channels = family.fpnChannels;
  const options = (x: tf.Tensor4D, filters: number, biasInitializer: Initializer) => ({
    x,
    filters,
    biasInitializer,
    depthwise: fanInTruncated(9 * channels),
    pointwise: fanInTruncated(channels),
  });
  return levels.map((level, i) => {
    let x = level;
    for (let repeat = 0; repeat < family.headRepeats; repeat++) {
      x = separableConv(context, `${name}_net/${name}-${repeat}`, options(x, channels, ZERO));
      x = activatedNorm(context, `${name}_net/${name}-${repeat}-bn-${family.minLevel + i}`, x);
    }
    return separableConv(context, `${name}_net/${name}-predict`, options(x, outputs, predictBias));
  });
}
