import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** A list of objects, or an object of such lists. */
type Lists = readonly object[] | Readonly<Record<string, readonly object[]>>;

/** A piece ends with the first element beyond this number of characters. */
const PIECE_CHARACTERS = 2 ** 16;

/**
 * Writes lists as JSON, byte for byte as JSON.stringify gives them, and a line break. The text never is in memory as a whole:
 * V8's strings end at 536,870,888 characters, which the detections in some 36,500 images reach.
 */
export const writeJsonLists = (file: string, lists: Lists): Promise<void> =>
  pipeline(Readable.from(jsonPieces(lists)), createWriteStream(file));

/** The text of lists, in pieces. */
export function* jsonPieces(lists: Lists): Generator<string> {
  if (isList(lists)) yield* piecesOfList(lists);
  else {
    let before = '{';
    for (const [key, list] of Object.entries(lists)) {
      yield `${before}${JSON.stringify(key)}:`;
      yield* piecesOfList(list);
      before = ',';
    }
    yield before === '{' ? '{}' : '}';
  }
  yield '\n';
}

/** Array.isArray does not narrow lists that are readonly. */
const isList = (lists: Lists): lists is readonly object[] => Array.isArray(lists);

function* piecesOfList(list: readonly object[]): Generator<string> {
  let piece = '[';
  for (const [index, element] of list.entries()) {
    piece += `${index > 0 ? ',' : ''}${JSON.stringify(element)}`;
    if (piece.length < PIECE_CHARACTERS) continue;
    yield piece;
    piece = '';
  }
  yield `${piece}]`;
}
