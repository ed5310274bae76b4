import { errors } from '../errors/index.js';
import type { Settings } from '../settings.js';
import { type ArtifactStore, createArtifactStore } from './artifact-store.js';
import type { StoreDriver } from './driver.js';
import { localFolder } from './local-folder.js';
import { s3 } from './s3.js';

const DRIVERS: Readonly<Record<string, (url: string, env: NodeJS.ProcessEnv) => StoreDriver>> = {
  'file:': localFolder,
  's3:': s3,
};

/** The store that the settings name. */
export function openStore(
  { storeUrl, cacheFolder }: Pick<Settings, 'storeUrl' | 'cacheFolder'>,
  env: NodeJS.ProcessEnv = process.env,
): ArtifactStore {
  const driver = URL.canParse(storeUrl) ? DRIVERS[new URL(storeUrl).protocol] : undefined;
  if (!driver) throw errors.storeUrlInvalid(storeUrl);
  return createArtifactStore(driver(storeUrl.replace(/(?<=[^:/])\/+$/, ''), env), cacheFolder);
}
