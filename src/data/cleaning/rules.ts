import { isRuleOn } from '../../config/cleaning.js';
import {
  conflict,
  degenerate,
  difficult,
  duplicate,
  extremeSize,
  outside,
  spelling,
  wrongOrder,
} from './box-rules.js';
import { tooMany, unlabelled, unreadableAnnotation, wrongSize } from './label-rules.js';
import {
  appearance,
  aspect,
  channels,
  encoding,
  leak,
  nearDuplicate,
  orientation,
  sameAsAnother,
  sideLength,
  unreadable,
} from './image-rules.js';
import type { Finding, Rule, RuleContext, Working } from './rule.js';

/** In the order in which they are applied: what cannot be read, then the image, then its boxes, then what is left. */
export const RULES: readonly Rule[] = [
  leak,
  unreadableAnnotation,
  unreadable,
  sameAsAnother,
  nearDuplicate,
  encoding,
  orientation,
  channels,
  aspect,
  appearance,
  wrongSize,
  spelling,
  wrongOrder,
  outside,
  degenerate,
  extremeSize,
  duplicate,
  conflict,
  difficult,
  tooMany,
  sideLength,
  unlabelled,
];

export interface RuleFinding extends Finding {
  readonly rule: string;
}

/** Takes a sample through the rules until one drops it. */
export function applyRules(
  working: Working,
  context: RuleContext,
): { working: Working; findings: RuleFinding[] } {
  const findings: RuleFinding[] = [];
  let current = working;
  for (const rule of RULES) {
    if (current.dropped) break;
    if (!rule.always && !isRuleOn(rule.id, context.data)) continue;
    const verdict = rule.apply(current, context);
    current = verdict.working;
    findings.push(...verdict.findings.map(finding => ({ rule: rule.id, ...finding })));
  }
  return { working: current, findings };
}
