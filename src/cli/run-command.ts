import type { Runs } from '../runs/runs.js';
import { type Command, defineCommand } from './command.js';
import type { Colours, Terminal } from './terminal.js';

interface RunCommand {
  readonly name: string;
  readonly summary: string;
  readonly notes?: string;
  /** Works on one run of the server. Returns the command's result for programs and for people. */
  readonly act: (context: {
    id: string;
    runs: Runs;
    terminal: Terminal;
  }) => Promise<{ value: unknown; text: (colours: Colours) => string }>;
}

/** Defines a command whose only argument is the name of a run. */
export const defineRunCommand = ({ act, ...command }: RunCommand): Command =>
  defineCommand({
    ...command,
    args: '<run>',
    json: true,
    async act({ args: [id = ''], settings, terminal }) {
      const { withRuns } = await import('./server.js');
      const { value, text } = await withRuns(settings, runs => act({ id, runs, terminal }));
      terminal.result(value, text);
    },
  });
