import { errors } from '../errors.js';

export interface Teacher {
  /** The frozen network's bytes, recorded at the student's input size. */
  readonly frozen: Uint8Array;
  readonly classes: readonly string[];
  /** On the evaluation split. */
  readonly AP: number;
}

interface Entrance {
  readonly classes: readonly string[];
  /** Of the student before its first step. */
  readonly studentAP: number;
  /** Whether the teacher's answers to a first batch are finite. */
  readonly isFinite: boolean;
}

/** A teacher that knows less, other classes, or nothing finite would only do harm. */
export function assertFit(teacher: Teacher, { classes, studentAP, isFinite }: Entrance): void {
  const list = (names: readonly string[]): string => names.join(', ');
  if (list(teacher.classes) !== list(classes))
    throw errors.teacherUnfit(`it knows ${list(teacher.classes)}, the data set has ${list(classes)}`, {
      teacher: teacher.classes,
      classes,
    });
  if (!(teacher.AP > studentAP)) {
    const [own, other] = [teacher.AP.toFixed(3), studentAP.toFixed(3)];
    throw errors.teacherUnfit(`its AP ${own} does not beat the untrained student's ${other}`, {
      teacher: teacher.AP,
      student: studentAP,
    });
  }
  if (!isFinite) throw errors.teacherUnfit('its answers to a first batch are not finite', {});
}
