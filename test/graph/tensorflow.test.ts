import { expect, it, vi } from 'vitest';
import { loadTensorFlow } from '../../src/graph/tensorflow.js';

vi.mock('../../src/native/addon-files.js', async original => ({
  ...(await original<typeof import('../../src/native/addon-files.js')>()),
  addonLink: () => '/nowhere/tfjs_binding.node',
}));

it('says where the addon is missing and how to provide it', async () => {
  await expect(loadTensorFlow()).rejects.toMatchObject({
    code: 'TENSORFLOW_NOT_PROVIDED',
    message: expect.stringMatching(
      /^TensorFlow cannot be loaded from \/nowhere\/tfjs_binding.node: ENOENT/,
    ) as string,
    hint: 'run `detdistill setup`',
    retryable: false,
  });
});
