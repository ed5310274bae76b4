/**
 * JSON as Python writes it: NaN and Infinity come out as numbers, integers above 2^53 under an id's name as bigints.
 * Throws a SyntaxError as JSON.parse does.
 */
export function parseCocoJson(text: string): unknown {
  if (!LARGE_ID.test(text) && !NOT_FINITE.test(text)) return JSON.parse(text);
  const marked = text.replace(TOKENS, token => (token.startsWith('"') ? token : `"${MARK}${token}"`));
  return JSON.parse(
    marked.replace(LARGE_IDS, (_, before: string, digits: string) => `${before}"${MARK}${digits}"`),
    (_key, value: unknown) =>
      typeof value === 'string' && value.startsWith(MARK) ? unmark(value.slice(MARK.length)) : value,
  );
}

/** No JSON text holds this character unescaped inside of a string that others wrote. */
const MARK = '\ufdd0';

const LARGE_ID = /"(?:id|image_id|category_id)"\s*:\s*-?\d{16}/;
const LARGE_IDS = /("(?:id|image_id|category_id)"\s*:\s*)(-?\d{16,})(?![\d.eE])/g;
const NOT_FINITE = /[:,[\s]-?(?:NaN|Infinity)\b/;
const TOKENS = /"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/g;

function unmark(token: string): number | bigint {
  if (/^-?\d+$/.test(token)) {
    const value = BigInt(token);
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }
  return Number(token);
}
