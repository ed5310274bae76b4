import { describeBoxes } from './describe-boxes.js';
import { isTransposed, orientBox } from './orientation.js';
import type { LabelledBox } from '../raw-dataset.js';
import { dropSample, keep, type Rule, warn } from './rule.js';

export const leak: Rule = {
  id: 'I10',
  title: 'image in both splits, or one much like it',
  always: true,
  apply: (working, { leak, data }) => {
    if (!leak) return keep(working);
    return data.cleaning.leak === 'warn' ? warn(working, leak.reason) : dropSample(working, leak.reason);
  },
};

export const unreadable: Rule = {
  id: 'I01',
  title: 'unreadable image',
  apply: working => (working.image.problem ? dropSample(working, working.image.problem) : keep(working)),
};

export const orientation: Rule = {
  id: 'I03',
  title: 'EXIF orientation',
  always: true,
  apply: working => {
    const { orientation, width, height } = working.image;
    if (orientation === 1) return keep(working);
    const upright = isTransposed(orientation) ? { width: height, height: width } : { width, height };
    const { declared } = working.sample;
    const isSize = (size: { width: number; height: number }): boolean =>
      declared?.width === size.width && declared.height === size.height;
    // Labels made on the image as stored turn with it; labels made on the upright one stay.
    const madeOnStored = isSize({ width, height });
    const boxes = madeOnStored
      ? working.boxes.map(box => ({ ...box, box: orientBox(box.box, { orientation, width, height }) }))
      : working.boxes;
    const doubt = madeOnStored && isSize(upright) ? ' (the size fits either way)' : '';
    const reason = madeOnStored
      ? `image and boxes turned upright${doubt}`
      : 'image turned upright, boxes were made for it';
    const before = { orientation, width, height, boxes: working.boxes };
    const after = { orientation: 1, ...upright, boxes };
    return {
      working: { ...working, ...upright, boxes, rewrite: true },
      findings: [{ action: 'change', reason, before, after }],
    };
  },
};

export const channels: Rule = {
  id: 'I04',
  title: 'channels other than RGB',
  always: true,
  apply: working => {
    const { channels, space } = working.image;
    if (channels === 3 && space === 'srgb') return keep(working);
    const change = { before: { channels, space }, after: { channels: 3, space: 'srgb' } };
    return {
      working: { ...working, rewrite: true },
      findings: [{ action: 'change', reason: 'converted to RGB', ...change }],
    };
  },
};

/** By content; names are only for people. */
const EXTENSIONS: Readonly<Record<string, RegExp>> = { jpeg: /\.jpe?g$/i, png: /\.png$/i };

export const encoding: Rule = {
  id: 'I02',
  title: 'another format than its name says, or one that few programs read',
  apply: working => {
    const { format } = working.image;
    const known = EXTENSIONS[format];
    if (known?.test(working.sample.image)) return keep(working);
    const reason = known ? `its content is ${format}` : `${format} is stored as JPEG or PNG`;
    return {
      working: { ...working, rewrite: true },
      findings: [{ action: 'change', reason, before: { format, file: working.sample.image } }],
    };
  },
};

export const sameAsAnother: Rule = {
  id: 'I08',
  title: 'the same image twice',
  apply: (working, { firstTwin }) => {
    if (!firstTwin || firstTwin === working.sample) return keep(working);
    const differs = describeBoxes(firstTwin.boxes) !== describeBoxes(working.sample.boxes);
    return dropSample(working, `the pixels of ${firstTwin.image}${differs ? '; their labels differ' : ''}`);
  },
};

export const nearDuplicate: Rule = {
  id: 'I09',
  title: 'near duplicate',
  apply: (working, { data, split, resemblance }) => {
    if (!resemblance) return keep(working);
    const { to, distance } = resemblance;
    const bits = `${distance} of 64 bits differ`;
    if (distance > data.cleaning.max_near_bits)
      return warn(working, `perhaps a near duplicate of ${to.sample.image}: ${bits}`);
    // Near duplicates in both splits are I10's.
    return to.split === split
      ? warn(working, `a near duplicate of ${to.sample.image}: ${bits}`)
      : keep(working);
  },
};

export const aspect: Rule = {
  id: 'I06',
  title: 'very long image',
  apply: (working, { data }) => {
    const { width, height } = working;
    const ratio = Math.max(width, height) / Math.min(width, height);
    return ratio > data.cleaning.max_image_aspect
      ? warn(working, `its sides are as ${ratio.toFixed(1)} to 1: most of the network input stays empty`)
      : keep(working);
  },
};

const APPEARANCES = [
  ['brightness', 'min_brightness', 'dark'],
  ['darkness', 'min_darkness', 'white'],
  ['sharpness', 'min_sharpness', 'blurred'],
  ['information', 'min_information', 'almost of one colour'],
] as const;

export const appearance: Rule = {
  id: 'I07',
  title: 'dark, white, blurred or empty image',
  apply: (working, { data }) => {
    const { looks } = working.image;
    if (!looks) return keep(working);
    const reasons = APPEARANCES.flatMap(([measure, limit, word]) => {
      const value = looks[measure];
      return value < data.cleaning[limit]
        ? [`${word}: ${measure} ${value.toFixed(2)}, usual from ${data.cleaning[limit]} on`]
        : [];
    });
    return { working, findings: reasons.map(reason => ({ action: 'warn', reason })) };
  },
};

/** After all that looks at pixels as they are stored. */
export const sideLength: Rule = {
  id: 'I05',
  title: 'tiny or huge image',
  apply: (working, { data }) => {
    const { width, height } = working;
    const { min_image_side: least, max_image_side: most } = data.cleaning;
    if (Math.min(width, height) < least)
      return dropSample(working, `a side of ${Math.min(width, height)} px, at least ${least} are needed`);
    const scale = most / Math.max(width, height);
    if (scale >= 1) return keep(working);
    const size = { width: Math.round(width * scale), height: Math.round(height * scale) };
    const boxes = working.boxes.map(labelled => scaled(labelled, scale));
    // Rounding cannot be undone by dividing: the boxes are kept.
    const before = { width, height, boxes: working.boxes };
    return {
      working: { ...working, ...size, boxes, rewrite: true },
      findings: [{ action: 'change', reason: `scaled to ${most} px`, before, after: { ...size, boxes } }],
    };
  },
};

function scaled({ area, box, ...rest }: LabelledBox, scale: number): LabelledBox {
  const [ymin, xmin, ymax, xmax] = box.map(corner => corner * scale) as [number, number, number, number];
  return { ...rest, box: [ymin, xmin, ymax, xmax], ...(area !== undefined && { area: area * scale ** 2 }) };
}
