import type { TrainingBatch } from '../data/batches.js';
import { messageOf } from '../errors/index.js';
import type { AnswerCache, ImageAnswers } from './answer-cache.js';

interface TeachingOptions {
  readonly cache: AnswerCache;
  /** @param images [images, height, width, 3], any number of images. */
  readonly ask: (images: Float32Array) => Promise<ImageAnswers>;
  readonly onNote: (note: string) => void;
}

/** A frozen teacher that is asked once about each view of an image. */
export class Teaching {
  /** In how many steps it was asked, and how long it took to answer. */
  readonly asked = { steps: 0, seconds: 0 };
  #keeps = true;

  constructor(private readonly options: TeachingOptions) {}

  /** What it says of the images of a batch, in their order. */
  async answersTo(batch: TrainingBatch): Promise<ImageAnswers> {
    const { cache } = this.options;
    const { sampleIds, view } = batch;
    const answers = new Map<string, ImageAnswers | null>();
    for (const sampleId of sampleIds) answers.set(sampleId, await cache.read({ sampleId, view }));
    const unknown = [...answers.keys()].filter(sampleId => answers.get(sampleId) === null);
    if (unknown.length > 0) {
      const fresh = await this.#ask(batch, unknown);
      for (const [i, sampleId] of unknown.entries()) {
        answers.set(sampleId, fresh[i]!);
        await this.#keep({ sampleId, view }, fresh[i]!);
      }
    }
    return joined(sampleIds.map(sampleId => answers.get(sampleId)!));
  }

  async #ask(
    { images, sampleIds }: TrainingBatch,
    unknown: readonly string[],
  ): Promise<readonly ImageAnswers[]> {
    const began = performance.now();
    const size = images.length / sampleIds.length;
    const shown = new Float32Array(unknown.length * size);
    for (const [i, sampleId] of unknown.entries()) {
      const at = sampleIds.indexOf(sampleId) * size;
      shown.set(images.subarray(at, at + size), i * size);
    }
    const answers = await this.options.ask(shown);
    this.asked.steps++;
    this.asked.seconds += (performance.now() - began) / 1000;
    return unknown.map((_, i) => partOf(answers, i, unknown.length));
  }

  /** Without a place for answers training is slower, not wrong. */
  async #keep(of: Parameters<AnswerCache['write']>[0], answers: ImageAnswers): Promise<void> {
    if (!this.#keeps) return;
    try {
      await this.options.cache.write(of, answers);
    } catch (error) {
      this.#keeps = false;
      this.options.onNote(`warning: answers of the teacher are not kept from here on: ${messageOf(error)}`);
    }
  }
}

/** The answers to one of `images` images. */
function partOf({ anchors, logits, deltas }: ImageAnswers, index: number, images: number): ImageAnswers {
  const part = <T extends Int32Array | Float32Array>(values: T): T => {
    const size = values.length / images;
    return values.slice(index * size, (index + 1) * size) as T;
  };
  return { anchors: part(anchors), logits: part(logits), deltas: part(deltas) };
}

function joined(parts: readonly ImageAnswers[]): ImageAnswers {
  const floats = (valuesOf: (part: ImageAnswers) => Float32Array): Float32Array => {
    const size = valuesOf(parts[0]!).length;
    const all = new Float32Array(parts.length * size);
    parts.forEach((part, i) => all.set(valuesOf(part), i * size));
    return all;
  };
  return {
    anchors: Int32Array.from(parts.flatMap(({ anchors }) => [...anchors])),
    logits: floats(({ logits }) => logits),
    deltas: floats(({ deltas }) => deltas),
  };
}
