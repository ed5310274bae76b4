import { expect, it } from 'vitest';
import { secondsLeft } from '../../src/training/journal.js';

it('the time left assumes the pace so far, with the teacher’s time only for steps in which it still runs', () => {
  // 2 s a step, and 1 s more where the teacher runs.
  const end = { steps: 80, withInference: 0 };
  expect(secondsLeft({ steps: 10, seconds: 30, inference: { steps: 10, seconds: 10 } }, end)).toBe(160);
  expect(
    secondsLeft(
      { steps: 10, seconds: 30, inference: { steps: 10, seconds: 10 } },
      { steps: 90, withInference: 20 },
    ),
  ).toBe(200);
  expect(secondsLeft({ steps: 40, seconds: 90, inference: { steps: 10, seconds: 10 } }, end)).toBe(160);
  expect(secondsLeft({ steps: 5, seconds: 10, inference: { steps: 0, seconds: 0 } }, end)).toBe(160);
});
