import { randomBytes } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { mapConcurrently } from '../concurrency.js';
import { errors } from '../errors/index.js';
import type { ArtifactRef } from '../formats/artifact.js';
import type { ArtifactReader } from './artifact-reader.js';
import type { StoreDriver } from './driver.js';
import { assertUnchanged, CONCURRENT_FILES, readFolderFiles, type SourceFile } from './folder-files.js';
import { encodeManifest, type Manifest, parseManifest, objectFolder, refOf } from './manifest.js';

export interface StoredArtifact {
  readonly ref: ArtifactRef;
  readonly manifest: Manifest;
}

export interface CommitOptions {
  /** Small values kept in the manifest. */
  readonly facts?: Record<string, unknown>;
  readonly signal?: AbortSignal;
  /** Whether other content takes the place of what the key holds; by default the first commit of a key stays. */
  readonly replace?: boolean;
}

// KEY/_RANDOM/…          the files of one commit; nobody else writes there
// _manifests/KEY.json    names the commit that counts
const MANIFESTS = '_manifests';
const KEY = /^[A-Za-z0-9][A-Za-z0-9_-]*(\/[A-Za-z0-9][A-Za-z0-9_-]*)*$/;
const MAX_KEY_LENGTH = 500;
const PLACE = /^(.+?\/_[0-9a-f]+)\//;

const manifestOf = (key: string): string => `${MANIFESTS}/${key}.json`;

function assertKey(key: string): void {
  if (!KEY.test(key) || key.length > MAX_KEY_LENGTH) throw errors.storeKeyInvalid(key);
}

/** How artifacts are kept as objects: see `ArtifactStore` for what each method promises. */
export class Artifacts {
  constructor(
    private readonly driver: StoreDriver,
    private readonly reader: ArtifactReader,
  ) {}

  async commit(key: string, folder: string, options: CommitOptions): Promise<ArtifactRef> {
    assertKey(key);
    const sources = await readFolderFiles(folder);
    const manifest = createManifest(key, sources, options.facts);
    const existing = await this.find(key);
    if (existing && (await this.#stays(existing, manifest, options))) return existing.ref;
    await this.#putFiles(sources, manifest, options.signal);
    const winner = await this.#publish(manifest, { isReplacing: existing !== undefined });
    if (winner !== manifest) await this.#discardObjects(manifest);
    else if (existing) await this.#discardObjects(existing.manifest);
    return refOf(this.driver.url, winner);
  }

  async find(key: string): Promise<StoredArtifact | undefined> {
    const manifest = await this.#readManifest(key);
    if (!manifest) return undefined;
    const place = objectFolder(manifest);
    const sizes = new Map((await this.driver.list(place)).map(object => [object.key, object.bytes]));
    const isComplete = manifest.files.every(({ path, bytes }) => sizes.get(`${place}/${path}`) === bytes);
    return isComplete ? { ref: refOf(this.driver.url, manifest), manifest } : undefined;
  }

  async open(ref: ArtifactRef): Promise<string> {
    const { url } = this.driver;
    if (!ref.uri.startsWith(`${url}/`)) throw errors.artifactElsewhere(ref.uri, url);
    return this.reader.open(ref, await this.#readManifest(ref.uri.slice(url.length + 1)));
  }

  async list(folder: string): Promise<string[]> {
    if (folder !== '') assertKey(folder);
    const objects = await this.driver.list([MANIFESTS, folder].filter(Boolean).join('/'));
    return objects.map(({ key }) => key.slice(MANIFESTS.length + 1, -'.json'.length)).sort();
  }

  /** Removes the manifest first, so that nobody finds an artifact that is half gone. */
  async remove(key: string): Promise<void> {
    const manifest = await this.#readManifest(key);
    await this.driver.remove([manifestOf(key)]);
    if (manifest) await this.#removeObjects(manifest);
  }

  /** Reads the manifests after it has listed the objects, so that commits in between count. */
  async sweep(before: number): Promise<number> {
    await Promise.all([this.driver.sweep(before), this.reader.sweep(before)]);
    const objects = await this.driver.list('');
    const keys = await this.list('');
    const manifests = await mapConcurrently(keys, key => this.#readManifest(key), CONCURRENT_FILES);
    const places = new Set(manifests.map(manifest => manifest && objectFolder(manifest)));
    const abandoned = objects.filter(({ key, modified }) => {
      const place = key.startsWith(`${MANIFESTS}/`) ? undefined : PLACE.exec(key)?.[1];
      return place !== undefined && modified < before && !places.has(place);
    });
    await this.driver.remove(abandoned.map(({ key }) => key));
    return abandoned.length;
  }

  async #readManifest(key: string): Promise<Manifest | undefined> {
    assertKey(key);
    const stream = await this.driver.read(manifestOf(key));
    return stream && parseManifest(await text(stream), key);
  }

  /** Whether a commit of these files leaves the artifact of its key as it is. */
  async #stays(
    { ref, manifest }: StoredArtifact,
    committed: Manifest,
    { replace = false }: CommitOptions,
  ): Promise<boolean> {
    const isEqual = refOf(this.driver.url, committed).sha256 === ref.sha256;
    return (isEqual || !replace) && (await this.reader.isIntact(manifest));
  }

  async #putFiles(
    sources: readonly SourceFile[],
    manifest: Manifest,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const put = async (file: SourceFile): Promise<void> => {
      signal?.throwIfAborted();
      await this.driver.putFile(`${objectFolder(manifest)}/${file.path}`, file.source);
      await assertUnchanged(file);
    };
    try {
      await mapConcurrently(sources, put, CONCURRENT_FILES);
      signal?.throwIfAborted();
    } catch (error) {
      await this.#discardObjects(manifest);
      throw error;
    }
  }

  /**
   * Makes the commit the one that counts. Of several writers the first one's manifest stays, unless what it names is
   * damaged or to be replaced.
   * @returns the manifest that the key holds then
   */
  async #publish(manifest: Manifest, { isReplacing }: { isReplacing: boolean }): Promise<Manifest> {
    const object = manifestOf(manifest.key);
    const bytes = encodeManifest(manifest);
    if (!isReplacing) {
      if (await this.driver.putBytesOnce(object, bytes)) return manifest;
      const winner = (await this.find(manifest.key))?.manifest;
      // It may be this one: the answer to a first try can get lost.
      if (winner) return winner.place === manifest.place ? manifest : winner;
    }
    await this.driver.putBytes(object, bytes);
    return manifest;
  }

  async #removeObjects(manifest: Manifest): Promise<void> {
    await this.driver.remove((await this.driver.list(objectFolder(manifest))).map(({ key }) => key));
  }

  /** Objects that cannot be removed now belong to no artifact and are swept later. */
  #discardObjects(manifest: Manifest): Promise<void> {
    return this.#removeObjects(manifest).catch(() => undefined);
  }
}

const createManifest = (
  key: string,
  sources: readonly SourceFile[],
  facts: Manifest['facts'] = {},
): Manifest => ({
  key,
  place: `_${randomBytes(8).toString('hex')}`,
  files: sources.map(({ path, bytes, sha256 }) => ({ path, bytes, sha256 })),
  created: new Date().toISOString(),
  facts,
});
