import { readFile, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { TrainingBatch } from '../data/batches.js';
import { messageOf } from '../errors/index.js';
import { writeFileAtomically } from '../files/atomic.js';
import { sha256 } from '../files/hashing.js';
import { joinOutputs, splitOutputs, type TeacherOutputs } from './teacher-outputs.js';

/** One augmented view of an image. */
interface ImageView {
  readonly sampleId: string;
  readonly view: number;
}

export interface TeacherCacheOptions {
  readonly folder: string;
  /** Anchors of an image whose outputs are kept. */
  readonly kept: number;
  readonly numClasses: number;
  /** Runs the teacher. @param images [images, height, width, 3], any number of images */
  readonly infer: (images: Float32Array) => Promise<TeacherOutputs>;
  readonly onNote: (note: string) => void;
}

const HASH_BYTES = 32;

/**
 * A frozen teacher that is run once for each view of an image. The file of a view holds the hash of the rest, then anchors, logits
 * and deltas as they are in memory. They are not rounded: a training that lost its files runs the teacher again and goes on with the
 * same numbers. A torn or damaged file counts as missing.
 */
export class TeacherCache {
  /** The number of steps in which the teacher ran, and the time that it took. */
  readonly inference = { steps: 0, seconds: 0 };
  #isWritable = true;

  private constructor(private readonly options: TeacherCacheOptions) {}

  /** Sets the folder's time to now, which tells a folder in use from one that a run abandoned. */
  static async open(options: TeacherCacheOptions): Promise<TeacherCache> {
    const now = new Date();
    await utimes(options.folder, now, now).catch(() => undefined); // the first write creates it
    return new TeacherCache(options);
  }

  /** The outputs for the images of a batch, in their order. */
  async outputsFor(batch: TrainingBatch): Promise<TeacherOutputs> {
    const keys = batch.sampleIds.map((sampleId, i): ImageView => ({ sampleId, view: batch.views[i]! }));
    const files = keys.map(key => this.#fileOf(key));
    const found = new Map<string, TeacherOutputs>();
    const missing: number[] = [];
    for (const [i, file] of files.entries()) {
      // A batch repeats a view where a small data set has fewer views than the batch has repetitions.
      if (files.indexOf(file) < i) continue;
      const outputs = await this.read(keys[i]!);
      if (outputs) found.set(file, outputs);
      else missing.push(i);
    }
    if (missing.length > 0)
      for (const [i, outputs] of await this.#infer(batch, missing)) {
        found.set(files[i]!, outputs);
        await this.#keep(keys[i]!, outputs);
      }
    return joinOutputs(files.flatMap(file => found.get(file) ?? []));
  }

  /** The outputs for one view; null: there are none. */
  async read(key: ImageView): Promise<TeacherOutputs | null> {
    const { kept, numClasses } = this.options;
    const bytes = await readFile(this.#fileOf(key)).catch(() => null);
    if (bytes?.length !== HASH_BYTES + 4 * kept * (1 + numClasses + 4)) return null;
    // Copied, because the bytes that were read need not be aligned in their buffer.
    const { buffer } = new Uint8Array(bytes.subarray(HASH_BYTES));
    if (sha256(new Uint8Array(buffer)) !== bytes.toString('hex', 0, HASH_BYTES)) return null;
    return {
      anchors: new Int32Array(buffer, 0, kept),
      logits: new Float32Array(buffer, 4 * kept, kept * numClasses),
      deltas: new Float32Array(buffer, 4 * kept * (1 + numClasses), kept * 4),
    };
  }

  /** Atomic: another worker may read or write the same view. */
  async write(key: ImageView, { anchors, logits, deltas }: TeacherOutputs): Promise<void> {
    const content = Buffer.concat(
      [anchors, logits, deltas].map(values =>
        Buffer.from(values.buffer, values.byteOffset, values.byteLength),
      ),
    );
    const hash = Buffer.from(sha256(content), 'hex');
    await writeFileAtomically(this.#fileOf(key), Buffer.concat([hash, content]));
  }

  /** @param missing places in the batch */
  async #infer(
    { images, sampleIds }: TrainingBatch,
    missing: readonly number[],
  ): Promise<[place: number, outputs: TeacherOutputs][]> {
    const started = performance.now();
    const size = images.length / sampleIds.length;
    const selected = new Float32Array(missing.length * size);
    for (const [i, place] of missing.entries())
      selected.set(images.subarray(place * size, (place + 1) * size), i * size);
    const outputs = splitOutputs(await this.options.infer(selected), missing.length);
    this.inference.steps++;
    this.inference.seconds += (performance.now() - started) / 1000;
    return outputs.map((one, i) => [missing[i]!, one]);
  }

  /** A failed write makes training slower, not wrong: it is reported once. */
  async #keep(key: ImageView, outputs: TeacherOutputs): Promise<void> {
    if (!this.#isWritable) return;
    try {
      await this.write(key, outputs);
    } catch (error) {
      this.#isWritable = false;
      this.options.onNote(`warning: outputs of the teacher are no longer cached: ${messageOf(error)}`);
    }
  }

  #fileOf({ sampleId, view }: ImageView): string {
    return join(this.options.folder, String(view), sha256(sampleId));
  }
}
