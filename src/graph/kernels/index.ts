import { CONVOLUTION } from './convolution.js';
import { ELEMENTWISE } from './elementwise.js';
import { type KernelTable, registerKernels } from './kernel.js';
import { LABEL_GATHER } from './label-gather.js';
import { REDUCTION } from './reduction.js';
import { SHAPE } from './shape.js';
import { SUPPRESSION } from './suppression.js';

/** Every kernel that can be recorded, by tfjs's name. */
export const KERNELS: KernelTable = {
  ...ELEMENTWISE,
  ...SHAPE,
  ...REDUCTION,
  ...CONVOLUTION,
  ...SUPPRESSION,
  ...LABEL_GATHER,
};

registerKernels(KERNELS);
