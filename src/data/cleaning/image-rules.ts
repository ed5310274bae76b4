import type { LabelledBox } from '../../boxes.js';
import { haveEqualBoxes } from '../raw-dataset.js';
import { isTransposed, orientBox } from './orientation.js';
import { dropSample, keep, type Rule, warn } from './rule.js';

export const leak: Rule = {
  id: 'I10',
  title: 'image, or a near duplicate of it, in two splits',
  always: true,
  apply: (state, { leak, data }) => {
    if (leak === null) return keep(state);
    return data.cleaning.leak === 'warn' ? warn(state, leak) : dropSample(state, leak);
  },
};

export const unreadableImage: Rule = {
  id: 'I01',
  title: 'unreadable image',
  apply: state => (state.image.problem === null ? keep(state) : dropSample(state, state.image.problem)),
};

export const exifOrientation: Rule = {
  id: 'I03',
  title: 'EXIF orientation',
  always: true,
  apply: (state, { labelOrientation: { on, doubt } }) => {
    const { orientation, width, height } = state.image;
    if (orientation === 1) return keep(state);
    const upright = isTransposed(orientation) ? { width: height, height: width } : { width, height };
    // Boxes that were drawn on the stored image turn with it; boxes that were drawn on the upright image stay.
    const boxes =
      on === 'stored'
        ? state.boxes.map(box => ({ ...box, box: orientBox(box.box, { orientation, width, height }) }))
        : state.boxes;
    const done =
      on === 'stored'
        ? 'image and boxes turned upright'
        : 'image turned upright; its boxes were upright already';
    const reason = doubt === null ? done : `${done} (${doubt})`;
    const before = { orientation, width, height, boxes: state.boxes };
    const after = { orientation: 1, ...upright, boxes };
    return {
      state: { ...state, ...upright, boxes, rewrite: true },
      findings: [{ action: 'change', reason, before, after }],
    };
  },
};

export const channels: Rule = {
  id: 'I04',
  title: 'channels other than RGB',
  always: true,
  apply: state => {
    const { channels, space } = state.image;
    if (channels === 3 && space === 'srgb') return keep(state);
    const change = { before: { channels, space }, after: { channels: 3, space: 'srgb' } };
    return {
      state: { ...state, rewrite: true },
      findings: [{ action: 'change', reason: 'converted to RGB', ...change }],
    };
  },
};

/** The formats that images are stored in, and the file names that fit them. */
const FILE_NAMES: Readonly<Record<string, RegExp>> = { jpeg: /\.jpe?g$/i, png: /\.png$/i };

export const fileFormat: Rule = {
  id: 'I02',
  title: 'format differs from the extension, or is neither JPEG nor PNG',
  apply: state => {
    const { format } = state.image;
    const file = state.sample.image;
    const fileName = FILE_NAMES[format];
    if (fileName?.test(file)) return keep(state);
    const reason = fileName ? `its content is ${format}` : `${format} is stored as JPEG or PNG`;
    return {
      state: { ...state, rewrite: true },
      findings: [{ action: 'change', reason, before: { format, file } }],
    };
  },
};

export const duplicateImage: Rule = {
  id: 'I08',
  title: 'duplicate image',
  apply: (state, { duplicateOf }) => {
    if (!duplicateOf) return keep(state);
    const difference = haveEqualBoxes(duplicateOf.boxes, state.sample.boxes) ? '' : '; their labels differ';
    return dropSample(state, `same pixels as ${duplicateOf.image}${difference}`);
  },
};

export const nearDuplicate: Rule = {
  id: 'I09',
  title: 'near duplicate',
  apply: (state, { data, mostSimilar }) => {
    if (!mostSimilar) return keep(state);
    const { sample, distance } = mostSimilar;
    const difference = `${distance} of 64 bits differ`;
    if (distance > data.cleaning.max_near_bits)
      return warn(state, `possible near duplicate of ${sample.image}: ${difference}`);
    // I10 deals with near duplicates in different splits.
    return sample.split === state.sample.split
      ? warn(state, `near duplicate of ${sample.image}: ${difference}`)
      : keep(state);
  },
};

export const aspectRatio: Rule = {
  id: 'I06',
  title: 'extreme aspect ratio',
  apply: (state, { data }) => {
    const { width, height } = state;
    const ratio = Math.max(width, height) / Math.min(width, height);
    return ratio > data.cleaning.max_image_aspect
      ? warn(state, `aspect ratio ${ratio.toFixed(1)} : 1 leaves most of the network input empty`)
      : keep(state);
  },
};

const APPEARANCE_LIMITS = [
  ['brightness', 'min_brightness', 'dark'],
  ['darkness', 'min_darkness', 'overexposed'],
  ['sharpness', 'min_sharpness', 'blurred'],
  ['information', 'min_information', 'almost a single colour'],
] as const;

export const appearance: Rule = {
  id: 'I07',
  title: 'dark, overexposed, blurred or empty image',
  apply: (state, { data }) => {
    const { appearance } = state.image;
    if (!appearance) return keep(state);
    const reasons = APPEARANCE_LIMITS.flatMap(([measure, limit, defect]) => {
      const [value, minimum] = [appearance[measure], data.cleaning[limit]];
      return value < minimum ? [`${defect}: ${measure} ${value.toFixed(2)}, below ${minimum}`] : [];
    });
    return { state, findings: reasons.map(reason => ({ action: 'warn', reason })) };
  },
};

/** Comes after the rules that need the image in its original size. */
export const sideLength: Rule = {
  id: 'I05',
  title: 'tiny or huge image',
  apply: (state, { data }) => {
    const { width, height } = state;
    const { min_image_side: minimum, max_image_side: maximum } = data.cleaning;
    const [shorter, longer] = [Math.min(width, height), Math.max(width, height)];
    if (shorter < minimum) return dropSample(state, `a side of ${shorter} px, the minimum is ${minimum}`);
    const scale = maximum / longer;
    if (scale >= 1) return keep(state);
    const size = { width: Math.round(width * scale), height: Math.round(height * scale) };
    const boxes = state.boxes.map(labelled => scaleBox(labelled, scale));
    // The boxes are recorded, as dividing by the scale would not undo the rounding.
    const before = { width, height, boxes: state.boxes };
    const reason = `longer side scaled to ${maximum} px`;
    return {
      state: { ...state, ...size, boxes, rewrite: true },
      findings: [{ action: 'change', reason, before, after: { ...size, boxes } }],
    };
  },
};

function scaleBox({ area, box: [ymin, xmin, ymax, xmax], ...rest }: LabelledBox, scale: number): LabelledBox {
  return {
    ...rest,
    box: [ymin * scale, xmin * scale, ymax * scale, xmax * scale],
    ...(area !== undefined && { area: area * scale ** 2 }),
  };
}
