import { AppError, type Catalogue } from './app-error.js';

export const graphErrors = {
  kernelUnsupported: (kernel: string) =>
    new AppError('KERNEL_UNSUPPORTED', `kernel ${kernel} cannot be recorded`, {
      hint: 'add it to src/graph/kernels; CONTRIBUTING.md shows how',
      facts: { kernel },
    }),
  notRecording: () => new AppError('NOT_RECORDING', 'no graph is being recorded'),
  tensorNotRecorded: (shape: readonly number[]) =>
    new AppError(
      'TENSOR_NOT_RECORDED',
      `a tensor of shape [${shape.join(', ')}] belongs to another backend`,
      {
        hint: 'create it inside the recorded function',
      },
    ),
  valueWhileRecording: () =>
    new AppError('VALUE_WHILE_RECORDING', 'a tensor has no value while a program is being recorded', {
      hint: 'compute with tensors, not with numbers read from them',
    }),
} satisfies Catalogue;
