import { parseRunConfig, type RunConfig } from '../config/run.js';
import { DISTILLATION_RULES } from './rules/distillation.js';
import { ERROR_RULES } from './rules/error-kinds.js';
import { RESULT_RULES } from './rules/results.js';
import { TRAINING_RULES } from './rules/training.js';
import type { AdviceInput, Finding, Patch, Suggestion } from './suggestion.js';
import { withValue } from './tunable.js';

export const RULES = [...ERROR_RULES, ...RESULT_RULES, ...TRAINING_RULES, ...DISTILLATION_RULES];

/** What to change, the most promising first. Where two want the same key otherwise, the stronger one has it. */
export function advise(input: AdviceInput): Suggestion[] {
  const found = RULES.flatMap(({ id, find }) => find(input).map(finding => suggestionOf(id, finding)));
  found.sort((a, b) => b.priority - a.priority);
  return found.map((suggestion, i) => {
    const rival = found.slice(0, i).find(({ patch }) => collide(patch, suggestion.patch));
    return rival ? { ...suggestion, patch: {}, yieldsTo: rival.id } : suggestion;
  });
}

function suggestionOf(rule: string, { about, ...finding }: Finding): Suggestion {
  const { gain, confidence } = finding.expected;
  return {
    id: about === undefined ? rule : `${rule}:${about}`,
    rule,
    priority: gain * confidence,
    ...finding,
  };
}

const SWITCH = 'distillation.use_offline_kd';

function collide(stronger: Patch, weaker: Patch): boolean {
  const values = new Map(Object.entries(stronger));
  return Object.entries(weaker).some(([path, value]) => {
    const other = values.get(path);
    if (other !== undefined) return JSON.stringify(other) !== JSON.stringify(value);
    // Without a teacher the weights of its terms have no meaning.
    return path.startsWith('distillation.') && values.get(SWITCH) === false;
  });
}

/** The next round's configuration: the run's own with the suggestions' changes, checked as any other. */
export function applySuggestions(
  config: RunConfig,
  suggestions: readonly Pick<Suggestion, 'patch'>[],
): RunConfig {
  // The first one that names a key has it.
  const changes = Object.assign({}, ...[...suggestions].reverse().map(({ patch }) => patch)) as Patch; // of patches only
  return Object.entries(changes).reduce(
    (changed, [path, value]) => parseRunConfig(withValue(changed, path, value), `suggested ${path}`),
    config,
  );
}
