import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Gives the suites of a project a DETDISTILL_HOME in which nothing has been set up. */
export default async function setup(): Promise<() => Promise<void>> {
  const home = await mkdtemp(join(tmpdir(), 'detdistill-empty-'));
  process.env.DETDISTILL_HOME = home;
  return () => rm(home, { recursive: true, force: true });
}
