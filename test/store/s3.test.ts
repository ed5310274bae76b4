import { mkdtempSync } from 'node:fs';
import { appendFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type ArtifactStore, createArtifactStore } from '../../src/store/artifact-store.js';
import { readSettings } from '../../src/settings.js';
import { openStore } from '../../src/store/open-store.js';
import { s3 } from '../../src/store/s3.js';
import { artifactStoreContract } from '../contracts/artifact-store.js';
import { startMinio } from '../minio.js';

const minio = await startMinio();
const home = mkdtempSync(join(tmpdir(), 'detdistill-s3-'));
const cacheFolder = join(home, 'cache');
afterAll(() => rm(home, { recursive: true, force: true }));

async function sourceOf(name: string, content: string): Promise<string> {
  await mkdir(join(home, name), { recursive: true });
  await writeFile(join(home, name, 'f'), content);
  return join(home, name);
}

if ('unavailable' in minio) describe.skip(`S3: ${minio.unavailable}`, () => it('needs MinIO', () => {}));
else {
  const { env, s3: access, stop } = minio;
  afterAll(stop);
  const url = 's3://detdistill-test/some/prefix';

  artifactStoreContract('S3', () => {
    const driver = s3(url, access);
    return {
      store: createArtifactStore(driver, cacheFolder),
      driver,
      cacheFolder,
      env: { ...env, DETDISTILL_HOME: home, DETDISTILL_STORE: url },
    };
  });

  describe('S3', () => {
    it('sees an empty store where there is no bucket, and makes it with the first commit', async () => {
      const store = openStore({ storeUrl: 's3://not-there-yet', cacheFolder, s3: access });
      expect(await store.find('a')).toBeUndefined();
      expect(await store.list('')).toEqual([]);
      const ref = await store.commit('a', await sourceOf('new-bucket', 'x'));
      expect(ref.uri).toBe('s3://not-there-yet/a');
      expect(await store.list('')).toEqual(['a']);
    });

    it('fetches again what was damaged in the cache', async () => {
      const store = openStore({ storeUrl: url, cacheFolder, s3: access });
      const ref = await store.commit('cached', await sourceOf('cached', 'as it was'));
      const file = join(await store.open(ref), 'f');
      await appendFile(file, '!');
      expect(join(await store.open(ref), 'f')).toBe(file);
      expect(await readFile(file, 'utf8')).toBe('as it was');
    });

    it('opens one artifact many times at once', async () => {
      const store = openStore({ storeUrl: url, cacheFolder, s3: access });
      const ref = await store.commit('crowded', await sourceOf('crowded', 'one for all'));
      const folders = await Promise.all([1, 2, 3, 4].map(() => store.open(ref)));
      for (const folder of folders) expect(await readFile(join(folder, 'f'), 'utf8')).toBe('one for all');
    });

    it('lists more objects than one answer holds', async () => {
      const driver = s3('s3://detdistill-test/many', access);
      const keys = Array.from({ length: 1_003 }, (_, i) => `n/${i}`);
      for (let i = 0; i < keys.length; i += 50)
        await Promise.all(keys.slice(i, i + 50).map(key => driver.putBytes(key, Buffer.from('x'))));
      expect(await driver.list('n')).toHaveLength(keys.length);
      await driver.remove(keys);
      expect(await driver.list('n')).toEqual([]);
    });

    it('is reached with the settings alone, whatever the environment says', async () => {
      const store = openStore({ ...readSettings({}), storeUrl: url, cacheFolder, s3: access });
      const ref = await store.commit('by-settings', await sourceOf('by-settings', 'x'));
      expect(await readFile(join(await store.open(ref), 'f'), 'utf8')).toBe('x');
    });

    it('says at once that a key is wrong', async () => {
      const store = openStore({
        storeUrl: url,
        cacheFolder,
        s3: { ...access, secretAccessKey: 'wrong' },
      });
      await expect(store.find('a')).rejects.toMatchObject({ code: 'STORE_REFUSED', retryable: false });
    });
  });
}

describe('S3 that cannot be reached', () => {
  const env = { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b', AWS_REGION: 'us-east-1' };
  const storeAt = (endpoint?: string): ArtifactStore =>
    openStore({
      storeUrl: 's3://bucket',
      cacheFolder,
      s3: readSettings({ ...env, S3_ENDPOINT: endpoint }).s3,
    });

  it('names the variables that are not set', () => {
    expect(() => storeAt()).toThrow(/S3_ENDPOINT|not configured/);
    expect(() => storeAt('minio:9000')).toThrow(expect.objectContaining({ code: 'STORE_ENDPOINT_INVALID' }));
  });

  it('tries again, then gives an error that may be retried and keeps the cause', async () => {
    const server = createServer((_, answer) => answer.socket?.destroy());
    let requests = 0;
    server.on('request', () => requests++);
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    // A listening TCP server's address is an object.
    const { port } = server.address() as AddressInfo;
    const store = storeAt(`http://127.0.0.1:${port}`);
    await expect(store.find('a')).rejects.toMatchObject({
      code: 'STORE_FAILED',
      retryable: true,
      cause: expect.objectContaining({ code: 'ECONNRESET' }) as unknown,
    });
    server.close();
    expect(requests).toBeGreaterThan(1);
  });
});
