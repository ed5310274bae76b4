import type { ModelConfig } from '../config/serving.js';
import { type AppError, errors } from '../errors/index.js';
import { ModelVersion, type ModelVersionOptions, type VersionState } from './model-version.js';
import { selectVersions, listVersions, type ModelSource, type VersionFolder } from './versions.js';

/** The version that a request names; null: none. */
export type VersionChoice = { readonly version: number } | { readonly label: string } | null;

interface ServedModelOptions extends ModelVersionOptions {
  readonly name: string;
  readonly source: ModelSource;
  readonly config: Pick<ModelConfig, 'versions' | 'labels'>;
  /** A folder counts as complete if nothing was written to it for this time. */
  readonly settledMs: number;
}

/** A model with the versions in its folder that its policy selects. */
export class ServedModel {
  readonly #versions = new Map<number, ModelVersion>();
  /** The time of the last change of each version that failed to load. It is tried again after a further change. */
  readonly #broken = new Map<number, number>();
  #isRefreshing = false;
  #isClosed = false;

  constructor(private readonly options: ServedModelOptions) {}

  get name(): string {
    return this.options.name;
  }

  /** Newest first, as TensorFlow Serving lists them. */
  get versions(): readonly ModelVersion[] {
    return [...this.#versions.values()].sort((a, b) => b.version - a.version);
  }

  /** Whether a version is available and none is being loaded. */
  get isReady(): boolean {
    const states = this.versions.map(({ state }) => state);
    return states.includes('AVAILABLE') && !states.includes('LOADING');
  }

  /** Loads the versions in the folder. Waits for running copies to complete. @throws if a version fails to load */
  async open(signal: AbortSignal): Promise<void> {
    const { source, config, settledMs, name } = this.options;
    const deadline = Date.now() + 2 * settledMs;
    for (;;) {
      if (signal.aborted) throw errors.interrupted();
      const selected = selectVersions(await listVersions(source, settledMs), config.versions);
      const isAll = !Array.isArray(config.versions) || selected.length === config.versions.length;
      if (selected.length > 0 && isAll) {
        await Promise.all(selected.map(found => this.#add(found).load()));
        return;
      }
      if (Date.now() > deadline) throw errors.modelMissing(`${name}: ${source.folder}`);
      await new Promise(resolve => setTimeout(resolve, settledMs / 4));
    }
  }

  /** Loads new versions, then unloads those that the policy no longer selects. */
  async refresh(): Promise<void> {
    const { source, config, settledMs } = this.options;
    if (this.#isRefreshing || !source.isNumbered) return;
    this.#isRefreshing = true;
    try {
      const selected = selectVersions(await listVersions(source, settledMs), config.versions);
      await Promise.all(selected.map(found => this.#tryLoad(found)));
      const isServed = ({ version }: { version: number }): boolean =>
        this.#versions.get(version)?.state === 'AVAILABLE';
      // Old versions are kept until all selected versions are available.
      if (selected.length === 0 || !selected.every(isServed)) return;
      for (const old of this.#versions.values())
        if (!selected.some(({ version }) => version === old.version)) void old.unload();
    } finally {
      this.#isRefreshing = false;
    }
  }

  /** The version that a request names, or the newest that is available. */
  find(choice: VersionChoice): ModelVersion {
    const candidates = choice === null ? this.versions : [this.known(choice)];
    const inState = (wanted: VersionState): ModelVersion | undefined =>
      candidates.find(({ state }) => state === wanted);
    const found = inState('AVAILABLE') ?? inState('LOADING');
    if (found) return found;
    throw this.#missing(choice);
  }

  /** The version that a request names, in any state. */
  known(choice: NonNullable<VersionChoice>): ModelVersion {
    const version = 'label' in choice ? this.options.config.labels[choice.label] : choice.version;
    const found = version === undefined ? undefined : this.#versions.get(version);
    if (found) return found;
    throw this.#missing(choice);
  }

  /** Ends all processes at once. */
  end(): void {
    this.#isClosed = true;
    for (const version of this.versions) version.end();
  }

  #missing(choice: VersionChoice): AppError {
    const served = this.versions.filter(({ state }) => state === 'AVAILABLE');
    return errors.servableMissing(
      describeChoice(this.name, choice),
      served.map(({ named }) => named),
    );
  }

  #add({ version, folder }: VersionFolder): ModelVersion {
    const added = new ModelVersion({ model: this.name, version, folder }, this.options);
    this.#versions.set(version, added);
    return added;
  }

  /** Loads a version of the folder unless it is known. A failure is logged. */
  async #tryLoad(found: VersionFolder): Promise<void> {
    const known = this.#versions.get(found.version);
    if (this.#isClosed || (known && known.state !== 'END')) return;
    if (this.#broken.get(found.version) === found.changedAt) return;
    try {
      await this.#add(found).load();
      this.#broken.delete(found.version);
    } catch (error) {
      this.#broken.set(found.version, found.changedAt);
      this.options.log.error(
        { err: error, model: this.name, version: found.version },
        'model version cannot be loaded',
      );
    }
  }
}

const describeChoice = (name: string, choice: VersionChoice): string => {
  if (choice === null) return name;
  return 'label' in choice ? `${name} label ${choice.label}` : `${name} version ${choice.version}`;
};
