import type { ErrorType } from '../formats/report.js';
import type { MatchedScene } from './coco.js';
import type { BboxXywh } from '../formats/coco.js';
import { overlap } from './matching.js';

export type AlarmKind = Exclude<ErrorType, 'miss'>;

/** IoU from which a box is found, and up to which it is not even near. */
export const FOREGROUND = 0.5;
export const BACKGROUND = 0.1;

export interface JudgedDetection {
  readonly score: number;
  /** Positions in the scene's images and classes. */
  readonly image: number;
  readonly classAt: number;
  readonly verdict: 'hit' | 'ignored' | AlarmKind;
  /** Index of the annotation that it is about; -1: of none. */
  readonly about: number;
}

/** A box that should have been found and was not. */
export interface LostBox {
  readonly annotation: number;
  /** Why, seen from the box: named wrongly, placed badly, or nothing there. */
  readonly reason: 'cls' | 'loc' | 'bkg';
  /** No class or location error could be repaired to find it: TIDE's "missed". */
  readonly missed: boolean;
  /** Class position that its best wrongly named detection gave it; -1: none. */
  readonly foundAs: number;
}

export interface Judgement {
  readonly detections: readonly JudgedDetection[];
  readonly lost: readonly LostBox[];
}

interface Answer {
  readonly score: number;
  readonly classAt: number;
  readonly bbox: BboxXywh;
  readonly hit: number;
  readonly ignored: boolean;
}

interface Box {
  readonly annotation: number;
  readonly classAt: number;
  readonly bbox: BboxXywh;
}

/** Every detection from a score on, and every box that they leave, with what is wrong. */
export function judge(scene: MatchedScene, minScore: number): Judgement {
  const answers = answersByImage(scene, minScore);
  const boxes = boxesByImage(scene);
  const detections: JudgedDetection[] = [];
  const lost: LostBox[] = [];
  scene.images.forEach((_, image) => {
    const judged = judgeImage(answers[image]!, boxes[image]!);
    for (const one of judged) detections.push({ ...one, image });
    for (const one of lostBoxes(judged, { answers: answers[image]!, boxes: boxes[image]! })) lost.push(one);
  });
  return { detections, lost };
}

function answersByImage(
  { images, matched, detections, foundImage }: MatchedScene,
  minScore: number,
): Answer[][] {
  const lists = images.map((): Answer[] => []);
  matched.forEach(({ found, hits, areas }, classAt) =>
    found.forEach((index, d) => {
      const { score, bbox } = detections[index]!;
      if (score < minScore) return;
      const ignored = areas.all.values[d] === -1;
      lists[foundImage[index]!]!.push({ score, classAt, bbox, hit: hits[d]!, ignored });
    }),
  );
  return lists;
}

function boxesByImage({ images, matched, truth, truthImage }: MatchedScene): Box[][] {
  const lists = images.map((): Box[] => []);
  matched.forEach(({ truths }, classAt) =>
    truths.forEach(annotation => {
      const { bbox, iscrowd } = truth.annotations[annotation]!;
      if (iscrowd === 0) lists[truthImage[annotation]!]!.push({ annotation, classAt, bbox });
    }),
  );
  return lists;
}

type JudgedInImage = Omit<JudgedDetection, 'image'>;

function judgeImage(answers: readonly Answer[], boxes: readonly Box[]): JudgedInImage[] {
  const used = new Set(answers.filter(({ hit }) => hit >= 0).map(({ hit }) => hit));
  return answers.map(answer => {
    const { score, classAt, hit, ignored } = answer;
    if (hit >= 0) return { score, classAt, verdict: 'hit', about: hit };
    if (ignored) return { score, classAt, verdict: 'ignored', about: -1 };
    return { score, classAt, ...alarmOf(answer, { boxes, used }) };
  });
}

/** The order of the questions is TIDE's. */
function alarmOf(
  { bbox, classAt }: Answer,
  { boxes, used }: { boxes: readonly Box[]; used: ReadonlySet<number> },
): { verdict: AlarmKind; about: number } {
  const same = nearest(bbox, boxes, box => box.classAt === classAt);
  if (same.iou >= BACKGROUND && same.iou <= FOREGROUND) return { verdict: 'loc', about: same.annotation };
  const other = nearest(bbox, boxes, box => box.classAt !== classAt);
  if (other.iou >= FOREGROUND) return { verdict: 'cls', about: other.annotation };
  const taken = nearest(bbox, boxes, box => box.classAt === classAt && used.has(box.annotation));
  if (taken.iou >= FOREGROUND) return { verdict: 'dup', about: taken.annotation };
  const any = same.iou > other.iou ? same : other;
  return any.iou <= BACKGROUND ? { verdict: 'bkg', about: -1 } : { verdict: 'both', about: any.annotation };
}

function nearest(
  bbox: BboxXywh,
  boxes: readonly Box[],
  isAsked: (box: Box) => boolean,
): { iou: number; annotation: number } {
  let best = { iou: 0, annotation: -1 };
  for (const box of boxes) {
    if (!isAsked(box)) continue;
    const iou = overlap(bbox, box.bbox, false);
    if (iou > best.iou) best = { iou, annotation: box.annotation };
  }
  return best;
}

function lostBoxes(
  judged: readonly JudgedInImage[],
  { answers, boxes }: { answers: readonly Answer[]; boxes: readonly Box[] },
): LostBox[] {
  const found = new Set(judged.filter(({ verdict }) => verdict === 'hit').map(({ about }) => about));
  const repairable = new Set(
    judged.filter(({ verdict }) => verdict === 'cls' || verdict === 'loc').map(({ about }) => about),
  );
  return boxes
    .filter(({ annotation }) => !found.has(annotation))
    .map(box => ({
      annotation: box.annotation,
      missed: !repairable.has(box.annotation),
      ...whyLost(box, answers),
    }));
}

function whyLost(box: Box, answers: readonly Answer[]): Pick<LostBox, 'reason' | 'foundAs'> {
  const near = answers.map(({ bbox, classAt, score }) => ({
    classAt,
    score,
    iou: overlap(bbox, box.bbox, false),
  }));
  const misnamed = near
    .filter(({ classAt, iou }) => classAt !== box.classAt && iou >= FOREGROUND)
    .reduce<{ classAt: number; score: number } | null>(
      (best, next) => (best && best.score >= next.score ? best : next),
      null,
    );
  if (misnamed) return { reason: 'cls', foundAs: misnamed.classAt };
  const isNear = near.some(({ classAt, iou }) => classAt === box.classAt && iou >= BACKGROUND);
  return { reason: isNear ? 'loc' : 'bkg', foundAs: -1 };
}
