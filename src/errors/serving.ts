import { AppError, type Catalogue, messageOf } from './app-error.js';

export const servingErrors = {
  requestInvalid: (place: string, problem: string) =>
    new AppError('REQUEST_INVALID', `${place}: ${problem}`, { facts: { place } }),
  requestTooLarge: (place: string, problem: string) =>
    new AppError('REQUEST_TOO_LARGE', `${place}: ${problem}`, { facts: { place } }),
  routeMissing: (method: string, url: string) =>
    new AppError('ROUTE_MISSING', `${method} ${url}: no such route`, { facts: { method, url } }),
  servableMissing: (named: string, served: readonly string[]) =>
    new AppError('SERVABLE_MISSING', `${named} is not served; available: ${served.join(', ')}`, {
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
    new AppError('REQUEST_TIMED_OUT', `no response within ${seconds} s`, {
      retryable: true,
      facts: { seconds },
    }),
  /** The message leaves out the output of the native library, which is of no use to HTTP clients. */
  detectorCrashed: (facts: { named: string; how: string; outputTail: string }) =>
    new AppError('DETECTOR_CRASHED', `${facts.named}: the model process exited (${facts.how})`, {
      retryable: true,
      facts,
    }),
  addressUnusable: (address: string, cause: unknown) =>
    new AppError('ADDRESS_UNUSABLE', `${address}: ${messageOf(cause)}`, {
      cause,
      hint: 'choose another address with --host and --port; --port 0 selects a free port',
      facts: { address },
    }),
} satisfies Catalogue;
