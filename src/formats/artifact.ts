/** A reference to the output of a stage. `sha256` is the hash of its content: names, sizes and hashes of its files. */
export interface ArtifactRef {
  readonly uri: string;
  readonly sha256: string;
  readonly bytes: number;
}
