import { z } from 'zod';

/** Rules of cleaning that people may leave out; the others say how files are read. */
// prettier-ignore
export const OPTIONAL_RULES = [
  'I01', 'I02', 'I05', 'I06', 'I07', 'I08', 'I09', 'L01', 'L02', 'L03', 'L04', 'L05', 'L06', 'L07', 'L08', 'L09', 'L10', 'L12', 'L13', 'L14',
] as const;

const Share = z.number().min(0).max(1);
const Pixels = z.number().positive();

/** What cleaning does, and from where on it does it; docs/cleaning.md has the rules by number. */
export const Cleaning = z.strictObject({
  /** Rules that are not applied. */
  off: z.array(z.enum(OPTIONAL_RULES)).default([]),
  /** I09: near duplicates differ in at most so many of the 64 bits of their perceptual hashes. */
  max_near_bits: z.int().min(0).max(16).default(4),
  /** I09: so many bits are worth a look. */
  max_review_bits: z.int().min(0).max(16).default(10),
  /** I09: an image whose grey levels deviate by less shows too little to be compared. */
  min_contrast: z.number().min(0).default(4),
  /** I10: of an image in both splits and its near duplicates, which one goes. */
  leak: z.enum(['drop_train', 'drop_eval', 'warn']).default('drop_train'),
  /** L01: an annotation that cannot be read makes its image useless, background, or the data set wrong. */
  unreadable_annotation: z.enum(['drop', 'background', 'fail']).default('drop'),
  /** L02: annotation tools round. */
  size_tolerance: z.number().min(0).default(1),
  /** L03: a box whose min is larger than its max goes, or its corners change places. */
  wrong_order: z.enum(['drop', 'swap']).default('drop'),
  /** I05: a side of an image. */
  min_image_side: Pixels.default(32),
  max_image_side: Pixels.default(8192),
  /** I06: of the longer side over the shorter one. */
  max_image_aspect: z.number().min(1).default(5),
  /** I07: cleanvision's measures and its thresholds for them. */
  min_brightness: Share.default(0.32),
  min_darkness: Share.default(0.05),
  min_sharpness: Share.default(0.29),
  min_information: Share.default(0.3),
  /** L04: a side of a box. */
  min_box_side: Pixels.default(2),
  /** L05: more of a box outside of the image than this, and it goes. */
  max_share_outside: Share.default(0.5),
  /** L06: of the image. */
  min_box_share: Share.default(0.0005),
  max_box_share: Share.default(0.95),
  /** L07 and L08: boxes that overlap so much are the same. */
  duplicate_iou: Share.default(0.95),
  /** L09: labels by what they shall be. */
  label_map: z.record(z.string(), z.string().min(1)).default({}),
  /** L09: a label that occurs less often than this share of another, and is one slip from it, may be a typo. */
  max_typo_share: Share.default(0.05),
  /** L10: boxes of a class to train on, and of the most frequent class over the rarest. */
  min_class_boxes: z.int().min(0).default(10),
  max_class_imbalance: z.number().min(1).default(10),
  /** L12: more boxes than this are more than training takes. */
  max_boxes: z.int().positive().default(100),
  /** M01: from these scores on a model's answers say that a box lies badly, or that one is missing or misnamed. */
  min_location_score: Share.default(0.5),
  min_doubt_score: Share.default(0.95),
  /** M01: up to this quality a box is doubted. */
  max_doubted_quality: Share.default(0.5),
  /** L14: a box is met by an anchor that overlaps it so much; this share of all may be missed. */
  min_anchor_iou: Share.default(0.5),
  max_anchor_misses: Share.default(0.05),
});
export type Cleaning = z.infer<typeof Cleaning>;

/** Whether a rule that people may leave out is applied. */
export const isRuleOn = (
  id: string,
  { do_data_cleaning, cleaning }: { readonly do_data_cleaning: boolean; readonly cleaning: Cleaning },
): boolean => do_data_cleaning && !(cleaning.off as readonly string[]).includes(id);
