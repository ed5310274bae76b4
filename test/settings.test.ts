import { describe, expect, it } from 'vitest';
import { readSettings } from '../src/settings.js';

describe('the engine of predictions', () => {
  it('is chosen by itself, unless the environment names one', () => {
    expect(readSettings({}).engine).toBe('auto');
    expect(readSettings({ DETDISTILL_ENGINE: 'tensorflow' }).engine).toBe('tensorflow');
  });

  it('that does not exist is an error that names those that do', () => {
    expect(() => readSettings({ DETDISTILL_ENGINE: 'tflite' })).toThrow(
      expect.objectContaining({
        code: 'USAGE_WRONG',
        message: 'DETDISTILL_ENGINE=tflite: unknown engine',
        hint: 'allowed: auto, tensorflow, onnxruntime',
      }) as Error,
    );
  });
});

describe('access to S3', () => {
  it('is read from the usual variables', () => {
    const env = { S3_ENDPOINT: 'http://s3:9000', AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' };
    expect(readSettings(env).s3).toEqual({
      endpoint: 'http://s3:9000',
      accessKeyId: 'id',
      secretAccessKey: 'secret',
      sessionToken: null,
      region: null,
    });
    expect(readSettings({}).s3).toMatchObject({ endpoint: null, accessKeyId: null, secretAccessKey: null });
  });
});
