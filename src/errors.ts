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

/** The text of anything thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/**
 * The catalogue: one entry an error, message = place, value found, what is allowed. `retryable` is decided here:
 * a wrong label must fail at once, a lost connection must not.
 */
export const errors = {
  // configuration
  configInvalid: (source: string, issues: readonly string[]) =>
    new AppError('CONFIG_INVALID', `${source}:\n  ${issues.join('\n  ')}`, { facts: { source, issues } }),
  configUnreadable: (source: string, cause: unknown) =>
    new AppError('CONFIG_UNREADABLE', `${source}: ${messageOf(cause)}`, { cause, facts: { source } }),

  // recording
  kernelUnsupported: (kernel: string) =>
    new AppError('KERNEL_UNSUPPORTED', `kernel ${kernel} cannot be recorded`, {
      hint: 'add it to src/graph/kernels; CONTRIBUTING shows how',
      facts: { kernel },
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
};
