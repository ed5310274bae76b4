import { MIN_TEACHER_LEAD } from '../config/distillation.js';
import type { Normalisation } from '../config/families.js';
import type { AnchorOptions } from '../detection/anchors.js';
import { assertSameClasses } from '../formats/model-card.js';
import { type AppError, errors } from '../errors/index.js';

export interface Teacher {
  /** The frozen network's bytes, recorded at the student's input size. */
  readonly frozen: Uint8Array;
  readonly classes: readonly string[];
  /** AP at the student's input size, on the evaluation split. */
  readonly AP: number;
  readonly anchors: AnchorOptions;
  readonly normalisation: Normalisation;
}

interface Student {
  readonly classes: readonly string[];
  readonly anchors: AnchorOptions;
  /** AP before the first step. */
  readonly AP: number;
  /** AP of the same student trained without a teacher on the same data; null: no such training is known. */
  readonly undistilledAP: number | null;
}

const describeAnchors = ({ anchorScale, minLevel, maxLevel, aspectRatios }: AnchorOptions): string =>
  `scale ${anchorScale}, levels ${minLevel} to ${maxLevel}, aspect ratios ${JSON.stringify(aspectRatios)}`;

/**
 * Refuses a teacher that is no better than the student, that has other classes or anchors, or whose outputs are not finite:
 * distillation would only do harm.
 *
 * @param isFinite whether the teacher's outputs for a first batch are finite
 * @returns a warning about a teacher that is hardly better than the untrained student; null: it is better
 * @throws TEACHER_UNFIT
 */
export function validateTeacher(teacher: Teacher, student: Student, isFinite: boolean): string | null {
  assertSameClasses(teacher.classes, student.classes);
  const [theirs, ours] = [describeAnchors(teacher.anchors), describeAnchors(student.anchors)];
  if (theirs !== ours)
    throw errors.teacherUnfit(`its anchors are of ${theirs}, the student's of ${ours}`, { theirs, ours });
  const { undistilledAP } = student;
  if (undistilledAP !== null && teacher.AP < undistilledAP + MIN_TEACHER_LEAD)
    throw noLead(
      teacher.AP,
      undistilledAP,
      `not ${MIN_TEACHER_LEAD} above that of the student trained without it`,
    );
  if (teacher.AP <= student.AP)
    throw noLead(teacher.AP, student.AP, 'not above that of the untrained student');
  if (!isFinite) throw errors.teacherUnfit('its outputs for a first batch are not finite', {});
  if (teacher.AP >= student.AP + MIN_TEACHER_LEAD) return null;
  return `the teacher has an AP of ${teacher.AP.toFixed(3)} at the student's input size, and hardly anything to teach: train it longer`;
}

const noLead = (teacher: number, student: number, what: string): AppError =>
  errors.teacherUnfit(
    `its AP of ${teacher.toFixed(3)} at the student's input size is ${what}, ${student.toFixed(3)}`,
    { teacher, student },
  );
