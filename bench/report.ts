import { openLiveArea } from '../src/cli/progress/live-area.js';
import type { Terminal } from '../src/cli/terminal.js';

/** Where a benchmark writes its results and its progress. */
export interface Report {
  /** Writes a line that stays: to stdout, or to stderr where stdout carries JSON. */
  say(line: string): void;
  /** Shows the work in progress on stderr. @param isStep whether it is shown without a terminal, too, on a line of its own */
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
