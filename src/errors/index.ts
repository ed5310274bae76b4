/** What a program may read of an error; crosses process and network borders as it is. */
export interface ErrorFacts {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
  readonly hint?: string;
  readonly facts?: Record<string, unknown>;
}

interface Details {
  readonly retryable?: boolean;
  readonly hint?: string;
  readonly facts?: Record<string, unknown>;
  readonly cause?: unknown;
}

/** Every failure that the product names itself. Made only by the catalogue below. */
export class AppError extends Error {
  readonly code: string;
  readonly retryable: boolean;
  readonly hint?: string;
  readonly facts?: Record<string, unknown>;

  constructor(code: string, message: string, details: Details = {}) {
    super(message, { cause: details.cause });
    this.name = 'AppError';
    this.code = code;
    this.retryable = details.retryable ?? false;
    this.hint = details.hint;
    this.facts = details.facts;
  }

  toJSON(): ErrorFacts {
    const { code, message, retryable, hint, facts } = this;
    return { code, message, retryable, hint, facts };
  }

  static from({ code, message, ...details }: ErrorFacts, cause?: unknown): AppError {
    return new AppError(code, message, { ...details, cause });
  }
}

/** One way that was tried to get a native part, and why it failed. */
export interface ProvideAttempt {
  readonly what: string;
  readonly message: string;
  /** Whether another moment may end differently: a connection failed. */
  readonly network: boolean;
}

/** The text of anything thrown. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'issues' in error && Array.isArray(error.issues)
    ? schemaMessage(error.issues as SchemaIssue[])
    : error.message;
}

interface SchemaIssue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** A schema's own text is JSON; its first issue says enough. */
function schemaMessage([first, ...rest]: readonly SchemaIssue[]): string {
  if (!first) return 'does not have the expected form';
  const others = rest.length > 0 ? ` (and ${rest.length} more)` : '';
  return `${first.path.map(String).join('.') || '(top)'}: ${first.message}${others}`;
}

/** A value as people write it; JSON knows neither NaN nor large integers. */
const shown = (value: unknown): string =>
  Array.isArray(value)
    ? `[${value.map(shown).join(', ')}]`
    : typeof value === 'number' || typeof value === 'bigint'
      ? String(value)
      : (JSON.stringify(value) ?? 'nothing');

/**
 * The catalogue: one entry an error, message = place, value found, what is allowed. `retryable` is decided here:
 * a wrong label must fail at once, a lost connection must not.
 */
interface ForeignCheckpoint {
  readonly checkpoint: string;
  readonly model_name: string;
  /** What it holds instead. */
  readonly extra: readonly string[];
}
interface IncompleteCheckpoint extends ForeignCheckpoint {
  readonly missing: readonly string[];
  readonly mismatched: readonly {
    readonly name: string;
    readonly expected: readonly number[];
    readonly found: readonly number[];
  }[];
}

/** A list as it fits into a sentence. */
export const firstFew = (names: readonly string[]): string =>
  names.length > 4 ? `${names.slice(0, 3).join(', ')}, …` : names.join(', ');

