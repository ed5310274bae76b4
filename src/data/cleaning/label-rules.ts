import { errors } from '../../errors/index.js';
import type { RawSample } from '../raw-dataset.js';
import { dropSample, keep, type Rule, warn } from './rule.js';

export const unreadableAnnotation: Rule = {
  id: 'L01',
  title: 'annotation that cannot be read',
  apply: (working, { data }) => {
    const { annotation, image, problem } = working.sample;
    if (problem === null) return keep(working);
    const reason = `${annotation ?? image}: ${problem}`;
    return data.cleaning.unreadable_annotation === 'background'
      ? warn(working, `${reason}; used as background`)
      : dropSample(working, reason);
  },
};

/** Before any image is opened: a data set that people call wrong for it. */
export function assertAnnotationsReadable(samples: readonly { sample: RawSample }[]): void {
  for (const { sample } of samples)
    if (sample.problem !== null)
      throw errors.datasetUnreadable(sample.annotation ?? sample.image, new Error(sample.problem));
}

export const wrongSize: Rule = {
  id: 'L02',
  title: 'size in the annotation differs from the image',
  apply: (working, { data }) => {
    const { width, height, image } = working;
    const { declared } = working.sample;
    const tolerance = data.cleaning.size_tolerance;
    const fits = (size: { width: number; height: number }): boolean =>
      declared !== null &&
      Math.abs(declared.width - size.width) <= tolerance &&
      Math.abs(declared.height - size.height) <= tolerance;
    if (!declared || fits({ width, height }) || fits(image)) return keep(working);
    const reason = 'the size of the image is used';
    return {
      working,
      findings: [{ action: 'change', reason, before: declared, after: { width, height } }],
    };
  },
};

export const tooMany: Rule = {
  id: 'L12',
  title: 'more boxes than training takes',
  apply: (working, { data }) => {
    const count = working.boxes.filter(({ crowd }) => !crowd).length;
    const limit = data.cleaning.max_boxes;
    return count > limit
      ? warn(working, `${count} boxes; hparams.max_instances_per_image decides how many are trained on`)
      : keep(working);
  },
};

/** Comes last: an image whose every box was dropped shows objects that nothing marks. */
export const unlabelled: Rule = {
  id: 'L11',
  title: 'image without usable annotation',
  always: true,
  apply: (working, { data }) => {
    const { annotation, boxes } = working.sample;
    const isLabelled = annotation !== null && (boxes.length === 0 || working.boxes.length > 0);
    if (isLabelled) return keep(working);
    const reason = annotation === null ? 'no annotation' : `none of its ${boxes.length} boxes is usable`;
    return data.unlabelled === 'exclude'
      ? dropSample(working, `${reason}; data.unlabelled is exclude`)
      : warn(working, `${reason}; used as background`);
  },
};
