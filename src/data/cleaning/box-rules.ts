import { boxArea, boxHeight, boxWidth, intersect, iou } from '../../boxes.js';
import type { LabelledBox } from '../raw-dataset.js';
import type { Cleaning } from '../../config/cleaning.js';
import type { LabelPlan } from './labels.js';
import type { Finding, Rule, RuleId, Verdict, Working } from './rule.js';

/** What becomes of a box; null: nothing is wrong with it. */
type Judgement =
  | { readonly drop: string }
  | { readonly warn: string }
  | { readonly change: string; readonly after: LabelledBox }
  | null;

/** A rule that looks at one box at a time, and at those kept before it. */
const boxRule = (
  id: RuleId,
  title: string,
  judge: (
    box: LabelledBox,
    given: { working: Working; kept: readonly LabelledBox[]; limits: Cleaning; labels: LabelPlan },
  ) => Judgement,
): Rule => ({
  id,
  title,
  apply(working, { data, labels }): Verdict {
    const boxes: LabelledBox[] = [];
    const findings: Finding[] = [];
    working.boxes.forEach((before, at) => {
      const judgement = judge(before, { working, kept: boxes, limits: data.cleaning, labels });
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

/** The map that people write holds without cleaning, too: it says how labels are read. */
export const spelling: Rule = {
  ...boxRule('L09', 'label in another writing, or with a typo', (labelled, { labels }) => {
    const { label } = labelled;
    const change = labels.changes.get(label);
    if (change) return { change: change.reason, after: { ...labelled, label: change.to } };
    const meant = labels.suggestions.get(label);
    if (meant === undefined) return null;
    const [times, often] = [labels.counts.get(label), labels.counts.get(meant)];
    return { warn: `"${label}" (${times} times) may be "${meant}" (${often}): see data.cleaning.label_map` };
  }),
  always: true,
};

const percent = (share: number): string => `${Number((share * 100).toPrecision(3))} %`;

export const wrongOrder = boxRule('L03', 'corners in the wrong order', (labelled, { limits }) => {
  const [ymin, xmin, ymax, xmax] = labelled.box;
  if (!(ymin > ymax || xmin > xmax)) return null;
  const inOrder = [
    Math.min(ymin, ymax),
    Math.min(xmin, xmax),
    Math.max(ymin, ymax),
    Math.max(xmin, xmax),
  ] as const;
  return limits.wrong_order === 'swap'
    ? { change: 'min and max swapped', after: { ...labelled, box: inOrder } }
    : { drop: 'min is larger than max' };
});

export const outside = boxRule(
  'L05',
  'box outside the image',
  (labelled, { working: { width, height }, limits }) => {
    const { box } = labelled;
    const inside = intersect(box, [0, 0, height, width]);
    const area = boxArea(box);
    // A box without area, or without a corner, is degenerate wherever it lies.
    if (!(area > 0) || box.every((corner, i) => corner === inside[i])) return null;
    const shareOutside = 1 - boxArea(inside) / area;
    return shareOutside > limits.max_share_outside
      ? { drop: `${percent(shareOutside)} of its area is outside` }
      : { change: 'clipped to the image', after: { ...labelled, box: inside } };
  },
);

export const degenerate = boxRule(
  'L04',
  'degenerate or incomplete box',
  ({ box, label }, { limits: { min_box_side: least } }) => {
    if (label === '') return { drop: 'it has no name' };
    if (!box.every(Number.isFinite)) return { drop: 'a corner is missing or not a number' };
    const side = Math.min(boxHeight(box), boxWidth(box));
    return side < least ? { drop: `a side of ${side} px, at least ${least} are needed` } : null;
  },
);

export const extremeSize = boxRule(
  'L06',
  'box as large as the image, or tiny',
  ({ box }, { working: { width, height }, limits }) => {
    const share = boxArea(box) / (width * height);
    return share < limits.min_box_share || share > limits.max_box_share
      ? { warn: `covers ${percent(share)} of the image` }
      : null;
  },
);

export const duplicate = boxRule('L07', 'the same box twice', ({ box, label, crowd }, { kept, limits }) => {
  const twin = kept.find(
    other => other.label === label && other.crowd === crowd && iou(other.box, box) >= limits.duplicate_iou,
  );
  return twin ? { drop: `IoU ${iou(twin.box, box).toFixed(3)} with another ${label}` } : null;
});

export const conflict = boxRule(
  'L08',
  'one box with two labels',
  ({ box, label, crowd }, { kept, limits }) => {
    const rival = kept.find(
      other => other.label !== label && other.crowd === crowd && iou(other.box, box) >= limits.duplicate_iou,
    );
    return rival ? { warn: `IoU ${iou(rival.box, box).toFixed(3)} with a ${rival.label}` } : null;
  },
);

/** As a crowd is: neither an object to find nor background. */
export const difficult = boxRule('L13', 'box marked as difficult', labelled =>
  labelled.difficult && !labelled.crowd
    ? { change: 'not trained on, and no mistake when found', after: { ...labelled, crowd: true } }
    : null,
);
