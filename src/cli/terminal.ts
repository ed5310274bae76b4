import pc from 'picocolors';

export type Colours = ReturnType<typeof pc.createColors>;

/** The output of a command: results on stdout, everything else on stderr. */
export interface Terminal {
  /** Whether stdout carries JSON and nothing else. */
  readonly json: boolean;
  readonly stderr: NodeJS.WriteStream;
  /** The colours of stderr. */
  readonly colours: Colours;
  /** Prints the command's result: JSON for programs, text for people. */
  readonly result: (value: unknown, text: (colours: Colours) => string) => void;
  /** Prints a line for people. */
  readonly say: (line: string) => void;
}

export function openTerminal(json: boolean): Terminal {
  const { stdout, stderr } = process;
  stdout.on('error', exitOnClosedPipe);
  return {
    json,
    stderr,
    colours: coloursOf(stderr),
    result: (value, text) =>
      void stdout.write(json ? `${JSON.stringify(value)}\n` : ended(text(coloursOf(stdout)))),
    say: line => void stderr.write(ended(line)),
  };
}

/** https://no-color.org */
export const coloursOf = ({ isTTY }: { isTTY?: boolean }): Colours =>
  pc.createColors(Boolean(isTTY) && !process.env.NO_COLOR && process.env.TERM !== 'dumb');

const ended = (text: string): string => (text === '' || text.endsWith('\n') ? text : `${text}\n`);

/** A closed pipe, as in `detdistill list | head`, is not a failure. */
function exitOnClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
}
