import { isRuleOn } from '../../config/cleaning.js';
import type { LedgerEntry } from '../../formats/cleaning-report.js';
import {
  appearance,
  aspectRatio,
  channels,
  duplicateImage,
  exifOrientation,
  fileFormat,
  leak,
  nearDuplicate,
  sideLength,
  unreadableImage,
} from './image-rules.js';
import {
  conflictingLabels,
  degenerateBox,
  difficultBox,
  duplicateBox,
  extremeBoxSize,
  outsideBox,
  spelling,
  tooManyBoxes,
  unlabelled,
  unreadableAnnotation,
  wrongDeclaredSize,
  wrongOrder,
} from './label-rules.js';
import type { CleaningState, Rule, RuleContext } from './rule.js';

/** In the order of application: files that cannot be read, the image, its boxes, and last the sample as a whole. */
export const RULES: readonly Rule[] = [
  leak,
  unreadableAnnotation,
  unreadableImage,
  duplicateImage,
  nearDuplicate,
  fileFormat,
  exifOrientation,
  channels,
  aspectRatio,
  appearance,
  wrongDeclaredSize,
  spelling,
  wrongOrder,
  outsideBox,
  degenerateBox,
  extremeBoxSize,
  duplicateBox,
  conflictingLabels,
  difficultBox,
  tooManyBoxes,
  sideLength,
  unlabelled,
];

/** Applies the rules to a sample until one of them drops it. */
export function applyRules(
  initial: CleaningState,
  context: RuleContext,
): { state: CleaningState; entries: LedgerEntry[] } {
  const { split, image: file } = initial.sample;
  const entries: LedgerEntry[] = [];
  let state = initial;
  for (const rule of RULES) {
    if (state.dropped) break;
    if (!rule.always && !isRuleOn(rule.id, context.data)) continue;
    const result = rule.apply(state, context);
    state = result.state;
    entries.push(...result.findings.map(finding => ({ split, file, rule: rule.id, ...finding })));
  }
  return { state, entries };
}
