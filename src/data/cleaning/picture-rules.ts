import { isTransposed, orientBox } from './orientation.js';
import { dropSample, keep, type Rule } from './rule.js';

export const leak: Rule = {
  id: 'I10',
  title: 'picture in both splits',
  always: true,
  apply: (working, { split, evaluated }) =>
    split === 'train' && evaluated.has(working.sample.image)
      ? dropSample(working, 'it is evaluated: training on it would flatter the result')
      : keep(working),
};

export const unreadable: Rule = {
  id: 'I01',
  title: 'unreadable picture',
  apply: working => (working.picture.problem ? dropSample(working, working.picture.problem) : keep(working)),
};

export const orientation: Rule = {
  id: 'I03',
  title: 'EXIF orientation',
  always: true,
  apply: working => {
    const { orientation, width, height } = working.picture;
    if (orientation === 1) return keep(working);
    const upright = isTransposed(orientation) ? { width: height, height: width } : { width, height };
    const { declared } = working.sample;
    const isSize = (size: { width: number; height: number }): boolean =>
      declared?.width === size.width && declared.height === size.height;
    // Labels made on the picture as stored turn with it; labels made on the upright one stay.
    const madeOnStored = isSize({ width, height });
    const boxes = madeOnStored
      ? working.boxes.map(box => ({ ...box, box: orientBox(box.box, { orientation, width, height }) }))
      : working.boxes;
    const doubt = madeOnStored && isSize(upright) ? ' (the size fits either way)' : '';
    const reason = madeOnStored
      ? `picture and boxes turned upright${doubt}`
      : 'picture turned upright, boxes were made for it';
    const before = { orientation, width, height, boxes: working.boxes.map(({ box }) => box) };
    const after = { orientation: 1, ...upright, boxes: boxes.map(({ box }) => box) };
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
    const { channels, space } = working.picture;
    if (channels === 3 && space === 'srgb') return keep(working);
    const change = { before: { channels, space }, after: { channels: 3, space: 'srgb' } };
    return {
      working: { ...working, rewrite: true },
      findings: [{ action: 'change', reason: 'converted to RGB', ...change }],
    };
  },
};
