import { AppError, errors } from '../errors/index.js';
import type { ArtifactRef } from '../formats/artifact.js';
import { ArtifactReader } from './artifact-reader.js';
import { Artifacts, type CommitOptions, type StoredArtifact } from './artifacts.js';
import type { StoreDriver } from './driver.js';

export interface ArtifactStore {
  readonly url: string;
  /** Makes the files of a folder the artifact of a key, visible only when all are stored. Returns what the key holds then. */
  commit(key: string, folder: string, options?: CommitOptions): Promise<ArtifactRef>;
  /** The artifact of a key; undefined: there is no valid manifest, or an object is missing or has another size. */
  find(key: string): Promise<StoredArtifact | undefined>;
  /** A local folder with the artifact, to be read only; every hash has been checked. */
  open(ref: ArtifactRef): Promise<string>;
  /** Keys of committed artifacts below a folder of keys ("": all), sorted. */
  list(folder: string): Promise<string[]>;
  remove(key: string): Promise<void>;
  /** Removes what commits left behind that died before a time (ms since 1970). Returns the number of objects. */
  sweep(before: number): Promise<number>;
}

/** Artifacts over any driver. @param cacheFolder gets copies of artifacts that lie on another machine */
export function createArtifactStore(driver: StoreDriver, cacheFolder: string): ArtifactStore {
  const artifacts = new Artifacts(driver, new ArtifactReader(driver, cacheFolder));

  /** Turns a driver's failures into errors of the catalogue; the reason of an abort stays as it is. */
  async function translated<T>(work: Promise<T>, signal?: AbortSignal): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (error instanceof AppError || (signal?.aborted && error === signal.reason)) throw error;
      if (driver.isRefusal(error)) throw errors.storeRefused(driver.url, error);
      throw errors.storeFailed(driver.url, error);
    }
  }

  return {
    url: driver.url,
    commit: (key, folder, options = {}) => translated(artifacts.commit(key, folder, options), options.signal),
    find: key => translated(artifacts.find(key)),
    open: ref => translated(artifacts.open(ref)),
    list: folder => translated(artifacts.list(folder)),
    remove: key => translated(artifacts.remove(key)),
    sweep: before => translated(artifacts.sweep(before)),
  };
}
