import type { BoxYxyx } from '../boxes.js';
import { ANCHORS_PER_CELL } from '../config/families.js';
import type { AnchorGrid } from './anchors.js';
import { encodeBox } from './box-coder.js';

/** The class target of an anchor that shows no labelled object. */
export const BACKGROUND = -1;
/** The class target of an anchor that is neither object nor background: it has no part in the loss of classes. */
export const IGNORED = -2;

export interface Targets {
  /** [anchors]: class index, BACKGROUND or IGNORED. */
  readonly classTargets: Int32Array;
  /** [anchors, 4]: ty, tx, th, tw; 0 where nothing is matched. */
  readonly boxTargets: Float32Array;
  readonly numPositives: number;
}

export interface TargetBox {
  readonly box: BoxYxyx;
  readonly classIndex: number;
}

/** A region whose objects are known, but are not to be learned. */
export interface IgnoredBox {
  readonly box: BoxYxyx;
  /** true: several objects, each smaller than the box; false: one object. */
  readonly crowd: boolean;
}

/** The least IoU of an anchor with the box that it is matched to. */
const MATCH_IOU = 0.5;
/** The least IoU of an anchor with an ignored object. */
const IGNORE_IOU = 0.4;
/** The least share of an anchor that lies inside an ignored crowd. */
const IGNORE_IOA = 0.5;

/**
 * Assigns labelled boxes to anchors as google/automl `object_detection/argmax_matcher.py`: an anchor is matched to the box with the
 * highest IoU if that is at least .5 (there is no ignore band). Then every box claims its best anchor, the lowest of equal ones; an
 * anchor that several boxes claim goes to the first of them. Of the others, those that overlap an ignored box are ignored, which
 * google/automl's loss supports, but its matcher never asks for.
 */
export function assignTargets(
  grid: AnchorGrid,
  boxes: readonly TargetBox[],
  ignored: readonly IgnoredBox[] = [],
): Targets {
  const { count } = grid;
  const classTargets = new Int32Array(count).fill(BACKGROUND);
  const boxTargets = new Float32Array(count * 4);
  const extents = extentsOf(grid);
  for (const one of ignored) ignore(grid, one, { extents, classTargets });
  const { matches, claimed } = match(grid, boxes, extents);
  claimed.forEach((anchor, row) => {
    if (claimed.indexOf(anchor) === row) matches[anchor] = row;
  });
  let numPositives = 0;
  for (let anchor = 0; anchor < count; anchor++) {
    const row = matches[anchor]!;
    if (row < 0) continue;
    numPositives++;
    classTargets[anchor] = boxes[row]!.classIndex;
    encodeBox(boxes[row]!.box, { anchors: grid.boxes, index: anchor, into: boxTargets });
  }
  return { classTargets, boxTargets, numPositives };
}

const { fround } = Math;
const areaOf = (boxes: Float32Array, at: number): number =>
  fround(fround(boxes[at + 2]! - boxes[at]!) * fround(boxes[at + 3]! - boxes[at + 1]!));

/**
 * @returns for each anchor the box with the highest IoU of at least .5, or -1; for each box its best anchor.
 * Rounds to 32 bits after each operation, as the reference does: several anchors around a small box have the same IoU but for
 * rounding, which therefore decides.
 */
function match(
  { boxes: anchors, count }: AnchorGrid,
  boxes: readonly TargetBox[],
  extents: readonly Extent[],
): { matches: Int32Array; claimed: number[] } {
  const matches = new Int32Array(count).fill(-1);
  const best = new Float32Array(count);
  const claimed = boxes.map(({ box }, row) => {
    const area = areaOf(Float32Array.from(box), 0);
    let [highest, anchorOfHighest] = [0, 0];
    visitOverlaps(anchors, { box, extents }, (anchor, shared, anchorArea) => {
      const union = fround(fround(area + anchorArea) - shared);
      const overlap = fround(shared / union);
      if (overlap > highest) [highest, anchorOfHighest] = [overlap, anchor];
      if (overlap <= best[anchor]!) return;
      best[anchor] = overlap;
      if (overlap >= MATCH_IOU) matches[anchor] = row;
    });
    return anchorOfHighest;
  });
  return { matches, claimed };
}

