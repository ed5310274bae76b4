/** The part of an error that programs may read. It crosses process and network borders unchanged. */
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

/** A failure that the product names itself. Only the catalogue (`index.ts`) creates instances. */
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

/** Returns the message of any thrown value. */
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

/** A schema error's own message is JSON. Its first issue is enough for people. */
function schemaMessage([first, ...rest]: readonly SchemaIssue[]): string {
  if (!first) return 'does not have the expected form';
  const others = rest.length > 0 ? ` (and ${rest.length} more)` : '';
  return `${first.path.map(String).join('.') || '(top)'}: ${first.message}${others}`;
}

/** Shortens a list so that it fits into a sentence. */
export const firstFew = (names: readonly string[]): string =>
  names.length > 4 ? `${names.slice(0, 3).join(', ')}, …` : names.join(', ');

/** The entries of one section of the catalogue. */
export type Catalogue = Readonly<Record<string, (...facts: never[]) => AppError>>;
