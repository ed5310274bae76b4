import { AppError, type Catalogue, firstFew, messageOf } from './app-error.js';

export interface ForeignCheckpoint {
  readonly checkpoint: string;
  readonly model_name: string;
  /** The tensors that the checkpoint holds instead. */
  readonly extra: readonly string[];
}
export interface IncompleteCheckpoint extends ForeignCheckpoint {
  readonly missing: readonly string[];
  readonly mismatched: readonly {
    readonly name: string;
    readonly expected: readonly number[];
    readonly found: readonly number[];
  }[];
}

export const weightErrors = {
  weightsRefused: (file: string, what: string) =>
    new AppError('WEIGHTS_REFUSED', `${file}: refers to ${what}; a weights file may contain tensors only`, {
      facts: { file, what },
    }),
  weightsUnknownFormat: (file: string) =>
    new AppError(
      'WEIGHTS_UNKNOWN_FORMAT',
      `${file}: unknown format; allowed: a TensorFlow checkpoint, a Keras HDF5 file or a PyTorch state file`,
      {
        hint: 'a TensorFlow checkpoint is named by its prefix, for example model.ckpt-1200',
        facts: { file },
      },
    ),
  weightsNotFinite: (place: string, names: readonly string[]) =>
    new AppError(
      'WEIGHTS_NOT_FINITE',
      `${place}: NaN or infinity in ${names.length} tensors: ${firstFew(names)}`,
      {
        hint: 'the training that saved them has diverged; name an earlier checkpoint',
        facts: { place, names },
      },
    ),
  weightsUnavailable: (model: string, images: number, unreachable: readonly string[]) =>
    new AppError(
      'WEIGHTS_UNAVAILABLE',
      `${model}: no initial weights can be reached (${unreachable.join('; ')}), and ${images} images are too few to train from random weights`,
      {
        hint: 'set pretrained to the path of a checkpoint, allow downloads, or set pretrained to none to start from random weights',
        facts: { model, images, unreachable },
      },
    ),
  weightMissing: (name: string) =>
    new AppError('WEIGHT_MISSING', `the checkpoint has no variable ${name}`, { facts: { name } }),
  checkpointUnreadable: (file: string, cause: unknown) =>
    new AppError('CHECKPOINT_UNREADABLE', `${file}: ${messageOf(cause)}`, { cause, facts: { file } }),
  checkpointForeign: ({ checkpoint, model_name, extra }: ForeignCheckpoint) =>
    new AppError(
      'CHECKPOINT_FOREIGN',
      `${checkpoint}: none of its ${extra.length} tensors is a variable of ${model_name}: ${firstFew(extra)}`,
      {
        hint: 'set --model_name to the model that the checkpoint was saved from',
        facts: { checkpoint, model_name },
      },
    ),
  checkpointIncomplete: (facts: IncompleteCheckpoint) => {
    const { checkpoint, model_name, missing, mismatched, extra } = facts;
    const shapes = mismatched.map(
      ({ name, expected, found }) => `${name} [${found.join(', ')}], not [${expected.join(', ')}]`,
    );
    const parts = [
      missing.length > 0 && `${missing.length} missing: ${firstFew(missing)}`,
      shapes.length > 0 && `${shapes.length} with a different shape: ${firstFew(shapes)}`,
      extra.length > 0 && `${extra.length} unused: ${firstFew(extra)}`,
    ];
    return new AppError(
      'CHECKPOINT_INCOMPLETE',
      `${checkpoint} does not match ${model_name}: ${parts.filter(Boolean).join('; ')}`,
      {
        hint: 'without --strict, matching tensors are imported and all others are newly initialised',
        facts: { ...facts },
      },
    );
  },
} satisfies Catalogue;
