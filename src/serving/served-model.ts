import type { ModelConfig } from '../config/serving.js';
import { type AppError, errors } from '../errors/index.js';
import { Servable, type ServableOptions, type ServableState } from './servable.js';
import { chosenVersions, listVersions, type ModelSource, type VersionFolder } from './versions.js';

/** Which version a request names. */
export type VersionChoice = { readonly version: number } | { readonly label: string } | null;

interface ServedModelOptions extends ServableOptions {
  readonly name: string;
  readonly source: ModelSource;
  readonly config: Pick<ModelConfig, 'versions' | 'labels'>;
  /** A folder counts as complete once nothing was written to it for so long. */
  readonly settledMs: number;
}

/** A model under its name: the versions that its folder has and its policy serves. */
export class ServedModel {
  readonly #servables = new Map<number, Servable>();
  /** Versions that could not be loaded, by when they were written: tried again once they change. */
  readonly #broken = new Map<number, number>();
  #isLooking = false;
  #isClosed = false;

  constructor(private readonly options: ServedModelOptions) {}

  get name(): string {
    return this.options.name;
  }

  /** Newest first, as TensorFlow Serving lists them. */
  get servables(): readonly Servable[] {
    return [...this.#servables.values()].sort((a, b) => b.version - a.version);
  }

  /** Whether something is served and nothing is on its way. */
  get isReady(): boolean {
    const states = this.servables.map(({ state }) => state);
    return states.includes('AVAILABLE') && !states.includes('LOADING');
  }

  /** Loads what its folder holds, waiting for copies to end. Any failure is thrown. */
  async open(signal: AbortSignal): Promise<void> {
    const { source, config, settledMs, name } = this.options;
    const deadline = Date.now() + 2 * settledMs;
    for (;;) {
      if (signal.aborted) throw errors.interrupted();
      const chosen = chosenVersions(await listVersions(source, settledMs), config.versions);
      const isAll = !Array.isArray(config.versions) || chosen.length === config.versions.length;
      if (chosen.length > 0 && isAll) {
        await Promise.all(chosen.map(found => this.#add(found).load()));
        return;
      }
      if (Date.now() > deadline) throw errors.modelMissing(`${name}: ${source.folder}`);
      await new Promise(resolve => setTimeout(resolve, settledMs / 4));
    }
  }

  /** Loads versions that have appeared, then lets go of those that are served no more. */
  async refresh(): Promise<void> {
    const { source, config, settledMs } = this.options;
    if (this.#isLooking || !source.isNumbered) return;
    this.#isLooking = true;
    try {
      const chosen = chosenVersions(await listVersions(source, settledMs), config.versions);
      await Promise.all(chosen.map(found => this.#appear(found)));
      const isServed = ({ version }: { version: number }): boolean =>
        this.#servables.get(version)?.state === 'AVAILABLE';
      // What is there is better than nothing: it goes when everything that shall be served is served.
      if (chosen.length === 0 || !chosen.every(isServed)) return;
      for (const servable of this.#servables.values())
        if (!chosen.some(({ version }) => version === servable.version)) void servable.unload();
    } finally {
      this.#isLooking = false;
    }
  }

  /** The version that a request names; without one the newest that can answer. */
  find(choice: VersionChoice): Servable {
    const candidates = choice === null ? this.servables : [this.known(choice)];
    const inState = (wanted: ServableState): Servable | undefined =>
      candidates.find(({ state }) => state === wanted);
    const found = inState('AVAILABLE') ?? inState('LOADING');
    if (found) return found;
    throw this.#missing(choice);
  }

  /** A version whatever its state is. */
  known(choice: NonNullable<VersionChoice>): Servable {
    const version = 'label' in choice ? this.options.config.labels[choice.label] : choice.version;
    const found = version === undefined ? undefined : this.#servables.get(version);
    if (found) return found;
    throw this.#missing(choice);
  }

  /** Ends its processes at once. */
  end(): void {
    this.#isClosed = true;
    for (const servable of this.servables) servable.end();
  }

  #missing(choice: VersionChoice): AppError {
    const served = this.servables.filter(({ state }) => state === 'AVAILABLE');
    return errors.servableMissing(
      describeChoice(this.name, choice),
      served.map(({ named }) => named),
    );
  }

  #add({ version, folder }: VersionFolder): Servable {
    const servable = new Servable(this.name, version, folder, this.options);
    this.#servables.set(version, servable);
    return servable;
  }

  async #appear(found: VersionFolder): Promise<void> {
    const known = this.#servables.get(found.version);
    if (this.#isClosed || (known && known.state !== 'END')) return;
    if (this.#broken.get(found.version) === found.changedAt) return;
    try {
      await this.#add(found).load();
      this.#broken.delete(found.version);
    } catch (error) {
      this.#broken.set(found.version, found.changedAt);
      this.options.log.error({ err: error, model: this.name, version: found.version }, 'cannot be loaded');
    }
  }
}

const describeChoice = (name: string, choice: VersionChoice): string => {
  if (choice === null) return name;
  return 'label' in choice ? `${name} label ${choice.label}` : `${name} version ${choice.version}`;
};
