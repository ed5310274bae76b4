import { extname } from 'node:path';
import { errors } from '../../errors/index.js';
import { listFiles, statOf } from '../../files/walk.js';

/**
 * The ModelArts manifest at a path or in its folder; null: there is none.
 * @throws DATA_AMBIGUOUS where there are several
 */
export async function findManifest(path: string): Promise<string | null> {
  const info = await statOf(path);
  if (!info) return null;
  if (info.isFile()) return extname(path) === '.manifest' ? path : null;
  const found = (await listFiles(path)).filter(file => extname(file) === '.manifest');
  if (found.length > 1)
    throw errors.datasetAmbiguous({
      path,
      found: found.map(file => file.slice(path.length + 1)),
      hint: 'name one of the manifests as the path',
    });
  return found[0] ?? null;
}
