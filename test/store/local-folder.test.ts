import { mkdtempSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { createArtifactStore } from '../../src/store/artifact-store.js';
import { localFolder } from '../../src/store/local-folder.js';
import { openStore } from '../../src/store/open-store.js';
import { artifactStoreContract } from '../contracts/artifact-store.js';
import { readSettings } from '../../src/settings.js';

const home = mkdtempSync(join(tmpdir(), 'detdistill-local store-'));
const root = join(home, 'artifacts');
const url = pathToFileURL(root).href;
const cacheFolder = join(home, 'cache');
const { s3 } = readSettings({});
afterAll(() => rm(home, { recursive: true, force: true }));

artifactStoreContract('local folder', () => {
  const driver = localFolder(url);
  return {
    store: createArtifactStore(driver, cacheFolder),
    driver,
    cacheFolder,
    env: { DETDISTILL_HOME: home, DETDISTILL_STORE: url },
  };
});

describe('local folder', () => {
  it('leaves no partial files and no empty folders', async () => {
    const source = await mkdtemp('source');
    await writeFile(join(source, 'f'), 'x');
    const own = join(home, 'tidy');
    const store = openStore({ storeUrl: `${pathToFileURL(own).href}/`, cacheFolder, s3 });
    await store.commit('a/b/c', source);
    await store.remove('a/b/c');
    expect(await readdir(own)).toEqual(['.partial']);
    expect(await readdir(join(own, '.partial'))).toEqual([]);
  });

  it('says at once that a folder may not be written', async () => {
    const source = await mkdtemp('source-2');
    await writeFile(join(source, 'f'), 'x');
    await writeFile(join(home, 'a-file'), '');
    const store = openStore({
      storeUrl: pathToFileURL(join(home, 'a-file', 'store')).href,
      cacheFolder,
      s3,
    });
    await expect(store.commit('a', source)).rejects.toMatchObject({
      code: 'STORE_REFUSED',
      retryable: false,
    });
  });

  it.each(['ftp://x/y', 'no url', 'file://host/folder', 's3://Not_A_Bucket'])(
    'refuses %j as a store',
    storeUrl => {
      expect(() => openStore({ storeUrl, cacheFolder, s3 })).toThrow(
        expect.objectContaining({ code: 'STORE_URL_INVALID' }),
      );
    },
  );

  async function mkdtemp(name: string): Promise<string> {
    await mkdir(join(home, name), { recursive: true });
    return join(home, name);
  }
});
