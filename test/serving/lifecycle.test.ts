import { cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Prediction } from '../../src/serving/response.js';
import type { Serving } from '../../src/serving/serve.js';
import { writeLoudModel } from '../../bench/fixtures/loud-model.js';
import { ask, b64, CLASSES, folderWithModel, metric, noise, serveModels } from './scene.js';

let root = '';
let model = '';
let other = '';
let file: { b64: string };
beforeAll(async () => {
  ({ root, model } = await folderWithModel());
  other = join(root, 'other');
  await writeLoudModel(other, { model: 'efficientdet-t0', classes: CLASSES, loudness: 4 });
  file = b64(await noise('a', 60, 40).png().toBuffer());
});
afterAll(() => rm(root, { recursive: true, force: true }));

interface Status {
  readonly model_version_status: readonly {
    version: string;
    state: string;
    status: { error_code: string };
  }[];
}
const predict = async (address: string, path = ''): Promise<number[]> => {
  const url = `${address}/v1/models/trees${path}:predict`;
  const { status, body } = await ask<{ predictions: Prediction[] }>(url, { instances: [file] });
  expect(status).toBe(200);
  return body.predictions[0]!.detection_scores.slice();
};
const states = async (address: string): Promise<Record<string, string>> => {
  const { body } = await ask<Status>(`${address}/v1/models/trees`);
  return Object.fromEntries(body.model_version_status.map(({ version, state }) => [version, state]));
};
/** The counters of joined images: how many batches, how many images. */
const batches = async (address: string): Promise<{ count: number; sum: number }> => {
  const labels = '{model="trees",version="1"}';
  const [count, sum] = await Promise.all(
    ['count', 'sum'].map(kind => metric(address, `detdistill_serving_batch_images_${kind}${labels}`)),
  );
  return { count: count!, sum: sum! };
};
const queued = (address: string): Promise<number> =>
  metric(address, 'detdistill_serving_queue_images{model="trees",version="1"}');
const processOf = async ({ models }: Serving): Promise<number> =>
  (await models[0]!.versions[0]!.processId())!;

describe('a folder of versions', () => {
  let folder = '';
  const place = async (version: number, source: string): Promise<void> => {
    await cp(source, join(folder, `${version}.copying`), { recursive: true });
    await rename(join(folder, `${version}.copying`), join(folder, String(version)));
  };
  const empty = async (name: string): Promise<void> => {
    folder = join(root, name);
    await mkdir(folder);
  };

  it('serves the newest, takes the next one up while requests go on, and lets the old one go', async () => {
    await empty('versions');
    await place(1, model);
    const { address } = await serveModels(root, { trees: folder });
    const old = await predict(address);
    const answers: number[][] = [];
    const client = async (): Promise<void> => {
      while ((await states(address))['1'] !== 'END') answers.push(await predict(address));
    };
    const asking = Promise.all(Array.from({ length: 4 }, client));
    await place(2, other);
    await asking;
    const young = await predict(address);
    expect(young).not.toEqual(old);
    expect(await states(address)).toEqual({ 1: 'END', 2: 'AVAILABLE' });
    // Every request on the way got an answer of one of the two.
    expect(answers.length).toBeGreaterThan(3);
    const kinds = new Set(answers.map(answer => JSON.stringify(answer)));
    expect([...kinds].every(kind => [old, young].some(one => JSON.stringify(one) === kind))).toBe(true);
    expect((await ask(`${address}/v1/models/trees/versions/1:predict`, { instances: [file] })).status).toBe(
      404,
    );
  });

  it('passes over a copy until it is complete', async () => {
    await empty('slow-copy');
    await place(1, model);
    const { address } = await serveModels(root, { trees: { path: folder, versions: 'all' } });
    await cp(other, join(folder, '2'), { recursive: true, filter: path => !path.includes('variables.data') });
    // A later version is served: the server has looked at version 2 since.
    await place(3, other);
    await expect.poll(() => states(address)).toEqual({ 1: 'AVAILABLE', 3: 'AVAILABLE' });
    const data = join('variables', 'variables.data-00000-of-00001');
    await cp(join(other, data), join(folder, '2', data));
    await expect.poll(() => states(address)).toEqual({ 1: 'AVAILABLE', 2: 'AVAILABLE', 3: 'AVAILABLE' });
  });

  it('keeps what it serves where the next version cannot be loaded, and tries again once that is mended', async () => {
    await empty('broken');
    await place(1, model);
    const { address } = await serveModels(root, { trees: folder });
    const old = await predict(address);
    await cp(other, join(root, 'bad'), { recursive: true });
    await writeFile(join(root, 'bad', 'saved_model.pb'), 'no protobuf');
    await place(2, join(root, 'bad'));
    await expect.poll(() => states(address)).toEqual({ 1: 'AVAILABLE', 2: 'END' });
    const { body } = await ask<Status>(`${address}/v1/models/trees/versions/2`);
    expect(body.model_version_status[0]!.status.error_code).not.toBe('OK');
    expect(await predict(address)).toEqual(old);
    await cp(join(other, 'saved_model.pb'), join(folder, '2', 'saved_model.pb'));
    await expect.poll(() => states(address)).toEqual({ 1: 'END', 2: 'AVAILABLE' });
  });

  it('serves all, or those that are named; goes back when the newest is taken away', async () => {
    await empty('all');
    await place(3, model);
    await place(10, other);
    const all = await serveModels(root, {
      trees: { path: folder, versions: 'all', labels: { stable: 3, canary: 10 } },
    });
    // What was written a moment ago is taken up a moment later.
    await expect.poll(() => states(all.address)).toEqual({ 3: 'AVAILABLE', 10: 'AVAILABLE' });
    expect(await predict(all.address)).toEqual(await predict(all.address, '/labels/canary'));
    expect(await predict(all.address, '/versions/3')).toEqual(await predict(all.address, '/labels/stable'));
    expect(await predict(all.address)).not.toEqual(await predict(all.address, '/versions/3'));
    const named = await serveModels(root, { trees: { path: folder, versions: [3] } });
    expect(await states(named.address)).toEqual({ 3: 'AVAILABLE' });
    await rm(join(folder, '10'), { recursive: true });
    await expect.poll(() => states(all.address)).toEqual({ 3: 'AVAILABLE', 10: 'END' });
  });
});

