import type * as tf from '@tensorflow/tfjs-core';
import { loadTensorFlow } from './tensorflow.js';

type Feeds = Readonly<Record<string, tf.Tensor>>;

/** A loaded program: its signatures share one session and its variables. */
export class Program {
  readonly #signatures = new Map<string, Promise<{ predict(inputs: Feeds): unknown }>>();

  constructor(private readonly folder: string) {}

  /** Runs a signature; the caller disposes what it gets. */
  async run(signature: string, inputs: Feeds): Promise<Record<string, tf.Tensor>> {
    const model = await this.#load(signature);
    return model.predict(inputs) as Record<string, tf.Tensor>;
  }

  /** Runs a signature that only changes state. */
  async execute(signature: string, inputs: Feeds): Promise<void> {
    const outputs = await this.run(signature, inputs);
    for (const tensor of Object.values(outputs)) tensor.dispose();
  }

  #load(signature: string): Promise<{ predict(inputs: Feeds): unknown }> {
    let loaded = this.#signatures.get(signature);
    if (!loaded) {
      loaded = loadTensorFlow().then(({ node }) => node.loadSavedModel(this.folder, ['serve'], signature));
      this.#signatures.set(signature, loaded);
    }
    return loaded;
  }
}
