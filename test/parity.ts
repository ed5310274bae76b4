import { appendFileSync } from 'node:fs';
import { relative } from 'node:path';
import { expect } from 'vitest';

export interface Parity {
  readonly item: string;
  /** Whose numbers these are. */
  readonly reference: string;
  readonly cases: number;
  /** The largest difference found, and what it is measured in: what the values are divided by, or their unit. */
  readonly error: number;
  readonly measure:
    'absolute' | 'relative' | 'of the largest value' | 'pixels' | 'grey levels' | 'differences';
  readonly limit: number;
}

/** Where `npm run parity` collects what the tests measured. */
export const PARITY_LOG = 'DETDISTILL_PARITY_LOG';

/** Numbers that are someone else's too: fails above the limit, and leaves the measurement for docs/parity.md. */
export function expectParity(parity: Parity): void {
  const log = process.env[PARITY_LOG];
  const test = relative(process.cwd(), expect.getState().testPath ?? '');
  if (log) appendFileSync(log, `${JSON.stringify({ ...parity, test })}\n`);
  expect(parity.cases).toBeGreaterThan(0);
  expect(parity.error, parity.item).toBeLessThanOrEqual(parity.limit);
}

/** Largest difference of two lists, as it is or divided by the largest expected value. */
export function largestError(
  found: ArrayLike<number>,
  expected: ArrayLike<number>,
  scale: 'absolute' | 'of the largest value' = 'absolute',
): number {
  expect(found.length).toBe(expected.length);
  let [error, largest] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(found[i]! - expected[i]!);
    if (Number.isNaN(difference)) return NaN;
    error = Math.max(error, difference);
    largest = Math.max(largest, Math.abs(expected[i]!));
  }
  return scale === 'absolute' ? error : error / Math.max(largest, Number.MIN_VALUE);
}
