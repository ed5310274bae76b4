import type { Settings } from '../settings.js';
import type { Terminal } from './terminal.js';

export interface OptionRow<T = unknown> {
  readonly text: string;
  /** Stands for the value in help; null: a flag without a value. */
  readonly placeholder: string | null;
  readonly isNeeded: boolean;
  readonly choices: readonly string[] | null;
  /** Converts the texts on the command line, one for each time that the option is given. */
  read(written: readonly string[]): T;
}

const row = { placeholder: null, isNeeded: false, choices: null };

export const flag = (text: string): OptionRow<boolean> => ({
  ...row,
  text,
  read: written => written.length > 0,
});
export const optional = (placeholder: string, text: string): OptionRow<string | undefined> => ({
  ...row,
  text,
  placeholder,
  read: written => written.at(-1),
});
export const several = (placeholder: string, text: string): OptionRow<readonly string[]> => ({
  ...row,
  text,
  placeholder,
  read: written => written,
});
export const needed = (placeholder: string, text: string): OptionRow<string> => ({
  ...row,
  text,
  placeholder,
  isNeeded: true,
  read: written => written.at(-1)!,
});
export const oneOf = <const C extends string>(choices: readonly C[], text: string): OptionRow<C> => ({
  text,
  placeholder: choices.join('|'),
  isNeeded: true,
  choices,
  read: written => choices.find(choice => choice === written.at(-1))!,
});

type OptionRows = Readonly<Record<string, OptionRow>>;
type Values<O extends OptionRows> = { readonly [K in keyof O]: ReturnType<O[K]['read']> };

/** The arguments of a command's `act`. */
export interface Call<O extends OptionRows = OptionRows> {
  readonly args: readonly string[];
  readonly options: Values<O>;
  readonly settings: Settings;
  readonly terminal: Terminal;
}

export interface Command<O extends OptionRows = OptionRows> {
  readonly name: string;
  /** The arguments as help shows them: <needed>, [optional], <several...>. */
  readonly args?: string;
  readonly summary: string;
  /** Text below the options in the command's help. */
  readonly notes?: string;
  readonly options?: O;
  /** Whether the result is available as JSON; adds --json. */
  readonly json?: boolean;
  /** Runs the command. It imports modules on demand, so that --help starts fast. */
  act(call: Call<O>): Promise<void>;
}

/** Infers the types of the options for `act`. */
export const defineCommand = <const O extends OptionRows = Record<never, never>>(
  command: Command<O>,
): Command => command;

/** One option for each row of a table. */
export const optionsOf = <N extends string, R>(
  rows: Readonly<Record<N, R>>,
  optionOf: (row: R, name: N) => OptionRow<string | undefined>,
): Record<N, OptionRow<string | undefined>> =>
  Object.fromEntries(
    Object.entries<R>(rows).map(([name, row]) => [name, optionOf(row, name as N)]),
  ) as Record<N, OptionRow<string | undefined>>; // Object's own functions lose the names

/** Help texts that several commands share. */
export const SET_HELP = 'set a key of the run file to another value; repeatable';
export const DETACH_HELP = 'start the run without following it; requires a server with workers';
/** The help text of every argument or option that names a model. */
export const MODEL_HELP = 'name of a run, or folder of a run, a model or checkpoints';
