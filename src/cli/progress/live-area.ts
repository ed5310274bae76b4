import type { Terminal } from '../terminal.js';

/** The last lines of a terminal, which are overwritten; other lines scroll away above them. */
export interface LiveArea {
  /** Whether the terminal supports overwriting; otherwise `show` does nothing. */
  readonly isLive: boolean;
  show(text: string): void;
  say(line: string): void;
  /** Keeps the last frame. */
  end(): void;
  /** Removes the last frame. */
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
