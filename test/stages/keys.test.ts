import { describe, expect, it } from 'vitest';
import { parseRunConfig } from '../../src/config/run.js';
import { readSettings } from '../../src/settings.js';
import { keyOf } from '../../src/stages/keys.js';

describe('the key of a training', () => {
  const keyWith = (cleaning: object, student: object = {}): Promise<string> => {
    const { data, student: training } = parseRunConfig(
      {
        name: 'run',
        data: { train: 'images', cleaning },
        student: { model_name: 'efficientdet-d0', ...student },
      },
      'test',
    );
    const dataset = { uri: 'file:///cleaned', sha256: 'a', bytes: 1 };
    const others = { mode: 'train', seed: 1, teacher: null, online: null } as const;
    const input = { role: 'student', training, dataset, data, ...others } as const;
    return keyOf('train', input, readSettings({}));
  };

  it('does not depend on limits that only lead to notes', async () => {
    const plain = await keyWith({});
    expect(await keyWith({ min_anchor_iou: 0.7, max_anchor_misses: 0.2, off: ['L14'] })).toBe(plain);
    expect(await keyWith({}, { num_epochs: 7 })).not.toBe(plain);
  });
});
