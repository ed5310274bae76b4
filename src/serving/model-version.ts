import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Detection, DetectorInput } from '../inference/engine.js';
import { AppError, errors } from '../errors/index.js';
import type { Settings } from '../settings.js';
import { Batcher, type BatchLimits } from './batcher.js';
import { type DetectorProcess, type LoadedModel, startDetector } from './detector-process.js';
import type { ServingMetrics } from './metrics.js';

/** The states of a version in TensorFlow Serving. */
export type VersionState = 'START' | 'LOADING' | 'AVAILABLE' | 'UNLOADING' | 'END';

export interface ModelVersionOptions {
  readonly settings: Settings;
  readonly log: Logger;
  readonly metrics: ServingMetrics;
  readonly limits: BatchLimits;
  /** The time limit of a call to the model. */
  readonly callSeconds: number;
}

/** The delay between the exit of a process and its restart: doubled each time, reset by a successful batch. */
const BACKOFF = { firstMs: 250, maxMs: 30_000 };

/** One version of a model (a servable of TensorFlow Serving) in its own process, which is restarted if it crashes. */
export class ModelVersion {
  state: VersionState = 'START';
  /** The reason for the state; null: nothing went wrong. */
  error: AppError | null = null;
  readonly #ending = new AbortController();
  readonly #batcher: Batcher;
  #process: Promise<DetectorProcess> | null = null;
  #model: LoadedModel | null = null;
  #pending = 0;
  #failures = 0;
  #onIdle: (() => void) | null = null;
  #unloading: Promise<void> | null = null;

  readonly model: string;
  readonly version: number;
  readonly #folder: string;

  constructor(
    { model, version, folder }: { model: string; version: number; folder: string },
    private readonly options: ModelVersionOptions,
  ) {
    this.model = model;
    this.version = version;
    this.#folder = folder;
    this.#batcher = new Batcher(images => this.#detectBatch(images), options.limits);
  }

  get named(): string {
    return `${this.model} version ${this.version}`;
  }

  /** The number of images in the queue. */
  get waiting(): number {
    return this.#batcher.length;
  }

  /** The id of the process that holds the model; undefined: there is none. */
  async processId(): Promise<number | undefined> {
    return (await this.#process)?.pid;
  }

  /** The description of the model. @throws SERVABLE_UNREADY until the model is loaded */
  loaded(): LoadedModel {
    if (this.#model) return this.#model;
    throw errors.servableUnready(this.named, this.error?.message ?? 'is still being loaded');
  }

  /** Loads the model. If that fails, the version stays in state END. */
  async load(): Promise<void> {
    this.#process = this.#start();
    try {
      await this.#process;
    } catch (error) {
      this.state = 'END';
      throw error;
    }
  }

  /** Keeps the process until the work is done, even if another version replaces this one meanwhile. */
  async use<T>(work: () => Promise<T>): Promise<T> {
    this.#pending++;
    try {
      return await work();
    } finally {
      this.#pending--;
      if (this.#pending === 0) this.#onIdle?.();
    }
  }

  /** Detects objects in images of any sizes. Must be called within `use`. */
  detect(images: readonly DetectorInput[], signal: AbortSignal): Promise<Detection[][]> {
    return Promise.all(images.map(image => this.#batcher.add(image, signal)));
  }

  /** Ends the process after pending requests are completed. */
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

  async #detectBatch(images: readonly DetectorInput[]): Promise<Detection[][]> {
    const process = await this.#process;
    if (!process) throw errors.servableUnready(this.named, 'is not loaded');
    this.options.metrics.batchImages.observe(this.#labels(), images.length);
    const detections = await process.detect(images);
    this.#failures = 0;
    return detections;
  }

  async #start(): Promise<DetectorProcess> {
    const { settings, log, metrics, callSeconds } = this.options;
    const { named } = this;
    const folder = this.#folder;
    this.state = 'LOADING';
    const started = performance.now();
    try {
      const signal = this.#ending.signal;
      const process = await startDetector({ named, folder, settings, callSeconds, signal });
      this.#model = process.model;
      this.state = 'AVAILABLE';
      this.error = null;
      const seconds = (performance.now() - started) / 1000;
      metrics.loadSeconds.set(this.#labels(), seconds);
      log.info({ model: this.model, version: this.version, pid: process.pid, seconds }, 'model loaded');
      void process.ended.then(crash => this.#restart(crash));
      return process;
    } catch (error) {
      this.error = error instanceof AppError ? error : errors.unexpected(error);
      throw this.error;
    }
  }

  /** Requests wait for the restart. If it fails, they fail with it, and another attempt follows. */
  #restart(reason: unknown): void {
    if (this.#ending.signal.aborted) return;
    this.state = 'LOADING';
    this.options.metrics.restarts.inc(this.#labels());
    const delayMs = Math.min(BACKOFF.maxMs, BACKOFF.firstMs * 2 ** this.#failures++);
    const { model, version } = this;
    this.options.log.warn({ err: reason, model, version, delayMs }, 'model process exited; restarting');
    this.#process = sleep(delayMs, undefined, { signal: this.#ending.signal }).then(() => this.#start());
    this.#process.catch((error: unknown) => this.#restart(error));
  }

  #labels(): { model: string; version: string } {
    return { model: this.model, version: String(this.version) };
  }
}
