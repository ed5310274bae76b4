import damerauLevenshtein from 'damerau-levenshtein';
import { isRuleOn } from '../../config/cleaning.js';
import type { Data } from '../../config/run.js';
import type { Source } from './splits.js';

/** What becomes of the labels of a data set, decided from all of them at once. */
export interface LabelPlan {
  /** By label as it is written: what it becomes, and why. */
  readonly changes: ReadonlyMap<string, { readonly to: string; readonly reason: string }>;
  /** By label after that: another that it may be meant to be. Only people can tell. */
  readonly suggestions: ReadonlyMap<string, string>;
  /** How often each label occurs after the changes. */
  readonly counts: ReadonlyMap<string, number>;
}

/** Shorter words are one slip from one another by nature. */
const MIN_TYPO_LETTERS = 4;

/** Labels that people map, those that differ in writing only, and those that look like a slip of another. */
export function planLabels({ samples, classes }: Source, data: Data): LabelPlan {
  const written = countLabels(samples.flatMap(({ sample }) => sample.boxes.map(({ label }) => label)));
  const changes = new Map(
    Object.entries(data.cleaning.label_map)
      .filter(([from]) => written.has(from))
      .map(([from, to]) => [from, { to, reason: `data.cleaning.label_map makes "${from}" a "${to}"` }]),
  );
  const labelOf = (label: string): string => changes.get(label)?.to ?? label;
  const counted = (): Map<string, number> => {
    const counts = new Map<string, number>();
    for (const [label, times] of written)
      counts.set(labelOf(label), (counts.get(labelOf(label)) ?? 0) + times);
    return counts;
  };
  if (isRuleOn('L09', data)) {
    const spelling = spellings(counted(), { fixed: data.classes, preferred: classes ?? [] });
    for (const label of written.keys()) {
      const to = spelling.get(labelOf(label));
      if (to !== undefined)
        changes.set(label, { to, reason: `"${label}" is "${to}" but for case, blanks or Unicode form` });
    }
  }
  const counts = counted();
  return {
    changes,
    counts,
    suggestions: data.classes ? nearClasses(counts, data.classes) : typos(counts, data),
  };
}

function countLabels(labels: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return counts;
}

/** Equal for labels that differ only in case, blanks or Unicode form. Upper case first: it unfolds ß and its like. */
const formOf = (label: string): string =>
  label.normalize('NFKC').toUpperCase().toLowerCase().replace(/\s+/g, ' ').trim();

/** Labels that are another label in other writing → that one: a configured class, else the most frequent writing. */
function spellings(
  counts: ReadonlyMap<string, number>,
  { fixed, preferred }: { fixed: readonly string[] | null; preferred: readonly string[] },
): Map<string, string> {
  const byForm = new Map<string, string[]>();
  for (const label of fixed ?? counts.keys())
    byForm.set(formOf(label), [...(byForm.get(formOf(label)) ?? []), label]);
  const found = new Map<string, string>();
  for (const label of counts.keys()) {
    const form = formOf(label);
    const writings = byForm.get(form) ?? [];
    // Two classes of one form: people tell them apart.
    if (fixed && (writings.length !== 1 || fixed.includes(label))) continue;
    const rank = (one: string): number => (preferred.includes(one) ? 1e12 : 0) + (counts.get(one) ?? 0);
    const to = form === '' ? '' : writings.toSorted((a, b) => rank(b) - rank(a))[0];
    if (to !== undefined && to !== label) found.set(label, to);
  }
  return found;
}

/** At most one letter more, less, other, or two that changed places; numbers count, they are no slips. */
function isSlip(a: string, b: string): boolean {
  const [one, other] = [formOf(a), formOf(b)];
  if (Math.min(one.length, other.length) < MIN_TYPO_LETTERS) return false;
  if (one.replace(/\d/g, '') === other.replace(/\d/g, '')) return false;
  return damerauLevenshtein(one, other).steps <= 1;
}

function typos(counts: ReadonlyMap<string, number>, { cleaning }: Data): Map<string, string> {
  const found = new Map<string, string>();
  const byCount = [...counts].sort(([, a], [, b]) => b - a);
  for (const [rare, times] of byCount) {
    const common = byCount.find(
      ([label, often]) => times < cleaning.max_typo_share * often && isSlip(rare, label),
    );
    if (common) found.set(rare, common[0]);
  }
  return found;
}

function nearClasses(counts: ReadonlyMap<string, number>, classes: readonly string[]): Map<string, string> {
  const known = new Set(classes);
  return new Map(
    [...counts.keys()].flatMap(label => {
      const near = known.has(label) ? undefined : classes.find(name => isSlip(label, name));
      return near === undefined ? [] : [[label, near] as const];
    }),
  );
}
