import type { OnProgress, PartProgress } from '../../native/progress.js';
import { formatBar, formatBytes } from '../format.js';
import type { Terminal } from '../terminal.js';
import { openLiveArea } from './live-area.js';

const BAR_WIDTH = 24;

const ACTIONS: Readonly<Record<PartProgress['phase'], string>> = {
  download: 'downloading',
  unpack: 'unpacking',
  compile: 'compiling',
  install: 'installing',
  ready: 'ready',
};

/**
 * Shows the progress of native parts: a bar on a terminal, otherwise one line for each step.
 * @param afterwards text that a terminal shows once a part is ready
 */
export async function showParts(
  terminal: Terminal,
  afterwards = '',
): Promise<{ onProgress: OnProgress; end: () => void }> {
  const area = await openLiveArea(terminal);
  let last = '';
  const onProgress: OnProgress = progress => {
    if (progress.phase === 'ready') return area.show(afterwards);
    area.show(renderPart(progress));
    const started = `${progress.part}: ${ACTIONS[progress.phase]}`;
    if (started !== last && !area.isLive) area.say(describeStart(progress));
    last = started;
  };
  return { onProgress, end: () => area.clear() };
}

/** libtensorflow: downloading ██████░░░░ 61 MB of 274 MB */
export function renderPart({ part, phase, bytes, totalBytes }: PartProgress): string {
  const action = `${part}: ${ACTIONS[phase]}`;
  if (totalBytes === null || totalBytes === 0)
    return bytes > 0 ? `${action} ${formatBytes(bytes)}` : `${action} …`;
  return `${action} ${formatBar(bytes / totalBytes, BAR_WIDTH)} ${formatBytes(bytes)} of ${formatBytes(totalBytes)}`;
}

const describeStart = ({ part, phase, totalBytes }: PartProgress): string =>
  `${part}: ${ACTIONS[phase]}${totalBytes ? ` ${formatBytes(totalBytes)}` : ''} …`;