describe('images of several requests', () => {
  it('are looked at together when they have one size, each request gets its own answers', async () => {
    const { address } = await serveModels(root, { trees: model }, { batch_timeout_ms: 200, max_batch: 4 });
    const files = await Promise.all(
      ['a', 'b', 'c', 'd'].map(async name => b64(await noise(name, 60, 40).png().toBuffer())),
    );
    const url = `${address}/v1/models/trees:predict`;
    const scores = async (one: object): Promise<readonly number[]> =>
      (await ask<{ predictions: Prediction[] }>(url, { instances: [one] })).body.predictions[0]!
        .detection_scores;
    const alone: (readonly number[])[] = [];
    for (const one of files) alone.push(await scores(one));
    const before = await batches(address);
    const together = await Promise.all(files.map(scores));
    const after = await batches(address);
    expect([after.count - before.count, after.sum - before.sum]).toEqual([1, 4]);
    together.forEach((found, i) => {
      found.forEach((score, j) => expect(score).toBeCloseTo(alone[i]![j]!, 4));
      const others = alone.filter((_, k) => k !== i);
      expect(others.some(list => list[0] === found[0])).toBe(false);
    });
  });

  it('stay in one batch when one request brings them, without any waiting', async () => {
    const { address } = await serveModels(root, { trees: model }, { max_batch: 8 });
    await ask(`${address}/v1/models/trees:predict`, { instances: new Array(8).fill(file) });
    expect(await batches(address)).toEqual({ count: 1, sum: 8 });
  });
});

describe('a full server', () => {
  it('refuses at once, says when to come again, and goes on afterwards', async () => {
    const { address } = await serveModels(root, { trees: model }, { queue_length: 4, max_images: 4 });
    const url = `${address}/v1/models/trees:predict`;
    const asked = await Promise.all(
      Array.from({ length: 12 }, () => ask<{ error?: string }>(url, { instances: [file, file, file] })),
    );
    const refused = asked.filter(({ status }) => status === 503);
    expect(refused.length).toBeGreaterThan(0);
    expect(asked.filter(({ status }) => status === 200).length).toBe(12 - refused.length);
    expect(refused.length).toBeLessThan(12);
    expect(refused[0]!.body.error).toMatch(/^the queue is full: \d+ images, at most 4$/);
    expect(refused[0]!.headers.get('retry-after')).toBe('1');
    await predict(address);
    expect(await metric(address, 'detdistill_serving_in_flight_images')).toBe(0);
  });

  it('lets a client that goes away take nothing with it', async () => {
    const { address } = await serveModels(
      root,
      { trees: model },
      { queue_length: 4, max_images: 4, batch_timeout_ms: 30_000 },
    );
    const url = `${address}/v1/models/trees:predict`;
    const client = new AbortController();
    const asking = expect(ask(url, { instances: [file, file, file] }, client.signal)).rejects.toThrow();
    await expect.poll(() => queued(address)).toBe(3);
    client.abort();
    await asking;
    await expect.poll(() => metric(address, 'detdistill_serving_in_flight_images')).toBe(0);
    expect(await queued(address)).toBe(0);
    expect(
      await metric(address, 'detdistill_serving_requests_total{model="trees",version="1",code="499"}'),
    ).toBe(1);
  });

  it('gives up a request after its time', async () => {
    const { address } = await serveModels(
      root,
      { trees: model },
      { request_timeout_seconds: 1, batch_timeout_ms: 30_000 },
    );
    const { status, body } = await ask(`${address}/v1/models/trees:predict`, { instances: [file] });
    expect([status, body.error]).toEqual([504, 'no response within 1 s']);
  });
});

