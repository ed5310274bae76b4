import { AppError, type Catalogue, messageOf } from './app-error.js';

/** One attempt to provide a native part, and why it failed. */
export interface ProvideAttempt {
  readonly what: string;
  readonly message: string;
  /** Whether the connection failed, so that a later attempt may succeed. */
  readonly network: boolean;
}

export const nativeErrors = {
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
      `${facts.part}: no build is published for ${facts.platform}; available: ${facts.supported.join(', ')}`,
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
      `${facts.part}: the package contains nothing under ${facts.members.join(', ')}`,
      { hint: facts.byHand, facts },
    ),
  nativePathInvalid: (facts: { variable: string; value: string; missing: readonly string[] }) =>
    new AppError(
      'NATIVE_PATH_INVALID',
      `${facts.variable}=${facts.value}: ${facts.missing.join(', ')} not found there`,
      { hint: `correct ${facts.variable}, or unset it to have the part downloaded`, facts },
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
} satisfies Catalogue;
