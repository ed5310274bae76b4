import { z } from 'zod';
import { canonicalJson, sha256 } from '../files/hashing.js';
import type { ArtifactRef } from '../formats/artifact.js';

/** Manifests may come from elsewhere, and their paths are written to: they must stay inside the artifact. */
const relativePath = z
  .string()
  .refine(path => path.split('/').every(part => part !== '' && part !== '.' && part !== '..'));

const Manifest = z.object({
  key: z.string(),
  /** The folder below the key that one commit wrote. */
  place: z.string().regex(/^_[0-9a-f]+$/),
  files: z.array(z.object({ path: relativePath, bytes: z.int().nonnegative(), sha256: z.string() })).min(1),
  created: z.string(),
  facts: z.record(z.string(), z.unknown()),
});
/** A manifest is written last: without it there is no artifact. */
export type Manifest = Readonly<z.infer<typeof Manifest>>;

export const encodeManifest = (manifest: Manifest): Uint8Array =>
  new TextEncoder().encode(`${JSON.stringify(manifest, null, 1)}\n`);

/** undefined: it cannot be read, which counts as missing, so that the artifact is made again. */
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

/** The folder of an artifact's objects. */
export const objectFolder = ({ key, place }: Pick<Manifest, 'key' | 'place'>): string => `${key}/${place}`;
