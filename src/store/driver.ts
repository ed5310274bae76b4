/** Where objects lie. Keys are relative, parts joined by "/". A member is a file here and a line in open-store.ts. */
export interface StoreDriver {
  /** file:///folder or s3://bucket/prefix */
  readonly url: string;
  /** The object appears whole or not at all. */
  putFile(key: string, path: string): Promise<void>;
  putBytes(key: string, bytes: Uint8Array): Promise<void>;
  /** Writes the object to a local file; throws when there is none. */
  getFile(key: string, path: string): Promise<void>;
  /** undefined: there is no such object. */
  getBytes(key: string): Promise<Uint8Array | undefined>;
  /** Size in bytes; undefined: there is no such object. */
  size(key: string): Promise<number | undefined>;
  /** Keys below a prefix, sorted. */
  list(prefix: string): Promise<string[]>;
  remove(key: string): Promise<void>;
  /** The object's path where it lies on this machine; null: it must be fetched. */
  localPath(key: string): string | null;
}
