import { degenerate, duplicate, extremeSize, outside, wrongOrder } from './box-rules.js';
import { unlabelled, unreadableAnnotation, wrongSize } from './label-rules.js';
import { channels, leak, orientation, unreadable } from './picture-rules.js';
import type { Finding, Rule, RuleContext, Working } from './rule.js';

/** In the order in which they are applied: what cannot be read, then the picture, then its boxes, then what is left. */
export const RULES: readonly Rule[] = [
  leak,
  unreadableAnnotation,
  unreadable,
  orientation,
  channels,
  wrongSize,
  wrongOrder,
  outside,
  degenerate,
  extremeSize,
  duplicate,
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
    if (!rule.always && !context.data.do_data_cleaning) continue;
    const verdict = rule.apply(current, context);
    current = verdict.working;
    findings.push(...verdict.findings.map(finding => ({ rule: rule.id, ...finding })));
  }
  return { working: current, findings };
}
