import { errors } from '../errors/index.js';
import type { S3Settings, Settings } from '../settings.js';
import { type ArtifactStore, createArtifactStore } from './artifact-store.js';
import type { StoreDriver } from './driver.js';
import { localFolder } from './local-folder.js';
import { s3 } from './s3.js';

const DRIVERS: Readonly<Record<string, (url: string, access: S3Settings) => StoreDriver>> = {
  'file:': localFolder,
  's3:': s3,
};

/** The store that the settings name. */
export function openStore({
  storeUrl,
  cacheFolder,
  s3: access,
}: Pick<Settings, 'storeUrl' | 'cacheFolder' | 's3'>): ArtifactStore {
  const driver = URL.canParse(storeUrl) ? DRIVERS[new URL(storeUrl).protocol] : undefined;
  if (!driver) throw errors.storeUrlInvalid(storeUrl);
  return createArtifactStore(driver(storeUrl.replace(/(?<=[^:/])\/+$/, ''), access), cacheFolder);
}
