import type { Readable } from 'node:stream';

export interface StoredObject {
  readonly key: string;
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly modified: number;
}

/** A place for objects. Keys are relative, parts joined by "/". Each driver is a file here and a line in open-store.ts. */
export interface StoreDriver {
  /** file:///folder or s3://bucket/prefix, without a slash at the end. */
  readonly url: string;
  /** Whether an error is final: another attempt would fail, too. */
  isRefusal(error: unknown): boolean;
  /** The object appears whole or not at all; it replaces what was there. */
  putFile(key: string, path: string): Promise<void>;
  putBytes(key: string, bytes: Uint8Array): Promise<void>;
  /** false: there was an object already, and it stays. */
  putBytesOnce(key: string, bytes: Uint8Array): Promise<boolean>;
  /** undefined: there is no such object. */
  read(key: string): Promise<Readable | undefined>;
  /** Everything below a folder ("": everything), in no order. */
  list(folder: string): Promise<StoredObject[]>;
  /** Keys without an object are ignored. */
  remove(keys: readonly string[]): Promise<void>;
  /** Removes what dead writers left before a time (ms since 1970). */
  sweep(before: number): Promise<void>;
  /** The object's path if it lies on this machine; null: it must be fetched. */
  localPath(key: string): string | null;
}
