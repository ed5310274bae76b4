import { boxArea, boxHeight, boxWidth, intersect, iou } from '../../boxes.js';
import type { Cleaning } from '../../config/cleaning.js';
import type { LabelledBox } from '../../boxes.js';
import type { Data } from '../../config/run.js';
import type { LabelPlan } from './labels.js';
import type { SplitSample } from './splits.js';
import {
  type CleaningState,
  dropSample,
  type Finding,
  keep,
  type Rule,
  type RuleId,
  type RuleResult,
  warn,
} from './rule.js';

export const unreadableAnnotation: Rule = {
  id: 'L01',
  title: 'unreadable annotation',
  apply: (state, { data }) => {
    const { annotation, image, problem } = state.sample;
    if (problem === null) return keep(state);
    const reason = `${annotation ?? image}: ${problem}`;
    return data.cleaning.unreadable_annotation === 'background'
      ? warn(state, `${reason}; used as background`)
      : dropSample(state, reason);
  },
};

export const wrongDeclaredSize: Rule = {
  id: 'L02',
  title: 'image size in the annotation is wrong',
  apply: (state, { data }) => {
    const { width, height, image } = state;
    const { declared } = state.sample;
    if (!declared) return keep(state);
    const tolerance = data.cleaning.size_tolerance;
    const fits = (size: { width: number; height: number }): boolean =>
      Math.abs(declared.width - size.width) <= tolerance &&
      Math.abs(declared.height - size.height) <= tolerance;
    if (fits({ width, height }) || fits(image)) return keep(state);
    const reason = 'the size of the image itself is used';
    return {
      state,
      findings: [{ action: 'change', reason, before: declared, after: { width, height } }],
    };
  },
};

/** A decision about one box; null: the box is fine. */
type BoxDecision =
  | { readonly drop: string }
  | { readonly warn: string }
  | { readonly change: string; readonly after: LabelledBox }
  | null;

interface BoxContext {
  readonly state: CleaningState;
  /** The boxes before this one that the rule has kept. */
  readonly kept: readonly LabelledBox[];
  readonly limits: Cleaning;
  readonly labels: LabelPlan;
}

/** A rule that decides about one box at a time. */
const boxRule = (
  id: RuleId,
  title: string,
  decide: (box: LabelledBox, context: BoxContext) => BoxDecision,
): Rule => ({
  id,
  title,
  apply(state, { data, labels }): RuleResult {
    const kept: LabelledBox[] = [];
    const findings: Finding[] = [];
    state.boxes.forEach((before, at) => {
      const decision = decide(before, { state, kept, limits: data.cleaning, labels });
      if (decision) findings.push({ ...findingOf(decision), at, before });
      if (!decision || 'warn' in decision) kept.push(before);
      else if ('change' in decision) kept.push(decision.after);
    });
    return { state: { ...state, boxes: kept }, findings };
  },
});

function findingOf(decision: Exclude<BoxDecision, null>): Finding {
  if ('drop' in decision) return { action: 'drop-box', reason: decision.drop };
  if ('warn' in decision) return { action: 'warn', reason: decision.warn };
  return { action: 'change', reason: decision.change, after: decision.after };
}

/** Applies without cleaning, too: data.cleaning.label_map decides how labels are read. */
export const spelling: Rule = {
  ...boxRule('L09', 'inconsistent or misspelt label', (labelled, { labels }) => {
    const { label } = labelled;
    const change = labels.changes.get(label);
    if (change) return { change: change.reason, after: { ...labelled, label: change.to } };
    const meant = labels.suggestions.get(label);
    if (meant === undefined) return null;
    const [rare, common] = [labels.counts.get(label) ?? 0, labels.counts.get(meant) ?? 0];
    return { warn: `"${label}" (${rare} ×) may mean "${meant}" (${common} ×); see data.cleaning.label_map` };
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

export const outsideBox = boxRule(
  'L05',
  'box outside the image',
  (labelled, { state: { width, height }, limits }) => {
    const { box } = labelled;
    const inside = intersect(box, [0, 0, height, width]);
    const area = boxArea(box);
    // L04 deals with boxes that have no area or lack a corner.
    if (!(area > 0) || box.every((corner, i) => corner === inside[i])) return null;
    const shareOutside = 1 - boxArea(inside) / area;
    return shareOutside > limits.max_share_outside
      ? { drop: `${percent(shareOutside)} of its area is outside` }
      : { change: 'clipped to the image', after: { ...labelled, box: inside } };
  },
);

export const degenerateBox = boxRule('L04', 'degenerate or incomplete box', ({ box, label }, { limits }) => {
  if (label === '') return { drop: 'its label is empty' };
  if (!box.every(Number.isFinite)) return { drop: 'a corner is missing or not a number' };
  const side = Math.min(boxHeight(box), boxWidth(box));
  return side < limits.min_box_side
    ? { drop: `a side of ${side} px, the minimum is ${limits.min_box_side}` }
    : null;
});

export const extremeBoxSize = boxRule(
  'L06',
  'box as large as the image, or tiny',
  ({ box }, { state: { width, height }, limits }) => {
    const share = boxArea(box) / (width * height);
    return share < limits.min_box_share || share > limits.max_box_share
      ? { warn: `covers ${percent(share)} of the image` }
      : null;
  },
);

export const duplicateBox = boxRule('L07', 'duplicate box', ({ box, label, crowd }, { kept, limits }) => {
  const other = kept.find(
    one => one.label === label && one.crowd === crowd && iou(one.box, box) >= limits.duplicate_iou,
  );
  return other ? { drop: `IoU ${iou(other.box, box).toFixed(3)} with another ${label}` } : null;
});

export const conflictingLabels = boxRule(
  'L08',
  'one box with two labels',
  ({ box, label, crowd }, { kept, limits }) => {
    const other = kept.find(
      one => one.label !== label && one.crowd === crowd && iou(one.box, box) >= limits.duplicate_iou,
    );
    return other ? { warn: `IoU ${iou(other.box, box).toFixed(3)} with a ${other.label}` } : null;
  },
);

export const difficultBox = boxRule('L13', 'box marked as difficult', labelled =>
  labelled.difficult && !labelled.crowd
    ? { change: 'ignored in training and evaluation, as a crowd is', after: { ...labelled, crowd: true } }
    : null,
);

export const tooManyBoxes: Rule = {
  id: 'L12',
  title: 'more boxes than a model detects',
  apply: (state, { data }) => {
    const count = state.boxes.filter(({ crowd }) => !crowd).length;
    return count > data.cleaning.max_boxes
      ? warn(state, `${count} boxes; a model detects up to hparams.nms_configs.max_output_size of them`)
      : keep(state);
  },
};

const isBackground = (sample: SplitSample, { unlabelled: meaning }: Data): boolean =>
  meaning === 'auto' ? sample.isBackground : meaning === 'background';

/** Comes last: an image whose boxes were all dropped shows objects that are not labelled, so it is no background. */
export const unlabelled: Rule = {
  id: 'L11',
  title: 'image without usable annotation',
  always: true,
  apply: (state, { data }) => {
    const { annotation, boxes } = state.sample;
    const isLabelled = annotation !== null && (boxes.length === 0 || state.boxes.length > 0);
    if (isLabelled) return keep(state);
    const reason = annotation === null ? 'no annotation' : `none of its ${boxes.length} boxes is usable`;
    return isBackground(state.sample, data)
      ? warn(state, `${reason}; used as background`)
      : dropSample(state, `${reason}; data.unlabelled: background would keep it`);
  },
};
