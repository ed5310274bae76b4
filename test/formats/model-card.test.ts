import { describe, expect, it } from 'vitest';
import { assertSameClasses } from '../../src/formats/model-card.js';

const refusal = (reason: string): Error =>
  expect.objectContaining({
    code: 'TEACHER_UNFIT',
    retryable: false,
    message: `teacher rejected: ${reason}`,
  }) as Error;

describe('the classes of a teacher', () => {
  it('are those of the data set, in their order, or not known yet', () => {
    expect(() => assertSameClasses(['cat', 'dog'], ['cat', 'dog'])).not.toThrow();
    expect(() => assertSameClasses(['cat', 'dog'], null)).not.toThrow();
  });

  it.each([
    [
      ['cat', 'fox'],
      'it knows fox, which the data set does not have; the data set has dog, which it does not know',
    ],
    [['cat'], 'the data set has dog, which it does not know'],
    [['cat', 'dog', 'elk'], 'it knows elk, which the data set does not have'],
    [['dog', 'cat'], 'it knows them in the order dog, cat, the data set in cat, dog'],
  ])('%j differ from cat, dog', (classes, reason) => {
    expect(() => assertSameClasses(classes, ['cat', 'dog'])).toThrow(refusal(reason));
  });

  it('are listed whole for programs, however many', () => {
    const classes = Array.from({ length: 9 }, (_, i) => `class ${i}`);
    expect(() => assertSameClasses(classes, ['cat'])).toThrow(
      expect.objectContaining({ facts: { teacher: classes, classes: ['cat'] } }) as Error,
    );
  });
});
