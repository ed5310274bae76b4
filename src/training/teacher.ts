import type { AnchorOptions } from '../detection/anchors.js';
import { assertSameClasses } from '../formats/model-card.js';
import { errors } from '../errors/index.js';

export interface Teacher {
  /** The frozen network's bytes, recorded at the student's input size. */
  readonly frozen: Uint8Array;
  readonly classes: readonly string[];
  /** On the evaluation split. */
  readonly AP: number;
  readonly anchors: AnchorOptions;
}

interface Entrance {
  readonly classes: readonly string[];
  readonly anchors: AnchorOptions;
  /** Of the student before its first step. */
  readonly studentAP: number;
  /** Whether the teacher's answers to a first batch are finite. */
  readonly isFinite: boolean;
}

const describeAnchors = ({ anchorScale, minLevel, maxLevel, aspectRatios }: AnchorOptions): string =>
  `scale ${anchorScale}, levels ${minLevel} to ${maxLevel}, aspect ratios ${JSON.stringify(aspectRatios)}`;

/** A teacher that knows less, other classes or anchors, or nothing finite would only do harm. */
export function assertFit(teacher: Teacher, { classes, anchors, studentAP, isFinite }: Entrance): void {
  assertSameClasses(teacher.classes, classes);
  const [theirs, ours] = [teacher.anchors, anchors].map(describeAnchors) as [string, string];
  if (theirs !== ours)
    throw errors.teacherUnfit(`its anchors are of ${theirs}, the student's of ${ours}`, { theirs, ours });
  if (!(teacher.AP > studentAP)) {
    const [own, other] = [teacher.AP.toFixed(3), studentAP.toFixed(3)];
    throw errors.teacherUnfit(`its AP ${own} does not beat the untrained student's ${other}`, {
      teacher: teacher.AP,
      student: studentAP,
    });
  }
  if (!isFinite) throw errors.teacherUnfit('its answers to a first batch are not finite', {});
}