/** Marks the anchors that overlap an ignored box. */
function ignore(
  { boxes: anchors }: AnchorGrid,
  { box, crowd }: IgnoredBox,
  { extents, classTargets }: { extents: readonly Extent[]; classTargets: Int32Array },
): void {
  const area = areaOf(Float32Array.from(box), 0);
  visitOverlaps(anchors, { box, extents }, (anchor, shared, anchorArea) => {
    const isIgnored = crowd
      ? shared >= IGNORE_IOA * anchorArea
      : shared >= IGNORE_IOU * (area + anchorArea - shared);
    if (isIgnored) classTargets[anchor] = IGNORED;
  });
}

/** Visits the anchors that share an area with a box, in order. */
function visitOverlaps(
  anchors: Float32Array,
  { box, extents }: { box: BoxYxyx; extents: readonly Extent[] },
  visit: (anchor: number, shared: number, anchorArea: number) => void,
): void {
  const [ymin, xmin, ymax, xmax] = Float32Array.from(box) as unknown as BoxYxyx;
  for (const [from, to] of near(extents, box))
    for (let anchor = from, at = 4 * from; anchor < to; anchor++, at += 4) {
      const height = fround(Math.min(ymax, anchors[at + 2]!) - Math.max(ymin, anchors[at]!));
      if (height <= 0) continue;
      const width = fround(Math.min(xmax, anchors[at + 3]!) - Math.max(xmin, anchors[at + 1]!));
      if (width > 0) visit(anchor, fround(height * width), areaOf(anchors, at));
    }
}

/** The anchors of a level along one axis. */
interface Axis {
  readonly cells: number;
  /** The range that the anchors of the first cell cover. */
  readonly least: number;
  readonly most: number;
  /** The distance from cell to cell. */
  readonly stride: number;
}

interface Extent {
  /** The first anchor of the level. */
  readonly start: number;
  readonly rows: Axis;
  readonly columns: Axis;
}

function extentsOf({ boxes, levels }: AnchorGrid): Extent[] {
  let start = 0;
  return levels.map(({ width, height, count }) => {
    const first = start;
    start += count;
    const sides = (cell: number, side: number): number[] =>
      Array.from(
        { length: ANCHORS_PER_CELL },
        (_, i) => boxes[4 * (first + cell * ANCHORS_PER_CELL + i) + side]!,
      );
    const axis = (side: 0 | 1, cells: number, next: number): Axis => ({
      cells,
      least: Math.min(...sides(0, side)),
      most: Math.max(...sides(0, side + 2)),
      stride: cells === 1 ? Infinity : sides(next, side)[0]! - sides(0, side)[0]!,
    });
    return { start: first, rows: axis(0, height, width), columns: axis(1, width, 1) };
  });
}

/** The range of cells whose anchors may overlap [low, high], one cell wider on each side for rounding. */
function reach({ cells, least, most, stride }: Axis, low: number, high: number): [number, number] {
  if (cells === 1) return [0, 1];
  const from = Math.floor((low - most) / stride) - 1;
  return [Math.max(0, from), Math.min(cells, Math.ceil((high - least) / stride) + 2)];
}

/** The ranges of anchors that may overlap a box, in order: those of the cells around it on each level. */
function* near(extents: readonly Extent[], [ymin, xmin, ymax, xmax]: BoxYxyx): Generator<[number, number]> {
  for (const { start, rows, columns } of extents) {
    const [top, bottom] = reach(rows, ymin, ymax);
    const [left, right] = reach(columns, xmin, xmax);
    for (let row = top; row < bottom; row++) {
      const cell = start + row * columns.cells * ANCHORS_PER_CELL;
      yield [cell + left * ANCHORS_PER_CELL, cell + Math.max(left, right) * ANCHORS_PER_CELL];
    }
  }
}
