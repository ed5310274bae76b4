import type { Client } from 'minio';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { S3Settings } from '../../src/settings.js';
import { assertBucketUsable, uploadOutput } from '../../src/stages/output-bucket.js';
import { temporaryFolder, writeText } from '../data/scene.js';
import { type Minio, startMinio } from '../minio.js';

let minio: Minio | undefined;
let unavailable = '';
let client: Client;
let s3: S3Settings;
beforeAll(async () => {
  const started = await startMinio();
  if ('unavailable' in started) {
    unavailable = started.unavailable;
    return;
  }
  minio = started;
  ({ client, s3 } = minio);
});
afterAll(() => minio?.stop());
beforeEach(test => {
  if (!minio) test.skip(unavailable);
});

const BUCKET = 'results';
const keysOf = async (prefix: string): Promise<string[]> => {
  const items = client.listObjectsV2(BUCKET, `${prefix}/`, true) as AsyncIterable<{ name: string }>;
  const keys: string[] = [];
  for await (const { name } of items) keys.push(name.slice(prefix.length + 1));
  return keys.sort();
};
const read = async (key: string): Promise<string> => text(await client.getObject(BUCKET, key));

async function folderOf(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await temporaryFolder();
  for (const [name, content] of Object.entries(files)) await writeText(join(folder, name), content);
  return folder;
}
const MODEL = { 'model/saved_model.pb': 'graph', 'model/variables/variables.index': 'weights' };

describe('the output of a run at an address', () => {
  it('is all that the folder holds, with a note of whose it is, in a bucket that is made for it', async () => {
    const folder = await folderOf({ ...MODEL, checkpoint: 'c' });
    await uploadOutput(`obs://${BUCKET}/new/`, { run: 'trees', folder, s3 });
    expect(await keysOf('new')).toEqual([...Object.keys({ checkpoint: '', ...MODEL }), 'run.json']);
    expect(JSON.parse(await read('new/run.json'))).toMatchObject({
      run: 'trees',
      published: expect.any(String) as string,
      entries: ['checkpoint', 'model'],
    });
  });

  it('takes the place of an earlier one, and keeps what people added', async () => {
    const address = `s3://${BUCKET}/again`;
    await uploadOutput(address, {
      run: 'trees',
      folder: await folderOf({ ...MODEL, 'old/a.txt': '1' }),
      s3,
    });
    await client.putObject(BUCKET, 'again/notes.md', 'mine');
    await uploadOutput(address, { run: 'trees', folder: await folderOf({ ...MODEL, 'b.txt': '2' }), s3 });
    expect(await keysOf('again')).toEqual(['b.txt', ...Object.keys(MODEL), 'notes.md', 'run.json']);
  });

  it('has no model to load while it is cut off, and is completed by another attempt', async () => {
    const address = `s3://${BUCKET}/cut`;
    await uploadOutput(address, { run: 'trees', folder: await folderOf(MODEL), s3 });
    const folder = await folderOf({ ...MODEL, 'b.txt': '2' });
    const stop = new AbortController();
    const cut = uploadOutput(address, {
      run: 'trees',
      folder,
      s3,
      signal: stop.signal,
      onProgress: () => stop.abort(),
    });
    await expect(cut).rejects.toThrow('aborted');
    expect(await keysOf('cut')).not.toContain('model/saved_model.pb');
    expect(JSON.parse(await read('cut/run.json'))).toMatchObject({ published: null });
    await uploadOutput(address, { run: 'trees', folder, s3 });
    expect(await keysOf('cut')).toEqual(['b.txt', ...Object.keys(MODEL), 'run.json']);
  });

  it('is never among what others put there', async () => {
    await client.putObject(BUCKET, 'theirs/letter.txt', 'Dear');
    await expect(assertBucketUsable(`s3://${BUCKET}/theirs`, s3)).rejects.toMatchObject({
      code: 'OUTPUT_UNUSABLE',
      message: `s3://${BUCKET}/theirs: holds letter.txt, which no run put there`,
    });
    await assertBucketUsable(`s3://${BUCKET}/thei`, s3);
    expect(await keysOf('thei')).toEqual([]);
  });

  it('is refused before the work where it cannot be written', async () => {
    const keys = { ...s3, secretAccessKey: 'wrong' };
    await expect(assertBucketUsable(`s3://${BUCKET}/out`, keys)).rejects.toMatchObject({
      code: 'OUTPUT_UNUSABLE',
      message: expect.stringContaining(`s3://${BUCKET}/out: `) as string,
    });
  });
});
