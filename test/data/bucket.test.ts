import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from 'minio';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Data } from '../../src/config/run.js';
import { localData } from '../../src/data/bucket.js';
import { readDataset } from '../../src/data/readers/index.js';
import { writeVoc } from '../../src/formats/voc-xml.js';
import { listBucket } from '../../src/store/bucket.js';
import { type Minio, startMinio } from '../minio.js';
import { drawImage, temporaryFolder } from './scene.js';
import { readSettings } from '../../src/settings.js';

describe('data in a bucket', () => {
  let minio: Minio | undefined;
  let unavailable = '';
  let client: Client;
  const access = () => minio!.s3;
  const xmlOf = (name: string): string =>
    writeVoc({
      filename: `${name}.png`,
      width: 40,
      height: 30,
      boxes: [{ label: 'oak', box: [2, 4, 20, 25], crowd: false, difficult: false }],
    });

  beforeAll(async () => {
    const started = await startMinio();
    if ('unavailable' in started) {
      unavailable = started.unavailable;
      return;
    }
    minio = started;
    client = minio.client;
    await client.makeBucket('forest');
    for (const name of ['a', 'b']) {
      const image = await drawImage({ width: 40, height: 30, rectangle: [2, 4, 20, 25] })
        .png()
        .toBuffer();
      await client.putObject('forest', `trees/img/${name}.png`, image);
      await client.putObject('forest', `trees/xml/${name}.xml`, xmlOf(name));
    }
  });
  afterAll(() => minio?.stop());

  it('is fetched once, and again where an object has changed', async test => {
    if (!minio) return test.skip(unavailable);
    const cacheFolder = await temporaryFolder();
    const data = Data.parse({ train: 's3://forest/trees/' });
    const fetched: string[] = [];
    const options = {
      cacheFolder,
      s3: access(),
      onProgress: ({ phase }: { phase: string }) => void fetched.push(phase),
    };
    const local = await localData(data, options);
    expect(local.train).toBe(join(cacheFolder, 'data', 'forest', 'trees'));
    expect(fetched).toEqual(Array(4).fill('fetch'));
    const { format, samples } = await readDataset(local.train, 'auto');
    expect([format, samples.map(({ id, boxes }) => [id, boxes.length])]).toEqual(['voc', [['img/a', 1], ['img/b', 1]]]); // prettier-ignore

    const file = join(local.train, 'xml/a.xml');
    const [before, listing] = [await stat(file), await listBucket(data.train, access())];
    await localData(data, options);
    expect((await stat(file)).ino).toBe(before.ino);
    expect(await listBucket(data.train, access())).toBe(listing);
    await client.putObject('forest', 'trees/xml/a.xml', xmlOf('a').replace('oak', 'elms'));
    await localData(data, options);
    expect(await readFile(file, 'utf8')).toContain('elms');
    expect(await listBucket(data.train, access())).not.toBe(listing);
    await client.putObject('forest', 'trees/xml/a.xml', xmlOf('a'));
  });

  it('loses what is lost there', async test => {
    if (!minio) return test.skip(unavailable);
    const cacheFolder = await temporaryFolder();
    const data = Data.parse({ train: 'obs://forest/shrinking' });
    const image = await drawImage({ width: 40, height: 30, rectangle: [2, 4, 20, 25] })
      .png()
      .toBuffer();
    for (const name of ['a', 'b']) {
      await client.putObject('forest', `shrinking/${name} #1.png`, image);
      await client.putObject('forest', `shrinking/${name} #1.xml`, xmlOf(name));
    }
    const idsOf = async (): Promise<string[]> => {
      const { train } = await localData(data, { cacheFolder, s3: access() });
      return (await readDataset(train, 'auto')).samples.map(({ id }) => id);
    };
    expect(await idsOf()).toEqual(['a #1', 'b #1']);
    await client.removeObjects('forest', ['shrinking/b #1.png', 'shrinking/b #1.xml']);
    expect(await idsOf()).toEqual(['a #1']);
  });

  it('is fetched where a manifest names it, under any name of its protocol', async test => {
    if (!minio) return test.skip(unavailable);
    const folder = await temporaryFolder();
    const line = (scheme: string, name: string) =>
      JSON.stringify({
        source: `${scheme}://forest/trees/img/${name}.png`,
        usage: 'TRAIN',
        annotation: [
          {
            type: 'modelarts/object_detection',
            'annotation-loc': `${scheme}://forest/trees/xml/${name}.xml`,
          },
        ],
      });
    const file = join(folder, 'v1.manifest');
    await writeFile(file, `${line('obs', 'a')}\n${line('s3a', 'b')}\n${line('s3', 'gone')}\n`);
    const cacheFolder = join(folder, 'cache');
    await mkdir(cacheFolder);
    const { train } = await localData(Data.parse({ train: file }), { cacheFolder, s3: access() });
    const { samples } = await readDataset(train, 'auto');
    expect(samples.map(({ id, boxes, problem }) => [id, boxes.length, problem !== null])).toEqual([
      ['a', 1, false],
      ['b', 1, false],
      ['gone', 0, true],
    ]);
    await expect(stat(samples[0]!.image)).resolves.toBeTruthy();
  });

  it('is named when it is not there', async test => {
    if (!minio) return test.skip(unavailable);
    const cacheFolder = await temporaryFolder();
    for (const train of ['s3://forest/nothing', 'obs://no-such-bucket/trees'])
      await expect(localData(Data.parse({ train }), { cacheFolder, s3: access() })).rejects.toMatchObject({
        code: 'DATA_MISSING',
        message: expect.stringContaining(train) as string,
      });
  });

  it('needs to be told where the buckets are', async () => {
    const cacheFolder = await temporaryFolder();
    await expect(
      localData(Data.parse({ train: 's3://forest/trees' }), { cacheFolder, s3: readSettings({}).s3 }),
    ).rejects.toMatchObject({ code: 'STORE_UNCONFIGURED' });
  });

  it('leaves what is on this machine alone', async () => {
    const folder = await temporaryFolder();
    const data = Data.parse({ train: folder });
    expect(await localData(data, { cacheFolder: folder, s3: readSettings({}).s3 })).toEqual(data);
  });
});
