import { compiledModule } from '../package-root.js';
import type { Detection, DetectorInput } from '../inference/engine.js';
import type { ModelCard } from '../formats/model-card.js';
import { AppError, type ErrorFacts, errors } from '../errors/index.js';
import type { SignatureInfo } from '../graph/saved-model.js';
import { forkTensorFlow, sendMessage, waitForExit } from '../native/tensorflow-process.js';
import type { Settings } from '../settings.js';

/** What a model says of itself once it is loaded. */
export interface LoadedModel {
  readonly engine: string;
  readonly card: ModelCard;
  readonly signatures: Readonly<Record<string, SignatureInfo>>;
  /** Detections below it are not shown in ModelArts' form. */
  readonly shownScore: number;
}

/** Parent to child. One request at a time. */
export type DetectorRequest =
  | { readonly type: 'load'; readonly folder: string; readonly engine: Settings['engine'] }
  | { readonly type: 'detect'; readonly images: readonly DetectorInput[] };
/** Child to parent. */
export type DetectorReply =
  | { readonly type: 'ready'; readonly model: LoadedModel }
  | { readonly type: 'found'; readonly detections: Detection[][] }
  | { readonly type: 'failed'; readonly error: ErrorFacts };

export interface DetectorProcess {
  readonly pid: number;
  readonly model: LoadedModel;
  /** Images of one size; one call at a time. */
  detect(images: readonly DetectorInput[]): Promise<Detection[][]>;
  /** How the process ended, once it has: by itself, or because it was ended. */
  readonly ended: Promise<AppError>;
  end(): void;
}

export interface DetectorOptions {
  /** For errors. */
  readonly named: string;
  readonly folder: string;
  readonly settings: Settings;
  /** How long one call may take: a process that hangs is killed. */
  readonly callSeconds: number;
  /** Ends the process, also while it loads. */
  readonly signal: AbortSignal;
}

const PROGRAM = compiledModule('./detector-main.js', import.meta.url);
/** Large models are read and planned in seconds; slow disks are slow. */
const LOAD_SECONDS = 300;

/** Loads a model into a process of its own: neither a native crash nor a long call touches who asks it. */
export async function startDetector(options: DetectorOptions): Promise<DetectorProcess> {
  const { named, folder, settings, callSeconds, signal } = options;
  const { child, outputTail } = forkTensorFlow(PROGRAM, settings, 'detector.log');
  let pending: { resolve: (reply: DetectorReply) => void; reject: (error: unknown) => void } | undefined;
  let crash: AppError | undefined;
  const fail = (how: string): AppError => {
    crash ??= errors.detectorCrashed({ named, how, lastWords: outputTail() });
    pending?.reject(crash);
    return crash;
  };
  const ended = waitForExit(child).then(fail, error => fail(String(error)));
  child.on('message', (reply: DetectorReply) => pending?.resolve(reply));

  const call = async (request: DetectorRequest, seconds: number): Promise<DetectorReply> => {
    if (crash) throw crash;
    const late = setTimeout(() => {
      crash = errors.detectorCrashed({
        named,
        how: `no answer within ${seconds} s`,
        lastWords: outputTail(),
      });
      child.kill('SIGKILL');
    }, seconds * 1000);
    try {
      const reply = await new Promise<DetectorReply>((resolve, reject) => {
        pending = { resolve, reject };
        sendMessage(child, request);
      });
      if (reply.type === 'failed') throw AppError.from(reply.error);
      return reply;
    } finally {
      clearTimeout(late);
      pending = undefined;
    }
  };
  const end = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', end, { once: true });
  void ended.then(() => signal.removeEventListener('abort', end));
  if (signal.aborted) end();
  try {
    const reply = await call({ type: 'load', folder, engine: settings.engine }, LOAD_SECONDS);
    if (reply.type !== 'ready') throw errors.unexpected(new Error(`${reply.type} while loading`));
    const detect = async (images: readonly DetectorInput[]): Promise<Detection[][]> => {
      const found = await call({ type: 'detect', images }, callSeconds);
      if (found.type !== 'found') throw errors.unexpected(new Error(`${found.type} while detecting`));
      return found.detections;
    };
    return { pid: child.pid!, model: reply.model, detect, ended, end };
  } catch (error) {
    end();
    throw error;
  }
}
