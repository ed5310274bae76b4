import damerauLevenshtein from 'damerau-levenshtein';

/** The candidate with the smallest edit distance to a text. @param candidates at least one */
export function closest(text: string, candidates: readonly string[]): string {
  const distances = candidates.map(candidate => damerauLevenshtein(text, candidate).steps);
  return candidates[distances.indexOf(Math.min(...distances))] ?? '';
}
