import { availableParallelism, cpus, loadavg } from 'node:os';
import { physicalCores } from '../src/inference/onnxruntime.js';
import { openLiveArea } from '../src/cli/progress/live-area.js';
import type { Terminal } from '../src/cli/terminal.js';

/** Where a benchmark speaks. */
export interface Report {
  /** A line that stays: on stdout, or on stderr where that belongs to JSON. */
  say(line: string): void;
  /** What goes on at this moment, on stderr. @param isStep where there is no terminal, only steps are shown, a line each */
  progress(line: string, isStep?: boolean): void;
  end(): void;
}

export async function openReport(terminal: Terminal): Promise<Report> {
  const area = await openLiveArea(terminal);
  return {
    say: line => {
      area.clear();
      (terminal.json ? process.stderr : process.stdout).write(`${line}\n`);
    },
    progress: (line, isStep = true) => {
      if (area.isLive) area.show(line);
      else if (isStep) terminal.say(`  … ${line}`);
    },
    end: () => area.clear(),
  };
}

/** What a reader of the figures has to know of where they were taken. */
export const machine = (): string =>
  `${physicalCores()} cores (${availableParallelism()} processors) of ${cpus()[0]?.model.trim() ?? 'unknown'}, Node ${process.versions.node}`;

/** How many programs wanted to run in the last minute: of others, where a measurement has not begun. */
export const load = (): string => `load ${loadavg()[0]!.toFixed(1)}`;
