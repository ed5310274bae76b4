import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readConfigFile } from '../../src/cli/config-file.js';

const CONFIGS = join(import.meta.dirname, '../../configs');
const MINIMAL = 'name: trees\ndata: { train: images }\nstudent: { model_name: efficientdet-d0 }\n';

let folder: string;
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'detdistill-config-'))));
afterEach(() => rm(folder, { recursive: true, force: true }));

async function file(text: string, name = 'run.yaml'): Promise<string> {
  await writeFile(join(folder, name), text);
  return join(folder, name);
}

describe('readConfigFile', () => {
  it('fills every default and sees paths from the file', async () => {
    const config = await readConfigFile(await file(MINIMAL));
    expect(config).toMatchObject({
      name: 'trees',
      teacher: null,
      data: { train: join(folder, 'images'), eval: null, do_data_cleaning: true },
      student: { image_size: [512, 512], train_batch_size: 8, pretrained: 'coco' },
    });
  });

  it('reads JSON as well', async () => {
    const text = JSON.stringify({
      name: 'a',
      data: { train: '/d' },
      student: { model_name: 'efficientdet-d1' },
    });
    expect(await readConfigFile(await file(text, 'run.json'))).toMatchObject({ data: { train: '/d' } });
  });

  it('expands ~ and leaves words and addresses as they are', async () => {
    const config = await readConfigFile(await file(MINIMAL.replace('images', '~/trees')), [
      'train_url=s3://bucket/runs',
      'student.pretrained=none',
    ]);
    expect(config.data.train).toBe(join(homedir(), 'trees'));
    expect([config.train_url, config.student.pretrained]).toEqual(['s3://bucket/runs', 'none']);
  });

  it('knows words of pretrained there only: a folder may be called so, too', async () => {
    const config = await readConfigFile(await file(MINIMAL.replace('images', 'coco')));
    expect([config.data.train, config.student.pretrained]).toEqual([join(folder, 'coco'), 'coco']);
  });

  it('sets values by --set, written as in YAML, their paths seen from the working folder', async () => {
    const config = await readConfigFile(await file(MINIMAL), [
      'student.hparams.learning_rate=0.02',
      'student.image_size=[128, 256]',
      'teacher.model_name=efficientdet-d2',
      'data.train=other',
      'data.classes=[oak, elm]',
    ]);
    expect(config.student.hparams.learning_rate).toBe(0.02);
    expect(config.student.image_size).toEqual([128, 256]);
    expect(config.teacher?.model_name).toBe('efficientdet-d2');
    expect(config.data).toMatchObject({ train: resolve('other'), classes: ['oak', 'elm'] });
  });

  it('keeps what stands beside an overridden value', async () => {
    const config = await readConfigFile(await file(MINIMAL), [
      'data.eval=e',
      'data.test=t',
      'student.num_epochs=3',
    ]);
    expect(config.data).toMatchObject({
      train: join(folder, 'images'),
      eval: resolve('e'),
      test: resolve('t'),
    });
    expect(config.student).toMatchObject({ model_name: 'efficientdet-d0', num_epochs: 3 });
  });

  it.each([
    [
      'a key that is not known',
      ['student.num_epoch=3'],
      'student.num_epoch: unknown key; did you mean num_epochs?',
    ],
    ['a section over a value', ['name.first=x'], 'name: Invalid input: expected string, received object'],
    ['a value that is not allowed', ['student.num_epochs=-1'], 'student.num_epochs: Too small'],
  ])('names %s', async (_what, overrides, message) => {
    const path = await file(MINIMAL);
    await expect(readConfigFile(path, overrides)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(message) as string,
    });
  });

  it.each([
    [
      'a teacher with larger anchors',
      ['teacher.model_name=efficientdet-d7'],
      'efficientdet-d7 have anchor scale 5',
    ],
    ['a teacher with a level more', ['teacher.model_name=efficientdet-d7x'], 'have levels 3 to 8'],
    [
      'a teacher with anchors of another shape',
      ['teacher.model_name=efficientdet-d2', 'teacher.hparams.aspect_ratios=[1, [1.4, 0.7], [0.7, 1.4]]'],
      'have aspect_ratios [1,[1.4,0.7],[0.7,1.4]]',
    ],
  ])('refuses %s to teach, and lets it be trained', async (_what, overrides, message) => {
    const path = await file(MINIMAL);
    await expect(readConfigFile(path, overrides)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(message) as string,
    });
    const alone = await readConfigFile(path, [...overrides, 'distillation.use_offline_kd=false']);
    expect(alone.teacher).not.toBeNull();
  });

  it('lists all mistakes at once', async () => {
    const path = await file('nane: trees\ndata: { trian: x }\n');
    await expect(readConfigFile(path)).rejects.toMatchObject({
      message: expect.stringMatching(/did you mean name\?.*|did you mean train\?/s) as string,
      facts: {
        source: path,
        issues: expect.arrayContaining([expect.stringContaining('student')]) as string[],
      },
    });
  });

  it.each([
    ['is not there', 'none.yaml', null, 'CONFIG_MISSING', 'file not found'],
    ['is no YAML', 'bad.yaml', 'a: [1, 2\nb: 3', 'CONFIG_UNREADABLE', 'at line 2'],
    ['is a list', 'list.yaml', '- 1\n', 'CONFIG_INVALID', '(top): Invalid input: expected object'],
    ['is empty', 'empty.yaml', '', 'CONFIG_INVALID', '(top): Invalid input: expected object'],
  ])('says when the file %s', async (_what, name, text, code, message) => {
    const path = text === null ? join(folder, name) : await file(text, name);
    await expect(readConfigFile(path)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message) as string,
    });
  });

  it('asks for "=" in --set', async () => {
    await expect(readConfigFile(await file(MINIMAL), ['student.num_epochs'])).rejects.toMatchObject({
      code: 'USAGE_WRONG',
      message: '--set student.num_epochs: no "="',
    });
  });
});

describe('configs/', async () => {
  const names = (await readdir(CONFIGS)).filter(name => name.endsWith('.yaml'));
  it.each(names)('%s is valid and carries its own name', async name => {
    const config = await readConfigFile(join(CONFIGS, name));
    expect(`${config.name}.yaml`).toBe(name);
  });
});
