import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Detection, DetectorInput } from '../inference/engine.js';
import { AppError, errors } from '../errors/index.js';
import type { Settings } from '../settings.js';
import { Batcher, type BatchLimits } from './batcher.js';
import { type DetectorProcess, type LoadedModel, startDetector } from './detector-process.js';
import type { ServingMetrics } from './metrics.js';

/** TensorFlow Serving's states of a version. */
export type ServableState = 'START' | 'LOADING' | 'AVAILABLE' | 'UNLOADING' | 'END';

export interface ServableOptions {
  readonly settings: Settings;
  readonly log: Logger;
  readonly metrics: ServingMetrics;
  readonly limits: BatchLimits;
  /** After which a call of the model counts as hung. */
  readonly callSeconds: number;
}

/** Between the end of a process and the next attempt: doubled each time, forgotten once a batch is answered. */
const BACKOFF = { firstMs: 250, mostMs: 30_000 };

/** One version of a model, in a process of its own that is started anew when it dies. */
export class Servable {
  state: ServableState = 'START';
  /** Why the state is what it is, where something went wrong. */
  error: AppError | undefined;
  readonly #ending = new AbortController();
  readonly #batcher: Batcher;
  #process: Promise<DetectorProcess> | undefined;
  #model: LoadedModel | undefined;
  #pending = 0;
  #failures = 0;
  #onIdle: (() => void) | undefined;
  #unloading: Promise<void> | undefined;

  constructor(
    readonly model: string,
    readonly version: number,
    readonly folder: string,
    private readonly options: ServableOptions,
  ) {
    this.#batcher = new Batcher(images => this.#look(images), options.limits);
  }

  get named(): string {
    return `${this.model} version ${this.version}`;
  }

  /** Images that nobody looks at yet. */
  get waiting(): number {
    return this.#batcher.length;
  }

  /** The process that holds the model now. */
  async processId(): Promise<number | undefined> {
    return (await this.#process)?.pid;
  }

  /** What the model says of itself, once it was loaded. */
  loaded(): LoadedModel {
    if (this.#model) return this.#model;
    throw errors.servableUnready(this.named, this.error?.message ?? 'is being loaded');
  }

  /** Loads the model. Fails where it cannot be, and is then at its end. */
  async load(): Promise<void> {
    this.#process = this.#start();
    try {
      await this.#process;
    } catch (error) {
      this.state = 'END';
      throw error;
    }
  }

  /** Keeps the process until the work is over, also where another version takes its place meanwhile. */
  async use<T>(work: () => Promise<T>): Promise<T> {
    this.#pending++;
    try {
      return await work();
    } finally {
      this.#pending--;
      if (this.#pending === 0) this.#onIdle?.();
    }
  }

  /** Images of any sizes; their detections in the same order. Within `use`. */
  detect(images: readonly DetectorInput[], signal: AbortSignal): Promise<Detection[][]> {
    return Promise.all(images.map(image => this.#batcher.add(image, signal)));
  }

  /** Answers what was asked for, then ends the process. */
  unload(): Promise<void> {
    return (this.#unloading ??= this.#unload());
  }

  /** Ends the process at once. */
  end(): void {
    this.state = 'END';
    this.#ending.abort();
  }

  async #unload(): Promise<void> {
    if (this.state === 'END') return;
    this.state = 'UNLOADING';
    if (this.#pending > 0) await new Promise<void>(resolve => (this.#onIdle = resolve));
    this.end();
    this.options.log.info({ model: this.model, version: this.version }, 'model unloaded');
  }

  async #look(images: readonly DetectorInput[]): Promise<Detection[][]> {
    const process = await this.#process!;
    this.options.metrics.batchImages.observe(this.#labels(), images.length);
    const detections = await process.detect(images);
    this.#failures = 0;
    return detections;
  }

  async #start(): Promise<DetectorProcess> {
    const { settings, log, metrics, callSeconds } = this.options;
    const { named, folder } = this;
    this.state = 'LOADING';
    const started = performance.now();
    try {
      const signal = this.#ending.signal;
      const process = await startDetector({ named, folder, settings, callSeconds, signal });
      this.#model = process.model;
      this.state = 'AVAILABLE';
      this.error = undefined;
      const seconds = (performance.now() - started) / 1000;
      metrics.loadSeconds.set(this.#labels(), seconds);
      log.info({ model: this.model, version: this.version, pid: process.pid, seconds }, 'model loaded');
      void process.ended.then(crash => this.#startAgain(crash));
      return process;
    } catch (error) {
      this.error = error instanceof AppError ? error : errors.unexpected(error);
      throw this.error;
    }
  }

  /** Requests that come meanwhile wait; when an attempt fails they are told, and the next attempt is made. */
  #startAgain(reason: unknown): void {
    if (this.#ending.signal.aborted) return;
    this.state = 'LOADING';
    this.options.metrics.restarts.inc(this.#labels());
    const pause = Math.min(BACKOFF.mostMs, BACKOFF.firstMs * 2 ** this.#failures++);
    const { model, version } = this;
    this.options.log.warn({ err: reason, model, version, pause }, 'process ended; starts anew');
    this.#process = sleep(pause, undefined, { signal: this.#ending.signal }).then(() => this.#start());
    this.#process.catch((error: unknown) => this.#startAgain(error));
  }

  #labels(): { model: string; version: string } {
    return { model: this.model, version: String(this.version) };
  }
}
