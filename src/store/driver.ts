import type { Readable } from 'node:stream';

export interface StoredObject {
  readonly key: string;
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly modified: number;
}

/** Where objects lie. Keys are relative, parts joined by "/". A member is a file here and a line in open-store.ts. */
export interface StoreDriver {
  /** file:///folder or s3://bucket/prefix, without a slash at the end. */
  readonly url: string;
  /** Whether an error means "no" for good, not "not now". */
  isRefusal(error: unknown): boolean;
  /** The object appears whole or not at all; what was there is replaced. */
  putFile(key: string, path: string): Promise<void>;
  putBytes(key: string, bytes: Uint8Array): Promise<void>;
  /** false: there was one, and it stays. */
  putBytesOnce(key: string, bytes: Uint8Array): Promise<boolean>;
  /** undefined: there is no such object. */
  read(key: string): Promise<Readable | undefined>;
  /** Everything below a folder ("": everything), in no order. */
  list(folder: string): Promise<StoredObject[]>;
  /** Objects that are not there are no error. */
  remove(keys: readonly string[]): Promise<void>;
  /** Removes what writers left behind that died before a time (ms since 1970). */
  sweep(before: number): Promise<void>;
  /** The object's path where it lies on this machine; null: it must be fetched. */
  localPath(key: string): string | null;
}
