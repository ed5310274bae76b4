import type { ChildProcess } from 'node:child_process';
import { AppError, type ErrorFacts, errors } from '../errors/index.js';
import type { ModelCard } from '../formats/model-card.js';
import type { SignatureInfo } from '../graph/saved-model.js';
import type { Detection, DetectorInput } from '../inference/engine.js';
import { forkTensorFlow, sendMessage, waitForExit } from '../native/tensorflow-process.js';
import { compiledModule } from '../package-root.js';
import type { Settings } from '../settings.js';

/** The description of a loaded model. */
export interface LoadedModel {
  readonly engine: string;
  readonly card: ModelCard;
  readonly signatures: Readonly<Record<string, SignatureInfo>>;
  /** Detections with lower scores are hidden in ModelArts' form. */
  readonly scoreThreshold: number;
}

/** Parent to child. One request at a time. */
export type DetectorRequest =
  | { readonly type: 'load'; readonly folder: string; readonly engine: Settings['engine'] }
  | { readonly type: 'detect'; readonly images: readonly DetectorInput[] };
/** Child to parent. */
export type DetectorReply =
  | { readonly type: 'loaded'; readonly model: LoadedModel }
  | { readonly type: 'detected'; readonly detections: Detection[][] }
  | { readonly type: 'failed'; readonly error: ErrorFacts };

export interface DetectorProcess {
  readonly pid: number | undefined;
  readonly model: LoadedModel;
  /** Detects objects in images of one size. One call at a time. */
  detect(images: readonly DetectorInput[]): Promise<Detection[][]>;
  /** Resolves when the process has exited, by itself or because it was ended. */
  readonly ended: Promise<AppError>;
  end(): void;
}

export interface DetectorOptions {
  /** The name and version of the model, for errors. */
  readonly named: string;
  readonly folder: string;
  readonly settings: Settings;
  /** The time limit of one call. A process that exceeds it is killed. */
  readonly callSeconds: number;
  /** Ends the process, also while it loads the model. */
  readonly signal: AbortSignal;
}

const PROGRAM = compiledModule('./detector-main.js', import.meta.url);
/** Large models load in seconds, but disks may be slow. */
const LOAD_SECONDS = 300;

/** Loads a model into its own process, so that native crashes and long calls do not affect the caller. */
export async function startDetector(options: DetectorOptions): Promise<DetectorProcess> {
  const { folder, settings, callSeconds, signal } = options;
  const connection = new DetectorConnection(options);
  const { ended } = connection;
  const end = (): void => connection.kill();
  signal.addEventListener('abort', end, { once: true });
  void ended.then(() => signal.removeEventListener('abort', end));
  if (signal.aborted) end();
  try {
    const load = { type: 'load', folder, engine: settings.engine } as const;
    const { model } = await connection.request(load, { reply: 'loaded', seconds: LOAD_SECONDS });
    const detect = async (images: readonly DetectorInput[]): Promise<Detection[][]> => {
      const call = { reply: 'detected', seconds: callSeconds } as const;
      return (await connection.request({ type: 'detect', images }, call)).detections;
    };
    return { pid: connection.pid, model, detect, ended, end };
  } catch (error) {
    end();
    throw error;
  }
}

interface PendingReply {
  readonly resolve: (reply: DetectorReply) => void;
  readonly reject: (error: unknown) => void;
}

/** Requests to the child process and their replies. After a crash, every request fails with it. */
class DetectorConnection {
  readonly ended: Promise<AppError>;
  readonly #named: string;
  readonly #child: ChildProcess;
  readonly #outputTail: () => string;
  #pending: PendingReply | null = null;
  #crash: AppError | null = null;

  constructor({ named, settings }: DetectorOptions) {
    const { child, outputTail } = forkTensorFlow(PROGRAM, settings, 'detector.log');
    this.#named = named;
    this.#child = child;
    this.#outputTail = outputTail;
    this.ended = waitForExit(child).then(
      how => this.#fail(how),
      error => this.#fail(String(error)),
    );
    child.on('message', (reply: DetectorReply) => this.#pending?.resolve(reply));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async request<T extends DetectorReply['type']>(
    request: DetectorRequest,
    expected: { reply: T; seconds: number },
  ): Promise<Extract<DetectorReply, { type: T }>> {
    const reply = await this.#send(request, expected.seconds);
    if (reply.type === 'failed') throw AppError.from(reply.error);
    if (isOfType(reply, expected.reply)) return reply;
    throw errors.unexpected(new Error(`${reply.type} in reply to ${request.type}`));
  }

  async #send(request: DetectorRequest, seconds: number): Promise<DetectorReply> {
    if (this.#crash) throw this.#crash;
    const timer = setTimeout(() => {
      this.#crash = this.#crashOf(`no response within ${seconds} s`);
      this.kill();
    }, seconds * 1000);
    try {
      return await new Promise<DetectorReply>((resolve, reject) => {
        this.#pending = { resolve, reject };
        sendMessage(this.#child, request);
      });
    } finally {
      clearTimeout(timer);
      this.#pending = null;
    }
  }

  #fail(how: string): AppError {
    this.#crash ??= this.#crashOf(how);
    this.#pending?.reject(this.#crash);
    return this.#crash;
  }

  #crashOf(how: string): AppError {
    return errors.detectorCrashed({ named: this.#named, how, outputTail: this.#outputTail() });
  }
}

const isOfType = <T extends DetectorReply['type']>(
  reply: DetectorReply,
  type: T,
): reply is Extract<DetectorReply, { type: T }> => reply.type === type;