export const errors = {
  // configuration
  configInvalid: (source: string, issues: readonly string[]) =>
    new AppError('CONFIG_INVALID', `${source}:\n  ${issues.join('\n  ')}`, { facts: { source, issues } }),
  configUnreadable: (source: string, cause: unknown) =>
    new AppError('CONFIG_UNREADABLE', `${source}: ${messageOf(cause)}`, { cause, facts: { source } }),

  // command line
  usageWrong: (message: string, hint: string) => new AppError('USAGE_WRONG', message, { hint }),
  configMissing: (path: string) =>
    new AppError('CONFIG_MISSING', `${path}: there is no such file`, {
      hint: 'the folder configs/ holds some to start from',
      facts: { path },
    }),
  outputUnusable: (path: string, problem: string) =>
    new AppError('OUTPUT_UNUSABLE', `${path}: ${problem}`, {
      hint: 'name a folder that is empty or does not exist yet',
      facts: { path },
    }),
  outputTaken: (path: string) =>
    new AppError('OUTPUT_UNUSABLE', `${path}: is there already`, {
      hint: 'name a file that does not exist yet',
      facts: { path },
    }),
  modelMissing: (named: string) =>
    new AppError('MODEL_MISSING', `${named}: no model`, {
      hint: 'allowed: the name of a finished run, its folder, a folder with model.json, or one with training.json and its checkpoints',
      facts: { named },
    }),

  // data
  datasetMissing: (path: string) =>
    new AppError('DATA_MISSING', `${path}: there is no such file or folder`, { facts: { path } }),
  datasetEmpty: ({
    path,
    found,
    needs,
  }: {
    path: string;
    found: readonly string[];
    needs: readonly string[];
  }) =>
    new AppError(
      'DATA_EMPTY',
      `${path}: no data set in a known format, found ${found.join(', ') || 'no files'}`,
      { hint: `needed: ${needs.join('; or ')}`, facts: { path, found } },
    ),
  datasetAmbiguous: ({ path, found, hint }: { path: string; found: readonly string[]; hint: string }) =>
    new AppError('DATA_AMBIGUOUS', `${path}: could be read as any of ${found.join(', ')}`, {
      hint,
      facts: { path, found },
    }),
  datasetUnreadable: (file: string, cause: unknown) =>
    new AppError('DATA_UNREADABLE', `${file}: ${messageOf(cause)}`, { cause, facts: { file } }),
  imageUnreadable: (file: string, problem: string) =>
    new AppError('DATA_IMAGE_UNREADABLE', `${file}: ${problem}`, {
      hint: 'with do_data_cleaning: true such images are left out',
      facts: { file },
    }),
  labelUnknown: ({
    places,
    allowed,
  }: {
    /** Each unknown label once, where it comes first. */
    places: readonly { file: string; label: string; times: number; meant?: string }[];
    allowed: readonly string[];
  }) => {
    const lines = places.map(
      ({ file, label, times, meant }) =>
        `${file}: label "${label}" is no class (${times} times in all)${meant === undefined ? '' : `; did you mean ${meant}?`}`,
    );
    return new AppError('DATA_LABEL_UNKNOWN', `${lines.join('\n  ')}\n  allowed: ${allowed.join(', ')}`, {
      hint: 'correct the label, say in data.cleaning.label_map what it is, or add it to data.classes',
      facts: { places, allowed },
    });
  },
  nothingUsable: ({
    path,
    split,
    dropped,
  }: {
    path: string;
    split: 'train' | 'eval';
    dropped: Readonly<Record<string, number>>;
  }) => {
    const reasons = Object.entries(dropped).map(([rule, count]) => `${rule} dropped ${count}`);
    return new AppError(
      'DATA_NOTHING_USABLE',
      `${path}: no usable image is left to ${split === 'train' ? 'train' : 'evaluate'} on (${reasons.join(', ') || 'none found'})`,
      {
        hint: 'detdistill clean DATASET --dry-run shows why, image by image',
        facts: { path, dropped },
      },
    );
  },

  // evaluation
  cocoEntryInvalid: (facts: { place: string; key: string; value: unknown; allowed: string }) =>
    new AppError(
      'COCO_ENTRY_INVALID',
      `${facts.place}.${facts.key}: ${shown(facts.value)}, must be ${facts.allowed}`,
      { facts: { ...facts, value: shown(facts.value) } },
    ),

  suggestionUnusable: (path: string, allowed: readonly string[]) =>
    new AppError('SUGGESTION_UNUSABLE', `suggested ${path}: no key that advice may change here`, {
      hint: `allowed: ${allowed.join(', ')}`,
      facts: { path },
    }),

  // store
  storeUnconfigured: (url: string) =>
    new AppError('STORE_UNCONFIGURED', `${url}: no address or keys for it`, {
      hint: 'set S3_ENDPOINT, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
      facts: { url },
    }),
  storeUrlInvalid: (url: string) =>
    new AppError('STORE_URL_INVALID', `${url}: no store; allowed: file:///FOLDER or s3://BUCKET/PREFIX`, {
      facts: { url },
    }),
  storeFailed: (url: string, cause: unknown) =>
    new AppError('STORE_FAILED', `${url}: ${messageOf(cause)}`, { retryable: true, cause, facts: { url } }),
  storeRefused: (url: string, cause: unknown) =>
    new AppError('STORE_REFUSED', `${url}: refused: ${messageOf(cause)}`, {
      hint: 'check the keys and what they may do, or the owner of the folder',
      cause,
      facts: { url },
    }),
  storeEndpointInvalid: (endpoint: string) =>
    new AppError(
      'STORE_ENDPOINT_INVALID',
      `S3_ENDPOINT=${endpoint}: no address; allowed: http://HOST:PORT or https://HOST`,
      { facts: { endpoint } },
    ),
  storeKeyInvalid: (key: string) =>
    new AppError(
      'STORE_KEY_INVALID',
      `"${key}" is no key; allowed: names of letters, digits, "_", "-", joined by "/", 500 characters in all`,
      { facts: { key } },
    ),
  storeSourceUnreadable: (folder: string, cause: unknown) =>
    new AppError('STORE_SOURCE_UNREADABLE', `${folder}: ${messageOf(cause)}`, { cause, facts: { folder } }),
  storeSourceUnusable: (path: string, what: string) =>
    new AppError('STORE_SOURCE_UNUSABLE', `${path}: ${what}; an artifact is made of files`, {
      facts: { path },
    }),
  storeSourceChanged: (path: string) =>
    new AppError('STORE_SOURCE_CHANGED', `${path}: was written to while it was being stored`, {
      retryable: true,
      facts: { path },
    }),
  artifactElsewhere: (uri: string, url: string) =>
    new AppError('ARTIFACT_ELSEWHERE', `${uri}: not in the store ${url}`, {
      hint: 'every worker of a run needs the same DETDISTILL_STORE',
      facts: { uri, url },
    }),
  artifactMissing: (uri: string, hash: string) =>
    new AppError('ARTIFACT_MISSING', `${uri}: the artifact with hash ${hash} is not there any more`, {
      hint: 'start the run again: the stage that makes it is repeated',
      facts: { uri, hash },
    }),
  artifactDamaged: (facts: { file: string; expected: string; found: string }) =>
    new AppError('ARTIFACT_DAMAGED', `${facts.file}: hash ${facts.found}, expected ${facts.expected}`, {
      hint: 'remove the artifact: the stage that makes it is then repeated',
      facts,
    }),

  // weights
  weightsRefused: (file: string, what: string) =>
    new AppError('WEIGHTS_REFUSED', `${file}: asks for ${what}; only tensors are read from such files`, {
      facts: { file, what },
    }),
  weightsUnknownFormat: (file: string) =>
    new AppError(
      'WEIGHTS_UNKNOWN_FORMAT',
      `${file}: neither a TensorFlow checkpoint, a Keras HDF5 file nor a PyTorch state file`,
      {
        hint: 'name a checkpoint by its prefix, as in model.ckpt-1200',
        facts: { file },
      },
    ),
  checkpointUnreadable: (file: string, cause: unknown) =>
    new AppError('CHECKPOINT_UNREADABLE', `${file}: ${messageOf(cause)}`, { cause, facts: { file } }),

  checkpointForeign: ({ checkpoint, model_name, extra }: ForeignCheckpoint) =>
    new AppError(
      'CHECKPOINT_FOREIGN',
      `${checkpoint}: none of its ${extra.length} tensors is a variable of ${model_name}: ${firstFew(extra)}`,
      { hint: 'name the model that it was saved from: --model_name', facts: { checkpoint, model_name } },
    ),
  checkpointIncomplete: (facts: IncompleteCheckpoint) => {
    const { checkpoint, model_name, missing, mismatched, extra } = facts;
    const shapes = mismatched.map(
      ({ name, expected, found }) => `${name} [${found.join(', ')}], not [${expected.join(', ')}]`,
    );
    const parts = [
      missing.length > 0 && `${missing.length} missing: ${firstFew(missing)}`,
      shapes.length > 0 && `${shapes.length} of another shape: ${firstFew(shapes)}`,
      extra.length > 0 && `${extra.length} not needed: ${firstFew(extra)}`,
    ];
    return new AppError(
      'CHECKPOINT_INCOMPLETE',
      `${checkpoint} is not exactly ${model_name}: ${parts.filter(Boolean).join('; ')}`,
      { hint: 'without --strict the rest is adopted, and what is missing starts fresh', facts: { ...facts } },
    );
  },

  // training
  diverged: (facts: { step: number; rollbacks: number; reason: string }) =>
    new AppError(
      'TRAINING_DIVERGED',
      `step ${facts.step}: ${facts.reason}, again after ${facts.rollbacks} roll-backs`,
      {
        hint: 'lower hparams.learning_rate or the distillation weights, and look at the labels: detdistill clean DATASET --dry-run',
        facts,
      },
    ),
  checkpointsLost: (step: number, skipped: readonly string[]) =>
    new AppError(
      'CHECKPOINTS_LOST',
      `step ${step} has to be undone, but no checkpoint can be read: ${skipped.join('; ') || 'there is none'}`,
      { hint: 'start the run again: the stage begins anew', facts: { step, skipped } },
    ),
  teacherUnfit: (reason: string, facts: Record<string, unknown>) =>
    new AppError('TEACHER_UNFIT', `the teacher cannot teach: ${reason}`, {
      hint: 'train the teacher longer, take a larger one, or set distillation.use_offline_kd to false',
      facts,
    }),
  previousUnfit: (pretrained: string) =>
    new AppError('PREVIOUS_UNFIT', `${pretrained}: its answers to a first batch are not finite`, {
      hint: 'name another version as student.pretrained, or none: coco, imagenet',
      facts: { pretrained },
    }),
  stopped: (step: number) =>
    new AppError('STOPPED', `stopped at step ${step}; a checkpoint is saved`, {
      retryable: true,
      facts: { step },
    }),

  // models
  modelUnreadable: (file: string, cause: unknown) =>
    new AppError('MODEL_UNREADABLE', `${file}: ${messageOf(cause)}`, {
      cause,
      hint: 'name the folder that holds model.json and saved_model.pb',
      facts: { file },
    }),
  onnxNetworkMissing: (folder: string) =>
    new AppError('ONNX_NETWORK_MISSING', `${folder}: has no network.onnx`, {
      hint: 'export the model again, or set DETDISTILL_ENGINE to auto',
      facts: { folder },
    }),
  weightMissing: (name: string) =>
    new AppError('WEIGHT_MISSING', `the checkpoint has no variable ${name}`, { facts: { name } }),

  // evaluation
  reportUnreadable: (file: string, cause: unknown) =>
    new AppError('REPORT_UNREADABLE', `${file}: ${messageOf(cause)}`, { cause, facts: { file } }),
  classesDiffer: (model: readonly string[], dataset: readonly string[]) =>
    new AppError(
      'CLASSES_DIFFER',
      `the model knows ${model.join(', ')}, the data set has ${dataset.join(', ')}`,
      {
        hint: 'set data.classes to the classes of the model, in its order',
        facts: { model, dataset },
      },
    ),

  // processes
  trainerCrashed: (facts: { how: string; lastWords: string }) =>
    new AppError(
      'TRAINER_CRASHED',
      `the trainer process ended by itself (${facts.how})${facts.lastWords ? `: ${facts.lastWords}` : ''}`,
      {
        retryable: true,
        facts,
      },
    ),
  trainerHung: (facts: { phase: string; seconds: number }) =>
    new AppError('TRAINER_HUNG', `no progress in phase ${facts.phase} for ${facts.seconds} s`, {
      retryable: true,
      facts,
    }),
  noProgress: (step: number) =>
    new AppError('NO_PROGRESS', `three attempts in a row began at step ${step} and saved nothing`, {
      hint: 'the log of the trainer shows what ends it; less memory: a smaller train_batch_size',
      facts: { step },
    }),
  serverUnreachable: (address: string, cause: unknown) =>
    new AppError('SERVER_UNREACHABLE', `${address}: no Temporal server answers`, {
      retryable: true,
      cause,
      hint: 'start one with detdistill dev, or set TEMPORAL_ADDRESS',
      facts: { address },
    }),
  serverFailed: (facts: { port: number; lastWords: string }) =>
    new AppError(
      'SERVER_FAILED',
      `Temporal's server did not start on port ${facts.port}: ${facts.lastWords || 'it said nothing'}`,
      {
        hint: 'is the port in use? Set DETDISTILL_PORT to another',
        facts,
      },
    ),
  serverAlreadyRunning: (port: number) =>
    new AppError('SERVER_ALREADY_RUNNING', `a Temporal server answers on port ${port} already`, {
      hint: `use it with TEMPORAL_ADDRESS=127.0.0.1:${port}, or set DETDISTILL_PORT to another port`,
      facts: { port },
    }),
  portInUse: (port: number) =>
    new AppError('PORT_IN_USE', `port ${port} is used by another program`, {
      hint: 'set DETDISTILL_PORT to a free port',
      facts: { port },
    }),
  serverRefused: (address: string, cause: unknown) =>
    new AppError('SERVER_REFUSED', `${address}: ${messageOf(cause)}`, { cause, facts: { address } }),
  namespaceMissing: (namespace: string, address: string) =>
    new AppError('NAMESPACE_MISSING', `${address}: there is no namespace ${namespace}`, {
      hint: 'create it with: temporal operator namespace create --retention 90d NAMESPACE, or set TEMPORAL_NAMESPACE',
      facts: { namespace, address },
    }),
  stageTimedOut: (facts: { stage: string; reason: string }) =>
    new AppError('STAGE_TIMED_OUT', `${facts.stage}: ${facts.reason}`, {
      hint: 'start the run again: it goes on where it was; the logs of the workers show what was slow',
      facts,
    }),
  runDiffers: (id: string) =>
    new AppError('RUN_DIFFERS', `${id}: a run of this name with another configuration has not ended`, {
      hint: `end it with detdistill cancel ${id}, or give this one another name`,
      facts: { id },
    }),
  /** The system's own errors (a full disk, a lost file) may pass; a mistake of ours repeats itself. */
  unexpected: (error: unknown) =>
    new AppError('UNEXPECTED', messageOf(error), {
      retryable: error instanceof Error && 'syscall' in error,
      cause: error,
      facts: { stack: error instanceof Error ? error.stack : undefined },
    }),
  runCancelled: () =>
    new AppError('RUN_CANCELLED', 'the run was cancelled', {
      hint: 'start it again: it goes on from its last checkpoint',
    }),
  interrupted: () =>
    new AppError('INTERRUPTED', 'stopped by hand', { hint: 'start it again: it goes on where it was' }),
  runMissing: (id: string) =>
    new AppError('RUN_MISSING', `${id}: there is no such run`, {
      hint: 'detdistill list shows the runs',
      facts: { id },
    }),

  // serving
  requestInvalid: (place: string, problem: string) =>
    new AppError('REQUEST_INVALID', `${place}: ${problem}`, { facts: { place } }),
  requestTooLarge: (place: string, problem: string) =>
    new AppError('REQUEST_TOO_LARGE', `${place}: ${problem}`, { facts: { place } }),
  routeMissing: (method: string, url: string) =>
    new AppError('ROUTE_MISSING', `${method} ${url}: no such address`, { facts: { method, url } }),
  servableMissing: (named: string, served: readonly string[]) =>
    new AppError('SERVABLE_MISSING', `${named} is not served here; there is ${served.join(', ')}`, {
      facts: { named, served },
    }),
  servableUnready: (named: string, problem: string) =>
    new AppError('SERVABLE_UNREADY', `${named}: ${problem}`, { retryable: true, facts: { named } }),
  serverBusy: (waiting: number, limit: number) =>
    new AppError('SERVER_BUSY', `the queue is full: ${waiting} images, at most ${limit}`, {
      retryable: true,
      facts: { waiting, limit },
    }),
  requestTimedOut: (seconds: number) =>
    new AppError('REQUEST_TIMED_OUT', `no answer within ${seconds} s`, {
      retryable: true,
      facts: { seconds },
    }),
  /** Without the last words: whoever asks over HTTP need not read what the native library said. */
  detectorCrashed: (facts: { named: string; how: string; lastWords: string }) =>
    new AppError('DETECTOR_CRASHED', `${facts.named}: the process of the model ended (${facts.how})`, {
      retryable: true,
      facts,
    }),
  addressUnusable: (address: string, cause: unknown) =>
    new AppError('ADDRESS_UNUSABLE', `${address}: ${messageOf(cause)}`, {
      cause,
      hint: 'name another with --host and --port; --port 0 takes any that is free',
      facts: { address },
    }),

  // recording
  kernelUnsupported: (kernel: string) =>
    new AppError('KERNEL_UNSUPPORTED', `kernel ${kernel} cannot be recorded`, {
      hint: 'add it to src/graph/kernels; CONTRIBUTING shows how',
      facts: { kernel },
    }),
  onnxUnsupported: (operation: string, use: string) =>
    new AppError('ONNX_UNSUPPORTED', `${operation} ${use} cannot be said in ONNX`, {
      hint: 'add it to src/export/onnx/operations.ts',
      facts: { operation },
    }),
  onnxSoftSuppression: () =>
    new AppError('ONNX_SOFT_SUPPRESSION', 'nms_configs.method gaussian: ONNX has no operator for it', {
      hint: 'export the model as saved-model, or its network alone as onnx-network',
    }),
  notRecording: () => new AppError('NOT_RECORDING', 'no graph is being recorded'),
  tensorNotRecorded: (shape: readonly number[]) =>
    new AppError(
      'TENSOR_NOT_RECORDED',
      `a tensor of shape [${shape.join(', ')}] belongs to another backend`,
      {
        hint: 'make it inside the recorded function',
      },
    ),
  valueWhileRecording: () =>
    new AppError('VALUE_WHILE_RECORDING', 'a tensor has no value while a program is being recorded', {
      hint: 'compute with tensors, not with numbers read from them',
    }),

  // native parts
  nativePartUnavailable: (facts: { part: string; attempts: readonly ProvideAttempt[]; byHand: string }) =>
    new AppError(
      'NATIVE_PART_UNAVAILABLE',
      [
        `${facts.part} could not be provided; tried:`,
        ...facts.attempts.map(({ what, message }) => `${what}: ${message.replaceAll('\n', '\n    ')}`),
      ].join('\n  '),
      { retryable: facts.attempts.some(({ network }) => network), hint: facts.byHand, facts },
    ),
  nativePlatformUnsupported: (facts: {
    part: string;
    platform: string;
    supported: readonly string[];
    byHand: string;
  }) =>
    new AppError(
      'NATIVE_PLATFORM_UNSUPPORTED',
      `${facts.part}: nothing is published for ${facts.platform}; there is ${facts.supported.join(', ')}`,
      { hint: facts.byHand, facts },
    ),
  nativeHashMismatch: (facts: {
    part: string;
    file: string;
    bytes: number;
    expected: string;
    found: string;
    byHand: string;
  }) =>
    new AppError(
      'NATIVE_HASH_MISMATCH',
      `${facts.part}: ${facts.file} (${facts.bytes} bytes) has sha256 ${facts.found}, must be ${facts.expected}; the download was removed`,
      { hint: `try again on another network, or ${facts.byHand}`, facts },
    ),
  nativeMembersMissing: (facts: { part: string; members: readonly string[]; byHand: string }) =>
    new AppError(
      'NATIVE_MEMBERS_MISSING',
      `${facts.part}: the package holds nothing under ${facts.members.join(', ')}`,
      { hint: facts.byHand, facts },
    ),
  nativePathInvalid: (facts: { variable: string; value: string; missing: readonly string[] }) =>
    new AppError(
      'NATIVE_PATH_INVALID',
      `${facts.variable}=${facts.value}: ${facts.missing.join(', ')} not found there`,
      { hint: `correct ${facts.variable}, or unset it to have the part provided`, facts },
    ),
  nativeToolMissing: (facts: { part: string; tool: string; install: string }) =>
    new AppError('NATIVE_TOOL_MISSING', `${facts.part} needs ${facts.tool}, which is not on PATH`, {
      hint: facts.install,
      facts,
    }),
  nativeAddonBroken: (facts: { what: string; library: string }, cause: unknown) =>
    new AppError(
      'NATIVE_ADDON_BROKEN',
      `${facts.what} (TensorFlow of ${facts.library}): ${messageOf(cause)}`,
      {
        hint: 'set DETDISTILL_LIBTENSORFLOW to another TensorFlow 2',
        cause,
        facts,
      },
    ),
  nativeLinkRefused: (facts: { path: string }, cause: unknown) =>
    new AppError('NATIVE_LINK_REFUSED', `${facts.path} cannot be written: ${messageOf(cause)}`, {
      hint: 'run `detdistill setup` once as the owner of that folder',
      cause,
      facts,
    }),
  onnxruntimeNotProvided: (cause: unknown) =>
    new AppError('ONNXRUNTIME_NOT_PROVIDED', `onnxruntime cannot be loaded: ${messageOf(cause)}`, {
      hint: 'set DETDISTILL_ENGINE to tensorflow, or to auto',
      cause,
    }),
  tensorflowNotProvided: (facts: { path: string }, cause: unknown) =>
    new AppError(
      'TENSORFLOW_NOT_PROVIDED',
      `TensorFlow cannot be loaded from ${facts.path}: ${messageOf(cause)}`,
      {
        hint: 'run `detdistill setup`',
        cause,
        facts,
      },
    ),
} satisfies Record<string, (...facts: never[]) => AppError>;
