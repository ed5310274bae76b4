import { expect, it } from 'vitest';
import { secondsLeft } from '../../src/training/time-left.js';

it('of a run goes on at its pace, with the teacher’s time only where it is still asked', () => {
  // 2 s a step, and 1 s more where the teacher answers.
  const end = { steps: 80, toAsk: 0 };
  expect(secondsLeft({ steps: 10, seconds: 30, asked: { steps: 10, seconds: 10 } }, end)).toBe(160);
  expect(
    secondsLeft({ steps: 10, seconds: 30, asked: { steps: 10, seconds: 10 } }, { steps: 90, toAsk: 20 }),
  ).toBe(200);
  expect(secondsLeft({ steps: 40, seconds: 90, asked: { steps: 10, seconds: 10 } }, end)).toBe(160);
  expect(secondsLeft({ steps: 5, seconds: 10, asked: { steps: 0, seconds: 0 } }, end)).toBe(160);
});