describe('the process of a model', () => {
  it('that dies is started anew: its requests are told, later ones answered', async () => {
    const serving = await serveModels(root, { trees: model });
    const { address } = serving;
    const answer = await predict(address);
    const first = await processOf(serving);
    process.kill(first, 'SIGSTOP'); // so that the request is surely in it
    const asked = ask(`${address}/v1/models/trees:predict`, { instances: [file] });
    await expect.poll(async () => (await batches(address)).count).toBe(2);
    process.kill(first, 'SIGKILL');
    const told = await asked;
    expect([told.status, told.headers.get('retry-after')]).toEqual([503, '1']);
    expect(told.body.error).toMatch(/^trees version 1: the model process exited \(SIGKILL\)/);
    expect((await ask(`${address}/readyz`)).status).toBe(503);
    expect(await predict(address)).toEqual(answer); // waits for the new one
    expect(await processOf(serving)).not.toBe(first);
    expect((await ask(`${address}/readyz`)).status).toBe(200);
    expect(await metric(address, 'detdistill_serving_model_restarts_total{model="trees",version="1"}')).toBe(
      1,
    );
  });

  it('that hangs is ended and started anew', async () => {
    const serving = await serveModels(root, { trees: model }, { request_timeout_seconds: 3 });
    const first = await processOf(serving);
    process.kill(first, 'SIGSTOP');
    expect([503, 504]).toContain(
      (await ask(`${serving.address}/v1/models/trees:predict`, { instances: [file] })).status,
    );
    await expect.poll(() => ask(`${serving.address}/readyz`).then(({ status }) => status)).toBe(503);
    await expect.poll(() => ask(`${serving.address}/readyz`).then(({ status }) => status)).toBe(200);
    await predict(serving.address);
    expect(await processOf(serving)).not.toBe(first);
  });
});

describe('a server that is asked to end', () => {
  it('answers what was asked, refuses what comes, and ends its processes', async () => {
    const serving = await serveModels(root, { trees: model }, { batch_timeout_ms: 1_500, forGood: true });
    const pid = await processOf(serving);
    const asked = predict(serving.address);
    await expect.poll(() => queued(serving.address)).toBe(1);
    const started = performance.now();
    const stopped = serving.stop();
    await expect(ask(`${serving.address}/readyz`)).rejects.toThrow();
    expect((await asked).length).toBe(100);
    await stopped;
    expect(performance.now() - started).toBeLessThan(30_000); // what `drain_seconds` allows
    await expect.poll(() => isAlive(pid)).toBe(false);
  });

  it('waits no longer than it was told to', async () => {
    const serving = await serveModels(
      root,
      { trees: model },
      { batch_timeout_ms: 60_000, drain_seconds: 0.5, forGood: true },
    );
    const asked = ask(`${serving.address}/v1/models/trees:predict`, { instances: [file] });
    const failed = expect(asked).rejects.toThrow();
    await expect.poll(() => queued(serving.address)).toBe(1);
    const started = performance.now();
    await serving.stop();
    expect(performance.now() - started).toBeLessThan(60_000); // the batch would have waited as long
    await failed;
  });
});

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** Processes that this one has started and that are there. */
const children = async (): Promise<string[]> =>
  (await readFile(`/proc/self/task/${process.pid}/children`, 'utf8')).trim().split(' ').sort();

it('refuses a port that is taken, and leaves no process behind', async () => {
  const { address } = await serveModels(root, { trees: model });
  const port = Number(new URL(address).port);
  const before = await children();
  await expect(serveModels(root, { bees: model }, { port, forGood: true })).rejects.toMatchObject({
    code: 'ADDRESS_UNUSABLE',
  });
  await expect.poll(children).toEqual(before);
});

it('answers others while a request of a million numbers is read', async () => {
  const { address } = await serveModels(root, { trees: model });
  const image = Array.from({ length: 800 }, () => new Array<number[]>(800).fill([1, 2, 3]));
  const body = JSON.stringify({ instances: [image, image] });
  const waits: number[] = [];
  const begun = performance.now();
  let isDone = false;
  const large = fetch(`${address}/v1/models/trees:predict`, { method: 'POST', body }).finally(
    () => (isDone = true),
  );
  while (!isDone) {
    const started = performance.now();
    await new Promise<void>((resolve, reject) => {
      request(`${address}/healthz`, answer => answer.resume().on('end', resolve))
        .on('error', reject)
        .end();
    });
    waits.push(performance.now() - started);
    await sleep(2);
  }
  expect((await large).status).toBe(200);
  const took = performance.now() - begun;
  waits.sort((a, b) => a - b);
  expect(waits[Math.floor(waits.length * 0.5)]).toBeLessThan(took / 20);
});
