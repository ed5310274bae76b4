/** One line of what set-up is doing; bytes are 0 and the total null where a phase has none. */
export interface PartProgress {
  readonly part: string;
  readonly phase: 'download' | 'unpack' | 'compile' | 'install' | 'ready';
  readonly bytes: number;
  readonly totalBytes: number | null;
}

export type OnProgress = (progress: PartProgress) => void;

export const silent: OnProgress = () => undefined;
