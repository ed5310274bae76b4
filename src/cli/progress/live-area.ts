import type { Terminal } from '../terminal.js';

/** The last lines of a terminal, written over and over; what is said scrolls away above them. */
export interface LiveArea {
  /** Whether there is a terminal that can be written over; else `show` does nothing. */
  readonly isLive: boolean;
  show(text: string): void;
  say(line: string): void;
  /** Leaves the last frame standing. */
  end(): void;
  /** Removes it. */
  clear(): void;
}

export async function openLiveArea({ stderr, say }: Terminal): Promise<LiveArea> {
  if (!stderr.isTTY || process.env.TERM === 'dumb')
    return { isLive: false, show: () => undefined, say, end: () => undefined, clear: () => undefined };
  const { createLogUpdate } = await import('log-update');
  const update = createLogUpdate(stderr);
  return {
    isLive: true,
    show: text => update(text),
    say: line => update.persist(line),
    end: () => update.done(),
    clear: () => update.clear(),
  };
}
