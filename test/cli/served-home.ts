import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { provideNativeParts } from '../../src/native/setup.js';
import { readSettings } from '../../src/settings.js';
import { freePort } from '../../src/runs/listening.js';

/** The environment of a home of its own that uses the native parts of this machine: nothing is fetched or built. */
export async function servedHome(home: string): Promise<NodeJS.ProcessEnv> {
  const settings = readSettings();
  const { libtensorflow, temporal } = await provideNativeParts({
    settings,
    parts: ['libtensorflow', 'tfjs-addon', 'temporal'],
  });
  await mkdir(home, { recursive: true });
  await symlink(settings.cacheFolder, join(home, 'cache'));
  return {
    DETDISTILL_HOME: home,
    DETDISTILL_PORT: String(await freePort()),
    DETDISTILL_LIBTENSORFLOW: libtensorflow,
    TEMPORAL_CLI: temporal,
    TEMPORAL_ADDRESS: '',
  };
}
