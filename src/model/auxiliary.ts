import type * as tf from '@tensorflow/tfjs-core';
import { type FamilyRow, familyOf } from '../config/families.js';
import { ProgramBuilder } from '../graph/program.js';
import { prefixed, type VariableSpec } from '../graph/variables.js';
import { detector, efficientDet, type NetworkOptions, type Outputs } from './efficientdet.js';

/** Of the branch's variables: what the network itself has never begins so. */
export const AUXILIARY = 'aux/';

/** Where the branch is as heavy as D0; all else is its network's own, so that both answer for the same anchors. */
export function auxiliaryFamily(family: FamilyRow): FamilyRow {
  const { fpnChannels, fpnCells, headRepeats } = familyOf('efficientdet-d0');
  return { ...family, fpnChannels, fpnCells, headRepeats };
}

/**
 * A heavier pyramid with heads of its own on a network's backbone, there while it is trained (as the auxiliary FPN and head
 * of NanoDet-Plus).
 * @param features the backbone's C3, C4, C5
 */
export const auxiliary = (
  features: readonly tf.Tensor4D[],
  { family, numClasses, training, variables }: Omit<NetworkOptions, 'dropSeed'>,
): Outputs =>
  detector(features, {
    family: auxiliaryFamily(family),
    numClasses,
    training,
    variables: prefixed(variables, AUXILIARY),
  });

/** Every variable of the branch, in the order in which it declares them. */
export function auxiliarySpecs({
  family,
  numClasses,
}: Pick<NetworkOptions, 'family' | 'numClasses'>): VariableSpec[] {
  const builder = new ProgramBuilder();
  const images = { shape: [1, 128, 128, 3], dtype: 'float32' as const };
  builder.signature('branch', { images }, (inputs, variables) => {
    const options = { family, numClasses, training: false, variables };
    const { features } = efficientDet(inputs.images as tf.Tensor4D, options);
    return { probe: auxiliary(features, options).classLogits[0]! };
  });
  return builder.variableSpecs.filter(({ name }) => name.startsWith(AUXILIARY));
}
