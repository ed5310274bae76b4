import { z } from 'zod';
import { canonicalJson, sha256 } from '../files/hashing.js';
import type { ArtifactRef } from '../formats/artifact.js';

/** Read from elsewhere, written into folders here: it must stay inside them. */
const relativePath = z
  .string()
  .refine(path => path.split('/').every(part => part !== '' && part !== '.' && part !== '..'));

const Manifest = z.object({
  key: z.string(),
  /** The folder below the key that one commit wrote. */
  place: z.string().regex(/^_[0-9a-f]+$/),
  files: z
    .array(z.object({ path: relativePath, bytes: z.int().nonnegative(), sha256: z.string() }))
    .nonempty(),
  created: z.string(),
  facts: z.record(z.string(), z.unknown()),
});
/** Written last: an artifact without it is not there. */
export type Manifest = Readonly<z.infer<typeof Manifest>>;

export const encodeManifest = (manifest: Manifest): Uint8Array =>
  new TextEncoder().encode(`${JSON.stringify(manifest, null, 1)}\n`);

/** undefined: it cannot be read, which is as good as none; the artifact is made again. */
export function parseManifest(text: string, key: string): Manifest | undefined {
  try {
    const manifest = Manifest.parse(JSON.parse(text));
    return manifest.key === key ? manifest : undefined;
  } catch {
    return undefined;
  }
}

/** The hash covers content alone, so equal content has an equal reference whenever it was made. */
export const refOf = (url: string, { key, files }: Pick<Manifest, 'key' | 'files'>): ArtifactRef => ({
  uri: `${url}/${key}`,
  sha256: sha256(canonicalJson(files)),
  bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
});
