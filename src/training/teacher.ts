import type { AnchorOptions } from '../detection/anchors.js';
import { assertSameClasses } from '../formats/model-card.js';
import { errors } from '../errors/index.js';

export interface Teacher {
  /** The frozen network's bytes, recorded at the student's input size. */
  readonly frozen: Uint8Array;
  readonly classes: readonly string[];
  /** AP on the evaluation split. */
  readonly AP: number;
  readonly anchors: AnchorOptions;
}

interface Student {
  readonly classes: readonly string[];
  readonly anchors: AnchorOptions;
  /** AP before the first step. */
  readonly AP: number;
}

const describeAnchors = ({ anchorScale, minLevel, maxLevel, aspectRatios }: AnchorOptions): string =>
  `scale ${anchorScale}, levels ${minLevel} to ${maxLevel}, aspect ratios ${JSON.stringify(aspectRatios)}`;

/**
 * Refuses a teacher that is worse than the student, that has other classes or anchors, or whose outputs are not finite: distillation
 * would only do harm.
 * @param isFinite whether the teacher's outputs for a first batch are finite
 */
export function validateTeacher(teacher: Teacher, student: Student, isFinite: boolean): void {
  assertSameClasses(teacher.classes, student.classes);
  const [theirs, ours] = [describeAnchors(teacher.anchors), describeAnchors(student.anchors)];
  if (theirs !== ours)
    throw errors.teacherUnfit(`its anchors are of ${theirs}, the student's of ${ours}`, { theirs, ours });
  if (!(teacher.AP > student.AP)) {
    const [own, other] = [teacher.AP.toFixed(3), student.AP.toFixed(3)];
    throw errors.teacherUnfit(`its AP ${own} does not beat the untrained student's ${other}`, {
      teacher: teacher.AP,
      student: student.AP,
    });
  }
  if (!isFinite) throw errors.teacherUnfit('its outputs for a first batch are not finite', {});
}
