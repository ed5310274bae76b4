import damerauLevenshtein from 'damerau-levenshtein';
import { isRuleOn } from '../../config/cleaning.js';
import type { Data } from '../../config/run.js';
import { errors } from '../../errors/index.js';
import type { RawDataset } from '../raw-dataset.js';

/** How the labels of a data set are read, decided from all of them together. */
export interface LabelPlan {
  /** By label as written: the label that replaces it, and why. */
  readonly changes: ReadonlyMap<string, { readonly to: string; readonly reason: string }>;
  /** By label after the changes: another label that may be meant. Only a person can decide. */
  readonly suggestions: ReadonlyMap<string, string>;
  /** The number of boxes of each label after the changes. */
  readonly counts: ReadonlyMap<string, number>;
}

/** Shorter words often differ in one letter without being typos. */
const MIN_TYPO_LETTERS = 4;

/** Applies data.cleaning.label_map, unifies spellings, and finds labels that look like typos of others. */
export function planLabels({ samples, classes }: RawDataset, data: Data): LabelPlan {
  const written = countLabels(samples.flatMap(({ boxes }) => boxes.map(({ label }) => label)));
  const changes = new Map(
    Object.entries(data.cleaning.label_map)
      .filter(([from]) => written.has(from))
      .map(([from, to]) => [from, { to, reason: `data.cleaning.label_map replaces "${from}" by "${to}"` }]),
  );
  const labelOf = (label: string): string => changes.get(label)?.to ?? label;
  const counted = (): Map<string, number> => {
    const counts = new Map<string, number>();
    for (const [label, times] of written)
      counts.set(labelOf(label), (counts.get(labelOf(label)) ?? 0) + times);
    return counts;
  };
  if (isRuleOn('L09', data)) {
    const spelling = unifySpellings(counted(), { fixed: data.classes, preferred: classes ?? [] });
    for (const label of written.keys()) {
      const to = spelling.get(labelOf(label));
      if (to !== undefined)
        changes.set(label, {
          to,
          reason: `"${label}" differs from "${to}" only in case, blanks or Unicode form`,
        });
    }
  }
  const counts = counted();
  return {
    changes,
    counts,
    suggestions: data.classes ? similarClasses(counts, data.classes) : findTypos(counts, data),
  };
}

function countLabels(labels: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return counts;
}

/** Equal for labels that differ only in case, blanks or Unicode form. Upper case comes first because it expands ß. */
const canonicalForm = (label: string): string =>
  label.normalize('NFKC').toUpperCase().toLowerCase().replace(/\s+/g, ' ').trim();

/** @returns by label, another spelling of it that replaces it: the configured class, else the most frequent spelling */
function unifySpellings(
  counts: ReadonlyMap<string, number>,
  { fixed, preferred }: { fixed: readonly string[] | null; preferred: readonly string[] },
): Map<string, string> {
  const byForm = new Map<string, string[]>();
  for (const label of fixed ?? counts.keys())
    byForm.set(canonicalForm(label), [...(byForm.get(canonicalForm(label)) ?? []), label]);
  const replacements = new Map<string, string>();
  for (const label of counts.keys()) {
    const form = canonicalForm(label);
    const spellings = byForm.get(form) ?? [];
    // Classes that differ only in spelling were configured on purpose.
    if (fixed && (spellings.length !== 1 || fixed.includes(label))) continue;
    const rank = (one: string): number => (preferred.includes(one) ? 1e12 : 0) + (counts.get(one) ?? 0);
    const to = form === '' ? '' : spellings.toSorted((a, b) => rank(b) - rank(a))[0];
    if (to !== undefined && to !== label) replacements.set(label, to);
  }
  return replacements;
}

/** Whether one letter is missing, added or replaced, or two are swapped. Different numbers are no typos. */
function isTypo(a: string, b: string): boolean {
  const [one, other] = [canonicalForm(a), canonicalForm(b)];
  if (Math.min(one.length, other.length) < MIN_TYPO_LETTERS) return false;
  if (one.replace(/\d/g, '') === other.replace(/\d/g, '')) return false;
  return damerauLevenshtein(one, other).steps <= 1;
}

function findTypos(counts: ReadonlyMap<string, number>, { cleaning }: Data): Map<string, string> {
  const typos = new Map<string, string>();
  const byCount = [...counts].sort(([, a], [, b]) => b - a);
  for (const [rare, times] of byCount) {
    const common = byCount.find(
      ([label, often]) => times < cleaning.max_typo_share * often && isTypo(rare, label),
    );
    if (common) typos.set(rare, common[0]);
  }
  return typos;
}

function similarClasses(
  counts: ReadonlyMap<string, number>,
  classes: readonly string[],
): Map<string, string> {
  const known = new Set(classes);
  return new Map(
    [...counts.keys()].flatMap(label => {
      const similar = known.has(label) ? undefined : classes.find(name => isTypo(label, name));
      return similar === undefined ? [] : [[label, similar] as const];
    }),
  );
}

/** Rejects all unknown labels at once. Known are the configured classes, else those of the data set's own list. */
export function assertLabelsKnown({ samples, classes }: RawDataset, data: Data, plan: LabelPlan): void {
  const allowed = data.classes ?? classes;
  if (!allowed) return;
  const known = new Set(allowed);
  const unknown = new Map<string, { file: string; label: string; times: number; meant?: string }>();
  for (const { annotation, image, boxes } of samples)
    for (const { label: written } of boxes) {
      const label = plan.changes.get(written)?.to ?? written;
      if (known.has(label) || label === '') continue;
      const first = { file: annotation ?? image, label, times: 0, meant: plan.suggestions.get(label) };
      const place = unknown.get(label) ?? first;
      unknown.set(label, { ...place, times: place.times + 1 });
    }
  if (unknown.size > 0) throw errors.labelUnknown({ places: [...unknown.values()], allowed });
}

/** The configured classes; else those of the data set's own list that have boxes; else the labels of the boxes, sorted. */
export function chooseClasses(labels: Iterable<string>, { classes }: RawDataset, data: Data): string[] {
  if (data.classes) return [...data.classes];
  const used = new Set(labels);
  return classes ? classes.filter(name => used.has(name)) : [...used].sort();
}
