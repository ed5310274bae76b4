import type { RunView } from '../../runs/runs.js';
import type { Terminal } from '../terminal.js';
import { openLiveArea } from './live-area.js';
import { createRunLog } from './run-log.js';
import { renderRun } from './run-display.js';

/** Shows the progress of a run: a live display on a terminal, log lines elsewhere. */
export async function showRun(
  terminal: Terminal,
): Promise<{ show: (view: RunView) => void; say: (line: string) => void; end: () => void }> {
  const { colours } = terminal;
  const area = await openLiveArea(terminal);
  const { notesOf, linesOf } = createRunLog(colours);
  const show = (view: RunView): void => {
    const now = Date.now();
    (area.isLive ? notesOf(view) : linesOf(view, now)).forEach(line => area.say(line));
    area.show(renderRun(view, { colours, now }));
  };
  return { show, say: line => area.say(line), end: () => area.end() };
}
