/** One step of set-up. In phases that are not measured, bytes are 0 and the total is null. */
export interface PartProgress {
  readonly part: string;
  readonly phase: 'download' | 'unpack' | 'compile' | 'install' | 'ready';
  readonly bytes: number;
  readonly totalBytes: number | null;
}

export type OnProgress = (progress: PartProgress) => void;

export const silent: OnProgress = () => undefined;
