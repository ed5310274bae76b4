import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { create } from 'tar';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors/index.js';
import {
  provideBackboneWeights,
  provideDetectorWeights,
  provideWeightsFrom,
} from '../../src/native/published-weights.js';

const GOLDEN = fileURLToPath(new URL('../golden/weights', import.meta.url));

describe('published weights', () => {
  let folder = '';
  let server: Server;
  let asked: string[] = [];
  let archive: Buffer | null = null;
  const where = () => ({
    cacheFolder: join(folder, 'cache'),
    weightsUrls: [`http://127.0.0.1:${(server.address() as AddressInfo).port}/mirror`],
  });

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weights-'));
    asked = [];
    const files = (await readdir(GOLDEN)).filter(name => /\.(index|data-.*)$/.test(name));
    const chunks: Buffer[] = [];
    for await (const chunk of create({ gzip: true, cwd: GOLDEN, prefix: 'efficientdet-d0' }, files))
      chunks.push(chunk as Buffer);
    archive = Buffer.concat(chunks);
    server = createServer((request, response) => {
      asked.push(request.url ?? '');
      if (archive) response.end(archive);
      else response.writeHead(404).end();
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise(resolve => server.close(resolve));
    await rm(folder, { recursive: true, force: true });
  });

  it('are fetched once from where the settings say, and give the folder of a checkpoint', async () => {
    const found = await provideDetectorWeights('efficientdet-d1', where());
    expect(await readdir(found!, { recursive: true })).toContain('efficientdet-d0/model.ckpt-1200.index');
    archive = null;
    expect(await provideDetectorWeights('efficientdet-d1', where())).toBe(found);
    expect(asked).toEqual(['/mirror/efficientdet/coco2/efficientdet-d1.tar.gz']);
  });

  it('come from the next mirror where one has none', async () => {
    const [here] = where().weightsUrls;
    const mirrors = { ...where(), weightsUrls: ['http://127.0.0.1:9/nothing', here!] };
    expect(await provideDetectorWeights('efficientdet-d1', mirrors)).not.toBeNull();
  });

  it('are refused when their hash is known and is another', async () => {
    await expect(provideDetectorWeights('efficientdet-d0', where())).rejects.toMatchObject({
      code: 'NATIVE_PART_UNAVAILABLE',
      message: expect.stringContaining('has another hash than the published file') as string,
    });
    expect(await readdir(join(folder, 'cache', 'weights'))).toEqual([]);
  });

  it('of any address are fetched once: a folder of an archive, or the file itself', async () => {
    const [base] = where().weightsUrls;
    const unpacked = await provideWeightsFrom(`${base}/some.tgz`, where());
    expect(await readdir(unpacked)).toEqual(['efficientdet-d0']);
    const file = await provideWeightsFrom(`${base}/some.h5?version=2`, where());
    expect(file.endsWith('/some.h5')).toBe(true);
    archive = null;
    expect(await provideWeightsFrom(`${base}/some.tgz`, where())).toBe(unpacked);
  });

  it('that cannot be had are an error that names the address, and leave nothing behind', async () => {
    archive = null;
    const error = await provideBackboneWeights('efficientnet-b0', where()).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({
      code: 'NATIVE_PART_UNAVAILABLE',
      message: expect.stringContaining('efficientnet-b0.tar.gz answered 404') as string,
    });
    expect(await readdir(join(folder, 'cache', 'weights'))).toEqual([]);
  });

  it('that are cut off are not used', async () => {
    archive = archive!.subarray(0, archive!.length / 2);
    await expect(provideDetectorWeights('efficientdet-d1', where())).rejects.toMatchObject({
      code: 'NATIVE_PART_UNAVAILABLE',
    });
    await mkdir(join(folder, 'cache', 'weights'), { recursive: true });
    expect(await readdir(join(folder, 'cache', 'weights'))).toEqual([]);
  });

  it('do not exist for the tiny models', async () => {
    expect(await provideDetectorWeights('efficientdet-t1', where())).toBeNull();
    expect(asked).toEqual([]);
  });
});
