import { boxArea, boxHeight, boxWidth, intersect, iou } from '../../boxes.js';
import type { Data } from '../../config/run.js';
import type { LabelledBox, RawSample } from '../dataset.js';
import type { PictureFacts } from './picture.js';
import { isTransposed, orientBox } from './orientation.js';

/** A sample on its way through the rules. */
export interface Working {
  readonly sample: RawSample;
  readonly picture: PictureFacts;
  readonly boxes: readonly LabelledBox[];
  /** Of the upright picture. */
  readonly width: number;
  readonly height: number;
  /** The picture has to be written anew; else it is copied as it is. */
  readonly rewrite: boolean;
  readonly dropped: boolean;
}

/** One thing that a rule found. `before` is enough to undo it. */
export interface Finding {
  readonly action: 'drop-sample' | 'drop-box' | 'change' | 'warn';
  readonly reason: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

export interface Verdict {
  readonly working: Working;
  readonly findings: readonly Finding[];
}

/** A check with its remedy. The ids are those of docs/cleaning.md. */
export interface Rule {
  readonly id: string;
  readonly title: string;
  apply(working: Working, data: Data): Verdict;
}

const MIN_SIDE_PX = 2;
const MAX_SHARE_OUTSIDE = 0.5;
const DUPLICATE_IOU = 0.95;
const COVERS_ALL = 0.95;
const COVERS_NOTHING = 0.0005;
const SIZE_TOLERANCE_PX = 1;

const keep = (working: Working): Verdict => ({ working, findings: [] });
const dropSample = (working: Working, reason: string): Verdict => ({
  working: { ...working, dropped: true },
  findings: [{ action: 'drop-sample', reason, before: { image: working.sample.image } }],
});

/** Keeps, changes or drops box by box. */
function eachBox(
  working: Working,
  judge: (box: LabelledBox, kept: readonly LabelledBox[]) => { box: LabelledBox | null; finding?: Finding },
): Verdict {
  const boxes: LabelledBox[] = [];
  const findings: Finding[] = [];
  for (const candidate of working.boxes) {
    const { box, finding } = judge(candidate, boxes);
    if (box) boxes.push(box);
    if (finding) findings.push(finding);
  }
  return { working: { ...working, boxes }, findings };
}

const dropBox = (box: LabelledBox, reason: string): { box: null; finding: Finding } => ({
  box: null,
  finding: { action: 'drop-box', reason, before: box },
});

export const RULES: readonly Rule[] = [
  {
    id: 'I01',
    title: 'unreadable picture',
    apply: working =>
      working.picture.problem ? dropSample(working, working.picture.problem) : keep(working),
  },
  {
    id: 'I03',
    title: 'EXIF orientation',
    apply: working => {
      const { orientation, width, height } = working.picture;
      if (orientation === 1) return keep(working);
      const upright = isTransposed(orientation) ? { width: height, height: width } : { width, height };
      const { declared } = working.sample;
      // Labels made on the picture as stored turn with it; labels made on the upright one stay.
      const madeOnStored = declared !== null && declared.width === width && declared.height === height;
      const boxes = madeOnStored
        ? working.boxes.map(box => ({ ...box, box: orientBox(box.box, { orientation, width, height }) }))
        : working.boxes;
      const finding: Finding = {
        action: 'change',
        reason: madeOnStored
          ? 'picture and boxes turned upright'
          : 'picture turned upright, boxes were made for it',
        before: { orientation, width, height, boxes: working.boxes.map(({ box }) => box) },
        after: { orientation: 1, ...upright, boxes: boxes.map(({ box }) => box) },
      };
      return { working: { ...working, ...upright, boxes, rewrite: true }, findings: [finding] };
    },
  },
  {
    id: 'I04',
    title: 'channels other than RGB',
    apply: working => {
      const { channels, space } = working.picture;
      if (channels === 3 && space === 'srgb') return keep(working);
      const finding: Finding = {
        action: 'change',
        reason: 'converted to RGB',
        before: { channels, space },
        after: { channels: 3, space: 'srgb' },
      };
      return { working: { ...working, rewrite: true }, findings: [finding] };
    },
  },
  {
    id: 'L01',
    title: 'annotation that cannot be read',
    apply: working =>
      working.sample.problem === null
        ? keep(working)
        : dropSample(working, `${working.sample.annotation}: ${working.sample.problem}`),
  },
  {
    id: 'L11',
    title: 'picture without annotation',
    apply: (working, data) => {
      if (working.sample.annotation !== null) return keep(working);
      if (data.unlabelled === 'exclude')
        return dropSample(working, 'no annotation; data.unlabelled is exclude');
      return { working, findings: [{ action: 'warn', reason: 'no annotation; used as background' }] };
    },
  },
  {
    id: 'L02',
    title: 'size in the annotation differs from the picture',
    apply: working => {
      const { declared } = working.sample;
      const differs = (a: number, b: number): boolean => Math.abs(a - b) > SIZE_TOLERANCE_PX;
      if (!declared) return keep(working);
      const { width, height, picture } = working;
      const fits = ({ width: w, height: h }: { width: number; height: number }): boolean =>
        !differs(declared.width, w) && !differs(declared.height, h);
      if (fits({ width, height }) || fits(picture)) return keep(working);
      return {
        working,
        findings: [
          {
            action: 'change',
            reason: 'the size of the picture is used',
            before: declared,
            after: { width, height },
          },
        ],
      };
    },
  },
  {
    id: 'L03',
    title: 'corners in the wrong order',
    apply: working =>
      eachBox(working, box =>
        box.box[0] > box.box[2] || box.box[1] > box.box[3] ? dropBox(box, 'min is larger than max') : { box },
      ),
  },
  {
    id: 'L05',
    title: 'box outside the picture',
    apply: working =>
      eachBox(working, box => {
        const inside = intersect(box.box, [0, 0, working.height, working.width]);
        if (box.box.every((corner, i) => corner === inside[i] || Number.isNaN(corner))) return { box };
        const shareOutside = 1 - boxArea(inside) / boxArea(box.box);
        if (!(shareOutside <= MAX_SHARE_OUTSIDE))
          return dropBox(box, `${Math.round(shareOutside * 100)} % of its area is outside`);
        const after = { ...box, box: inside };
        return {
          box: after,
          finding: { action: 'change', reason: 'clipped to the picture', before: box, after },
        };
      }),
  },
  {
    id: 'L04',
    title: 'degenerate box',
    apply: working =>
      eachBox(working, box => {
        if (box.box.some(Number.isNaN)) return dropBox(box, 'a corner is missing or not a number');
        const side = Math.min(boxHeight(box.box), boxWidth(box.box));
        return side < MIN_SIDE_PX
          ? dropBox(box, `a side of ${side} px, at least ${MIN_SIDE_PX} are needed`)
          : { box };
      }),
  },
  {
    id: 'L06',
    title: 'box as large as the picture, or tiny',
    apply: working =>
      eachBox(working, box => {
        const share = boxArea(box.box) / (working.width * working.height);
        if (share >= COVERS_NOTHING && share <= COVERS_ALL) return { box };
        return {
          box,
          finding: {
            action: 'warn',
            reason: `covers ${(share * 100).toPrecision(3)} % of the picture`,
            before: box,
          },
        };
      }),
  },
  {
    id: 'L07',
    title: 'the same box twice',
    apply: working =>
      eachBox(working, (box, kept) => {
        const twin = kept.find(
          other => other.label === box.label && iou(other.box, box.box) >= DUPLICATE_IOU,
        );
        return twin
          ? dropBox(box, `IoU ${iou(twin.box, box.box).toFixed(3)} with another ${box.label}`)
          : { box };
      }),
  },
];
