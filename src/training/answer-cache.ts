import { readFile, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomically } from '../files/atomic.js';
import { sha256 } from '../files/hashing.js';

/** A teacher's answers for the k best anchors of each of some images, one image after another. */
export interface ImageAnswers {
  /** [images, k] */
  readonly anchors: Int32Array;
  /** [images, k, classes] */
  readonly logits: Float32Array;
  /** [images, k, 4] */
  readonly deltas: Float32Array;
}

export interface ImageView {
  readonly sampleId: string;
  readonly view: number;
}

export interface AnswerShape {
  readonly kept: number;
  readonly numClasses: number;
}

const HASH_BYTES = 32;

/**
 * Answers that were asked for once, one file a view of an image: the hash of what follows, then anchors, logits and deltas as
 * they are in memory. Not rounded: whoever goes on without the files, by asking anew, goes on with the same numbers. A file that is
 * torn or damaged is as good as none.
 */
export class AnswerCache {
  private constructor(
    private readonly folder: string,
    private readonly shape: AnswerShape,
  ) {}

  /** The folder's time becomes now: it tells those in use from those that a run left for ever. */
  static async open(folder: string, shape: AnswerShape): Promise<AnswerCache> {
    const now = new Date();
    await utimes(folder, now, now).catch(() => undefined); // made with the first answers
    return new AnswerCache(folder, shape);
  }

  /** Of one image; null: nobody asked yet. */
  async read(of: ImageView): Promise<ImageAnswers | null> {
    const { kept, numClasses } = this.shape;
    const bytes = await readFile(this.#fileOf(of)).catch(() => null);
    if (bytes?.length !== HASH_BYTES + 4 * kept * (1 + numClasses + 4)) return null;
    // A copy that starts at its own buffer's beginning: what is read may be a view, unaligned.
    const { buffer } = new Uint8Array(bytes.subarray(HASH_BYTES));
    if (sha256(new Uint8Array(buffer)) !== bytes.toString('hex', 0, HASH_BYTES)) return null;
    return {
      anchors: new Int32Array(buffer, 0, kept),
      logits: new Float32Array(buffer, 4 * kept, kept * numClasses),
      deltas: new Float32Array(buffer, 4 * kept * (1 + numClasses), kept * 4),
    };
  }

  /** Atomic: another worker may read the file, or write the same. */
  async write(of: ImageView, { anchors, logits, deltas }: ImageAnswers): Promise<void> {
    const content = Buffer.concat(
      [anchors, logits, deltas].map(values =>
        Buffer.from(values.buffer, values.byteOffset, values.byteLength),
      ),
    );
    const hash = Buffer.from(sha256(content), 'hex');
    await writeFileAtomically(this.#fileOf(of), Buffer.concat([hash, content]));
  }

  #fileOf({ sampleId, view }: ImageView): string {
    return join(this.folder, String(view), sha256(sampleId));
  }
}
