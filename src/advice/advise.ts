import type { Suggestion } from '../formats/suggestions.js';
import type { AdviceInput, Patch, RuleMatch } from './rule.js';
import { DISTILLATION_RULES } from './rules/distillation.js';
import { ERROR_RULES } from './rules/error-types.js';
import { RESULT_RULES } from './rules/results.js';
import { TRAINING_RULES } from './rules/training.js';

export const RULES = [...ERROR_RULES, ...RESULT_RULES, ...TRAINING_RULES, ...DISTILLATION_RULES];

/**
 * Suggests changes for the next run, the most promising first. Where two suggestions set one key to different values, the
 * stronger one keeps its patch.
 */
export function advise(input: AdviceInput): Suggestion[] {
  const suggestions = RULES.flatMap(({ id, match }) =>
    match(input).map(result => suggestionFrom(id, result)),
  );
  suggestions.sort((a, b) => b.priority - a.priority);
  return suggestions.map((suggestion, i) => {
    const stronger = suggestions.slice(0, i).find(({ patch }) => conflict(patch, suggestion.patch));
    return stronger ? { ...suggestion, patch: {}, yieldsTo: stronger.id } : suggestion;
  });
}

function suggestionFrom(rule: string, { subject, ...match }: RuleMatch): Suggestion {
  const { gain, confidence } = match.expected;
  return {
    id: subject === undefined ? rule : `${rule}:${subject}`,
    rule,
    priority: gain * confidence,
    ...match,
  };
}

const OFFLINE_DISTILLATION = 'distillation.use_offline_kd';

function conflict(stronger: Patch, weaker: Patch): boolean {
  const values = new Map(Object.entries(stronger));
  return Object.entries(weaker).some(([path, value]) => {
    const other = values.get(path);
    if (other !== undefined) return JSON.stringify(other) !== JSON.stringify(value);
    // Without a teacher, the weights of the distillation terms have no effect.
    return path.startsWith('distillation.') && values.get(OFFLINE_DISTILLATION) === false;
  });
}
