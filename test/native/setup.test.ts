import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Download } from '../../src/native/download.js';
import { nativePaths, provideNativeParts, trainerEnvironment } from '../../src/native/setup.js';
import { readSettings, type Settings } from '../../src/settings.js';

let home: string;
beforeEach(async () => (home = await mkdtemp(join(tmpdir(), 'detdistill-setup-'))));
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(home, { recursive: true, force: true });
});

const settingsWith = (env: NodeJS.ProcessEnv): Settings => readSettings({ DETDISTILL_HOME: home, ...env });

describe('provideNativeParts', () => {
  it.each([
    ['TEMPORAL_CLI', 'temporal', 'an executable file'],
    ['DETDISTILL_MINIO', 'minio', 'an executable file'],
    [
      'DETDISTILL_LIBTENSORFLOW',
      'libtensorflow',
      'libtensorflow_cc.so.2, libtensorflow_framework.so.2, include',
    ],
  ] as const)('names %s, its value and what is missing there', async (variable, part, missing) => {
    const settings = settingsWith({ [variable]: home });
    await expect(provideNativeParts({ settings, parts: [part] })).rejects.toMatchObject({
      code: 'NATIVE_PATH_INVALID',
      message: `${variable}=${home}: ${missing} not found there`,
      retryable: false,
    });
    expect(nativePaths(settings)[part]).toBeNull();
  });

  it('takes the program that the environment names', async () => {
    const settings = settingsWith({ TEMPORAL_CLI: process.execPath });
    const { temporal } = await provideNativeParts({ settings, parts: ['temporal'] });
    expect(temporal).toBe(process.execPath);
  });

  it('downloads a part into the cache of this home', async () => {
    const asked: string[] = [];
    const download: Download = ({ wheel }) => {
      asked.push(wheel.file);
      return Promise.reject(new Error('enough'));
    };
    const settings = settingsWith({});
    await expect(provideNativeParts({ settings, parts: ['demo-images'], download })).rejects.toThrow(
      'enough',
    );
    expect(asked).toEqual(['deepforest-2.1.0-py3-none-any.whl']);
    expect(nativePaths(settings)['demo-images']).toBeNull();
  });

  it('fetches the GPU libraries before TensorFlow for GPUs, where it is asked for', async () => {
    const download: Download = ({ wheel }) => Promise.reject(new Error(wheel.file));
    const parts = ['libtensorflow'] as const;
    const provide = (gpu: boolean): Promise<unknown> =>
      provideNativeParts({ settings: settingsWith({}), parts, gpu, download });
    const isLinux64 = process.platform === 'linux' && process.arch === 'x64';
    await expect(provide(true)).rejects.toThrow(isLinux64 ? 'nvidia_cublas_cu12' : 'no build is published');
    if (process.platform === 'linux')
      await expect(provide(false)).rejects.toThrow(/^tensorflow(_cpu)?-2.21.0/);
  });

  it('says why MinIO is not there when it can neither be found nor built', async () => {
    vi.stubEnv('PATH', '');
    await expect(provideNativeParts({ settings: settingsWith({}), parts: ['minio'] })).rejects.toMatchObject({
      code: 'NATIVE_PART_UNAVAILABLE',
      retryable: false,
      message: expect.stringMatching(/minio on PATH: not there\n.*`go` is not on PATH/) as string,
      hint: expect.stringContaining('DETDISTILL_MINIO') as string,
    });
  });
});

describe('the environment of a process that loads TensorFlow', () => {
  it('lets it take the memory of a GPU as it needs it', () => {
    expect(trainerEnvironment(settingsWith({}), {}).TF_FORCE_GPU_ALLOW_GROWTH).toBe('true');
  });
  it('switches oneDNN on whatever the processor is, and informational messages off', () => {
    expect(trainerEnvironment(settingsWith({}), {})).toMatchObject({
      TF_ENABLE_ONEDNN_OPTS: '1',
      TF_CPP_MIN_LOG_LEVEL: '2',
    });
  });
  it('leaves what was set by hand', () => {
    const env = { TF_FORCE_GPU_ALLOW_GROWTH: 'false', TF_ENABLE_ONEDNN_OPTS: '0', TF_CPP_MIN_LOG_LEVEL: '0' };
    expect(trainerEnvironment(settingsWith({}), env)).toMatchObject(env);
  });
});
