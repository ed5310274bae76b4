import type { OnProgress, PartProgress } from '../../native/progress.js';
import { formatBar, formatBytes } from '../format.js';
import type { Terminal } from '../terminal.js';
import { openLiveArea } from './live-area.js';

const BAR_WIDTH = 24;

const DOING: Readonly<Record<PartProgress['phase'], string>> = {
  download: 'downloading',
  unpack: 'unpacking',
  compile: 'compiling',
  install: 'installing',
  ready: 'ready',
};

/**
 * Shows what set-up does: a bar on a terminal, else a line for each thing it begins.
 * @param afterwards what is shown on a terminal once a part is ready
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
    const begun = `${progress.part}: ${DOING[progress.phase]}`;
    if (begun !== last && !area.isLive) area.say(beginning(progress));
    last = begun;
  };
  return { onProgress, end: () => area.clear() };
}

/** libtensorflow: downloading ██████░░░░ 61 MB of 274 MB */
export function renderPart({ part, phase, bytes, totalBytes }: PartProgress): string {
  const doing = `${part}: ${DOING[phase]}`;
  if (totalBytes === null || totalBytes === 0)
    return bytes > 0 ? `${doing} ${formatBytes(bytes)}` : `${doing} …`;
  return `${doing} ${formatBar(bytes / totalBytes, BAR_WIDTH)} ${formatBytes(bytes)} of ${formatBytes(totalBytes)}`;
}

const beginning = ({ part, phase, totalBytes }: PartProgress): string =>
  `${part}: ${DOING[phase]}${totalBytes ? ` ${formatBytes(totalBytes)}` : ''} …`;
