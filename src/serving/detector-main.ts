import { type Detector, openDetector } from '../inference/detector.js';
import { AppError, errors } from '../errors/index.js';
import { readSignatures } from '../graph/saved-model.js';
import type { DetectorReply, DetectorRequest } from './detector-process.js';
import { shownScore } from './shown-score.js';

/** The process of a served model: loads it once, looks at images until its parent ends it or goes. */
let detector: Detector;

const reply = (message: DetectorReply): void => {
  if (process.connected) process.send!(message, () => undefined);
};

process.on('disconnect', () => process.exit(0));
// A terminal's Ctrl-C, or a service's end, reaches the whole group; the parent ends it once its requests are answered.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);
process.on('message', (request: DetectorRequest) => void answer(request));

async function answer(request: DetectorRequest): Promise<void> {
  try {
    if (request.type === 'load') reply(await load(request));
    else reply({ type: 'found', detections: await detector.detect(request.images) });
  } catch (error) {
    const known = error instanceof AppError ? error : errors.unexpected(error);
    reply({ type: 'failed', error: known.toJSON() });
  }
}

async function load({
  folder,
  ...settings
}: Extract<DetectorRequest, { type: 'load' }>): Promise<DetectorReply> {
  detector = await openDetector(folder, settings);
  // TensorFlow reads the variables and plans the graph at the first call: no request shall wait for it.
  const [height, width] = detector.card.image_size;
  await detector.detect([{ width, height, pixels: new Uint8Array(width * height * 3) }]);
  const { card, engine } = detector;
  const signatures = await readSignatures(folder);
  return { type: 'ready', model: { engine, card, signatures, shownScore: await shownScore(folder) } };
}
