import { canonicalJson, sha256 } from '../files/hashing.js';

export interface StageKeyParts {
  readonly stage: string;
  /** Raised by hand when a stage would give another result for the same inputs. */
  readonly implVersion: number;
  /** The part of the configuration that the stage reads, every default filled. */
  readonly config: unknown;
  /** Hashes of what it reads, by name. */
  readonly inputs: Readonly<Record<string, string>>;
}

/** The key of a stage's result: equal keys mean equal results. */
export const stageKey = (parts: StageKeyParts): string => sha256(canonicalJson(parts));
