import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Gives `work` a folder that is removed when it ends or when the process exits. */
export async function inTemporaryFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const root = await mkdtemp(join(tmpdir(), 'detdistill-bench-'));
  const remove = (): void => rmSync(root, { recursive: true, force: true, maxRetries: 5 });
  process.once('exit', remove);
  try {
    return await work(root);
  } finally {
    process.off('exit', remove);
    remove();
  }
}
