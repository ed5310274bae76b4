import { type Detector, openDetector } from '../inference/detector.js';
import { AppError, errors } from '../errors/index.js';
import { readSignatures } from '../graph/saved-model.js';
import type { DetectorReply, DetectorRequest } from './detector-process.js';
import { readScoreThreshold } from './score-threshold.js';

/** The process of a served model. It loads the model once and detects objects until its parent ends it or exits. */
let detector: Detector;

const reply = (message: DetectorReply): void => {
  if (process.connected) process.send!(message, () => undefined);
};

process.on('disconnect', () => process.exit(0));
// Signals of a terminal or a service manager reach the whole process group. The parent ends this process once pending
// requests are completed.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);
process.on('message', (request: DetectorRequest) => void answer(request));

async function answer(request: DetectorRequest): Promise<void> {
  try {
    if (request.type === 'load') reply(await load(request));
    else reply({ type: 'detected', detections: await detector.detect(request.images) });
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
  // TensorFlow reads the variables and plans the graph in the first call. No request should wait for that.
  const [height, width] = detector.card.image_size;
  await detector.detect([{ width, height, pixels: new Uint8Array(width * height * 3) }]);
  const { card, engine } = detector;
  const signatures = await readSignatures(folder);
  const scoreThreshold = await readScoreThreshold(folder);
  return { type: 'loaded', model: { engine, card, signatures, scoreThreshold } };
}
