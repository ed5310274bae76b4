import { z } from 'zod';

/** The cleaning rules that can be switched off; the others decide how files are read. */
// prettier-ignore
export const OPTIONAL_RULES = [
  'I01', 'I02', 'I05', 'I06', 'I07', 'I08', 'I09', 'L01', 'L02', 'L03', 'L04', 'L05', 'L06', 'L07', 'L08', 'L09', 'L10', 'L12', 'L13', 'L14', 'L15',
] as const;

const Share = z.number().min(0).max(1);
const Pixels = z.number().positive();

/** The limits of the cleaning rules, which docs/cleaning.md lists by number. */
export const Cleaning = z.strictObject({
  /** Rules that are not applied. */
  off: z.array(z.enum(OPTIONAL_RULES)).default([]),
  /** I09: perceptual hashes of near duplicates differ in at most this many of 64 bits. */
  max_near_bits: z.int().min(0).max(16).default(4),
  /** I09: up to this many bits, an image is reported as a possible near duplicate. */
  max_review_bits: z.int().min(0).max(16).default(10),
  /** I09: images whose grey levels have a lower standard deviation are not compared. */
  min_contrast: z.number().min(0).default(4),
  /** I03: the image that the boxes were drawn on, upright or as stored; auto: by format and declared sizes. */
  labelled_on: z.enum(['auto', 'upright', 'stored']).default('auto'),
  /** I10: the copy that is dropped if an image or a near duplicate is in two splits. */
  leak: z.enum(['drop_train', 'drop_eval', 'warn']).default('drop_train'),
  /** L01: drop the image of an unreadable annotation, use it as background, or reject the data set. */
  unreadable_annotation: z.enum(['drop', 'background', 'fail']).default('drop'),
  /** L02: allowed difference in pixels, as annotation tools round. */
  size_tolerance: z.number().min(0).default(1),
  /** L03: drop a box whose min is larger than its max, or swap the two. */
  wrong_order: z.enum(['drop', 'swap']).default('drop'),
  /** I05: limits of the sides of an image, in pixels. */
  min_image_side: Pixels.default(32),
  max_image_side: Pixels.default(8192),
  /** I06: the longest allowed side divided by the shorter one. */
  max_image_aspect: z.number().min(1).default(5),
  /** I07: cleanvision's thresholds for its measures. */
  min_brightness: Share.default(0.32),
  min_darkness: Share.default(0.05),
  min_sharpness: Share.default(0.29),
  min_information: Share.default(0.3),
  /** L04: the shortest allowed side of a box, in pixels. */
  min_box_side: Pixels.default(2),
  /** L05: a box is dropped if a larger share of it lies outside the image. */
  max_share_outside: Share.default(0.5),
  /** L06: limits of the share of the image that a box covers. */
  min_box_share: Share.default(0.0005),
  max_box_share: Share.default(0.95),
  /** L07 and L08: boxes with at least this IoU are the same. */
  duplicate_iou: Share.default(0.95),
  /** L09: by label as written, the label that replaces it. */
  label_map: z.record(z.string(), z.string().min(1)).default({}),
  /** L09: a label may be a typo of a similar one if it is rarer than this share of it. */
  max_typo_share: Share.default(0.05),
  /** L10: the recommended number of boxes of a class, and the ratio of the most frequent class to the rarest. */
  min_class_boxes: z.int().min(0).default(10),
  max_class_imbalance: z.number().min(1).default(10),
  /** L11: the share of images without an annotation that may pass as background without a warning. */
  max_background_share: Share.default(0.1),
  /** L12: the number of boxes in an image that a model can detect. */
  max_boxes: z.int().positive().default(100),
  /** M01: predictions need these scores to show that a box is badly located, or that one is missing or misclassified. */
  min_location_score: Share.default(0.5),
  min_doubt_score: Share.default(0.95),
  /** M01: boxes up to this quality are reported. */
  max_doubted_quality: Share.default(0.5),
  /** L14: the IoU with an anchor that a box needs, and the share of boxes that may lack it. */
  min_anchor_iou: Share.default(0.5),
  max_anchor_misses: Share.default(0.05),
});
export type Cleaning = z.infer<typeof Cleaning>;

/** Whether a rule that can be switched off is applied. */
export const isRuleOn = (
  id: string,
  { do_data_cleaning, cleaning }: { readonly do_data_cleaning: boolean; readonly cleaning: Cleaning },
): boolean => do_data_cleaning && !(cleaning.off as readonly string[]).includes(id);
