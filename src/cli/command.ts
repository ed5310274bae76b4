import type { Settings } from '../settings.js';
import type { Terminal } from './terminal.js';

export interface OptionRow<T = unknown> {
  readonly text: string;
  /** How its value is shown in help; null: it has none. */
  readonly placeholder: string | null;
  readonly isNeeded: boolean;
  readonly choices: readonly string[] | null;
  /** What the option gives, from what was written: nothing, or one text for each time. */
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

/** What a command is called with. */
export interface Call<O extends OptionRows = OptionRows> {
  readonly args: readonly string[];
  readonly options: Values<O>;
  readonly settings: Settings;
  readonly terminal: Terminal;
}

export interface Command<O extends OptionRows = OptionRows> {
  readonly name: string;
  /** As help shows them: <needed>, [optional], <several...>. */
  readonly args?: string;
  readonly summary: string;
  /** Below the options in the command's help. */
  readonly notes?: string;
  readonly options?: O;
  /** A program may read the result: adds --json. */
  readonly json?: boolean;
  /** Loads what it needs when it is called, so that --help starts at once. */
  act(call: Call<O>): Promise<void>;
}

/** Lets `act` see the types of its options. */
export const defineCommand = <const O extends OptionRows = Record<never, never>>(
  command: Command<O>,
): Command => command;

/** How people name a model. */
export const MODEL_HELP = "a run's name, or a folder: of a run, a model, or checkpoints";
