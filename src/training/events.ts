import { loadTensorFlow } from '../graph/tensorflow.js';

/** Writes an event file for TensorBoard. */
export interface EventWriter {
  scalars(step: number, values: Readonly<Record<string, number>>): void;
  flush(): void;
}

export async function openEvents(folder: string): Promise<EventWriter> {
  const { node } = await loadTensorFlow();
  const writer = node.summaryFileWriter(folder);
  return {
    scalars: (step, values) => {
      for (const [name, value] of Object.entries(values)) writer.scalar(name, value, step);
    },
    flush: () => writer.flush(),
  };
}
