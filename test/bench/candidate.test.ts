import { describe, expect, it } from 'vitest';
import { environmentOf } from '../../bench/candidate.js';
import { trainerEnvironment } from '../../src/native/setup.js';
import { readSettings } from '../../src/settings.js';

const KEPT = { MALLOC_MMAP_MAX_: '0', MALLOC_TRIM_THRESHOLD_: String(2 ** 40) };

describe('the environment of a candidate', () => {
  it('lets PyTorch keep its memory', () => {
    expect(environmentOf({ script: 'effdet_train.py', packages: 'heavy' }, {})).toMatchObject(KEPT);
  });

  it('leaves PyTorch with the defaults of glibc on request', () => {
    const program = { script: 'effdet_train.py', packages: 'heavy', glibcDefaults: true } as const;
    for (const name of Object.keys(KEPT)) expect(environmentOf(program, {})).not.toHaveProperty(name);
  });

  it('is for our programs that of the processes of a run', () => {
    const environment = environmentOf({ module: './programs/train-step.js' }, {});
    expect(environment).toMatchObject(trainerEnvironment(readSettings(), {}));
    expect(environment).not.toHaveProperty('MALLOC_MMAP_MAX_');
  });

  it('hides GPUs', () => {
    expect(environmentOf({ module: './programs/predict.js' }, {}).CUDA_VISIBLE_DEVICES).toBe('-1');
  });
});
