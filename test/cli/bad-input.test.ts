import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { detdistill } from './command-line.js';
import { servedHome } from './served-home.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'detdistill-bad-input-'));
  await mkdir(join(folder, 'home'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const at = (...names: string[]): string => join(folder, ...names);
const run = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  detdistill(args, { cwd: folder, env: { DETDISTILL_HOME: at('home'), ...env } });

const write = (name: string, text: string): Promise<void> => writeFile(at(name), text);
const CONFIG = 'name: trees\ndata: { train: data }\nstudent: { model_name: efficientdet-d0 }\n';

/** A port that something listens on, or listened on. */
async function listen(): Promise<{ server: Server; port: number }> {
  const server = createServer(socket => socket.destroy()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port }; // of a TCP server
}
const close = (server: Server): Promise<unknown> => new Promise(resolve => server.close(resolve));

describe('a run file', () => {
  it.each(['run', 'plan'])('with an unknown key stops %s, the nearest known one is named', async command => {
    await write('run.yaml', CONFIG.replace('}\nstudent', ', trian: x }\nstudent'));
    const { status, stdout, stderr } = await run([command, 'run.yaml']);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(
      /^error CONFIG_INVALID: run\.yaml:\n {2}data\.trian: unknown key; did you mean train\?/,
    );
    expect(await readdir(at('home'))).toEqual([]);
  });

  it('that is not there is named', async () => {
    expect(await run(['run', 'none.yaml'])).toEqual({
      status: 2,
      stdout: '',
      stderr:
        'error CONFIG_MISSING: none.yaml: file not found\n  hint: the folder configs/ contains example run files\n',
    });
  });

  it('may be overridden only by keys that are known', async () => {
    await write('run.yaml', CONFIG);
    const { status, stderr } = await run(['run', 'run.yaml', '--set', 'student.num_epoch=3']);
    expect(status).toBe(2);
    expect(stderr).toContain('student.num_epoch: unknown key; did you mean num_epochs?');
  });
});

describe('a data set', () => {
  it('is cleaned by keys that are known only', async () => {
    const { status, stderr } = await run(['clean', 'x', '--dry-run', '--set', 'cleaning.of=[I07]']);
    expect(status).toBe(2);
    expect(stderr).toContain('error CONFIG_INVALID: clean:\n  cleaning.of: unknown key; did you mean off?');
  });

  it.each(['run', 'plan'])('that is missing stops %s before anything is started', async command => {
    await write('run.yaml', CONFIG);
    expect(await run([command, 'run.yaml'])).toEqual({
      status: 1,
      stdout: '',
      stderr: `error DATA_MISSING: ${at('data')}: file or folder not found\n`,
    });
    expect(await readdir(at('home'))).toEqual([]);
  });

  it('that is empty is told from one in an unknown format, and nothing is written', async () => {
    await mkdir(at('data'));
    const { status, stdout, stderr } = await run(['clean', 'data', '--out', 'cleaned']);
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^error DATA_EMPTY: .*data: /);
    expect((await readdir(folder)).sort()).toEqual(['data', 'home']);
  });

  it('whose images are all unusable says what dropped them', async () => {
    await mkdir(at('data'));
    for (const name of ['a', 'b']) {
      await write(`data/${name}.jpg`, 'no image');
      await write(
        `data/${name}.xml`,
        '<annotation><object><name>tree</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object></annotation>',
      );
    }
    const { status, stderr } = await run(['clean', 'data', '--out', 'cleaned']);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^error DATA_NOTHING_USABLE: .*I01 dropped \d/);
    expect((await readdir(folder)).sort()).toEqual(['data', 'home']);
  });
});

describe('a folder for results', () => {
  it('that holds something is left alone', async () => {
    await mkdir(at('cleaned'));
    await write('cleaned/mine.txt', 'mine');
    const { status, stderr } = await run(['clean', 'data', '--out', 'cleaned']);
    expect(status).toBe(1);
    expect(stderr).toContain('OUTPUT_UNUSABLE');
    expect(await readdir(at('cleaned'))).toEqual(['mine.txt']);
  });
});

describe('a checkpoint to import', () => {
  const COMMAND = ['import-checkpoint', 'model.ckpt', '--out', 'model'];
  it.each([
    [['--model_name', 'efficientdet-d9'], 'did you mean efficientdet-d0?'],
    [['--model_name', 'efficientdet-d0', '--num_classes', '0'], '--num_classes 0: not a number of classes'],
    [['--model_name', 'efficientdet-d0', '--image_size', '5by5'], '--image_size 5by5: not a size'],
  ])('with %j is refused before anything is read', async (options, message) => {
    const { status, stdout, stderr } = await run([...COMMAND, ...options]);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
    expect(await readdir(folder)).toEqual(['home']);
  });
});

describe('a server', () => {
  it.each([['list'], ['status', 'trees'], ['pause', 'trees']])(
    'that is not there is named: %s',
    async (...args) => {
      const { server, port } = await listen();
      await close(server);
      const { status, stdout, stderr } = await run(args, { TEMPORAL_ADDRESS: `127.0.0.1:${port}` });
      expect([status, stdout]).toEqual([1, '']);
      expect(stderr).toBe(
        `error SERVER_UNREACHABLE: 127.0.0.1:${port}: no Temporal server responds\n  hint: start one with detdistill dev, or set TEMPORAL_ADDRESS\n`,
      );
    },
  );

  it('whose port another program uses is not started', async () => {
    const { server, port } = await listen();
    try {
      const env = await servedHome(at('served'));
      const { status, stdout, stderr } = await run(['dev'], { ...env, DETDISTILL_PORT: String(port) });
      expect([status, stdout]).toEqual([1, '']);
      expect(stderr).toBe(
        `error PORT_IN_USE: port ${port} is in use by another program\n  hint: set DETDISTILL_PORT to a free port\n`,
      );
    } finally {
      await close(server);
    }
  });

  it('gives back what ended a run as the worker said it, and no artifact is left', async () => {
    await mkdir(at('data'));
    await write('run.yaml', CONFIG);
    const env = await servedHome(at('served'));
    const { status, stdout, stderr } = await run(['run', 'run.yaml', '--json'], env);
    expect([status, stdout]).toEqual([1, '']);
    expect(JSON.parse(stderr.trim().split('\n').at(-1)!)).toMatchObject({
      error: { code: 'DATA_EMPTY', message: expect.stringContaining(at('data')) as string },
    });
    expect(await readdir(at('served'))).not.toContain('artifacts');
    expect(await readdir(at('served', 'runs'))).toEqual([]);
  });
});

describe('a model', () => {
  it('that is neither a folder nor a run is named, and no file is made', async () => {
    const { status, stderr } = await run(['export', 'trees', '--format', 'frozen', '--out', 'network.pb']);
    expect(status).toBe(1);
    expect(stderr).toContain('error MODEL_MISSING: trees: model not found');
    expect(await readdir(folder)).toEqual(['home']);
  });

  it('is not loaded for an image that is not there', async () => {
    const { status, stderr } = await run(['predict', '--model', 'trees', 'none.jpg']);
    expect([status, stderr]).toEqual([
      1,
      `error DATA_MISSING: ${at('none.jpg')}: file or folder not found\n`,
    ]);
  });
});
