import { boxArea, boxHeight, boxWidth, intersect, iou } from '../../boxes.js';
import type { LabelledBox } from '../dataset.js';
import type { Finding, Rule, Verdict, Working } from './rule.js';

const MIN_SIDE_PX = 2;
const MAX_SHARE_OUTSIDE = 0.5;
const DUPLICATE_IOU = 0.95;
const COVERS_ALL = 0.95;
const COVERS_NOTHING = 0.0005;

/** What becomes of a box; null: nothing is wrong with it. */
type Judgement =
  | { readonly drop: string }
  | { readonly warn: string }
  | { readonly change: string; readonly after: LabelledBox }
  | null;

/** A rule that looks at one box at a time, and at those kept before it. */
const boxRule = (
  id: string,
  title: string,
  judge: (box: LabelledBox, working: Working, kept: readonly LabelledBox[]) => Judgement,
): Rule => ({
  id,
  title,
  apply(working): Verdict {
    const boxes: LabelledBox[] = [];
    const findings: Finding[] = [];
    working.boxes.forEach((before, at) => {
      const judgement = judge(before, working, boxes);
      if (judgement) findings.push({ ...findingOf(judgement), at, before });
      if (!judgement || 'warn' in judgement) boxes.push(before);
      else if ('change' in judgement) boxes.push(judgement.after);
    });
    return { working: { ...working, boxes }, findings };
  },
});

function findingOf(judgement: Exclude<Judgement, null>): Finding {
  if ('drop' in judgement) return { action: 'drop-box', reason: judgement.drop };
  if ('warn' in judgement) return { action: 'warn', reason: judgement.warn };
  return { action: 'change', reason: judgement.change, after: judgement.after };
}

const percent = (share: number): string => `${Number((share * 100).toPrecision(3))} %`;

export const wrongOrder = boxRule('L03', 'corners in the wrong order', ({ box }) =>
  box[0] > box[2] || box[1] > box[3] ? { drop: 'min is larger than max' } : null,
);

export const outside = boxRule('L05', 'box outside the picture', (labelled, { width, height }) => {
  const { box } = labelled;
  const inside = intersect(box, [0, 0, height, width]);
  const area = boxArea(box);
  // A box without area, or without a corner, is degenerate wherever it lies.
  if (!(area > 0) || box.every((corner, i) => corner === inside[i])) return null;
  const shareOutside = 1 - boxArea(inside) / area;
  return shareOutside > MAX_SHARE_OUTSIDE
    ? { drop: `${percent(shareOutside)} of its area is outside` }
    : { change: 'clipped to the picture', after: { ...labelled, box: inside } };
});

export const degenerate = boxRule('L04', 'degenerate or incomplete box', ({ box, label }) => {
  if (label === '') return { drop: 'it has no name' };
  if (!box.every(Number.isFinite)) return { drop: 'a corner is missing or not a number' };
  const side = Math.min(boxHeight(box), boxWidth(box));
  return side < MIN_SIDE_PX ? { drop: `a side of ${side} px, at least ${MIN_SIDE_PX} are needed` } : null;
});

export const extremeSize = boxRule(
  'L06',
  'box as large as the picture, or tiny',
  ({ box }, { width, height }) => {
    const share = boxArea(box) / (width * height);
    return share < COVERS_NOTHING || share > COVERS_ALL
      ? { warn: `covers ${percent(share)} of the picture` }
      : null;
  },
);

export const duplicate = boxRule('L07', 'the same box twice', ({ box, label, crowd }, _, kept) => {
  const twin = kept.find(
    other => other.label === label && other.crowd === crowd && iou(other.box, box) >= DUPLICATE_IOU,
  );
  return twin ? { drop: `IoU ${iou(twin.box, box).toFixed(3)} with another ${label}` } : null;
});
