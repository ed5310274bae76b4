import { describe, expect, it } from 'vitest';
import { familyOf } from '../../src/config/families.js';
import { anchorOptions } from '../../src/detection/anchors.js';
import { Hparams } from '../../src/config/run.js';
import { type Teacher, validateTeacher } from '../../src/training/teacher.js';

const { normalisation, ...family } = familyOf('efficientdet-d0');
const anchors = anchorOptions({ ...family, normalisation }, Hparams.parse({}).aspect_ratios);
const TEACHER: Teacher = { frozen: new Uint8Array(), classes: ['tree'], anchors, normalisation, AP: 0.3 };
const STUDENT = { classes: ['tree'], anchors, AP: 0.1, undistilledAP: null };

const validate = (
  teacher: Partial<Teacher>,
  student: Partial<typeof STUDENT> | { undistilledAP: number } = {},
) => validateTeacher({ ...TEACHER, ...teacher }, { ...STUDENT, ...student }, true);

describe('a teacher', () => {
  it('that is better by .01 AP is accepted', () => {
    expect(validate({})).toBeNull();
    expect(validate({}, { undistilledAP: 0.29 })).toBeNull();
  });

  it('that is hardly better than the untrained student is accepted with a warning', () => {
    expect(validate({ AP: 0.109 })).toMatch(/^the teacher has an AP of 0.109 .* hardly anything to teach/);
  });

  it.each([
    [
      'the student before training',
      { AP: 0.1 },
      {},
      /AP of 0.100 .* is not above that of the untrained student, 0.100/,
    ],
    [
      'a student that has learned without it',
      {},
      { undistilledAP: 0.295 },
      /not 0.01 above that of the student trained without it, 0.295/,
    ],
  ])('that is no better than %s is refused', (_, teacher, student, message) => {
    expect(() => validate(teacher, student)).toThrow(
      expect.objectContaining({
        code: 'TEACHER_UNFIT',
        retryable: false,
        message: expect.stringMatching(message) as string,
      }),
    );
  });

  it.each([
    ['classes', { classes: ['shrub'] }, /it knows shrub/],
    ['anchors', { anchors: { ...anchors, anchorScale: 5 } }, /its anchors are of scale 5/],
  ])('of other %s is refused', (_, teacher, message) => {
    expect(() => validate(teacher)).toThrow(message);
  });

  it('whose outputs are not finite is refused', () => {
    expect(() => validateTeacher(TEACHER, STUDENT, false)).toThrow(
      'its outputs for a first batch are not finite',
    );
  });
});
