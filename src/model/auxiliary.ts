import type * as tf from '@tensorflow/tfjs-core';
import { type FamilyRow, familyOf } from '../config/families.js';
import { ProgramBuilder } from '../graph/program.js';
import { prefixed, type VariableSpec } from '../graph/variables.js';
import { detector, efficientDet, type NetworkOptions, type Outputs } from './efficientdet.js';

/** Prefix of the branch's variables; no variable of the network itself has it. */
export const AUXILIARY = 'aux/';

/** The branch has pyramid and heads of D0's size. Everything else is as in its network, so that both have the same anchors. */
export function auxiliaryFamily(family: FamilyRow): FamilyRow {
  const { fpnChannels, fpnCells, headRepeats } = familyOf('efficientdet-d0');
  return { ...family, fpnChannels, fpnCells, headRepeats };
}

/**
 * The auxiliary branch: a heavier pyramid with heads of its own on the backbone of a network, only while the network is trained (as
 * in NanoDet-Plus).
 * @param features C3, C4, C5 of the backbone
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

/** Every variable of the branch in the order of declaration. */
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
