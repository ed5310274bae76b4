import { Command as Parser, CommanderError, Option } from 'commander';
import { readFileSync } from 'node:fs';
import { AppError, errors } from '../errors/index.js';
import { packageFile } from '../package-root.js';
import { readSettings } from '../settings.js';
import type { Command, OptionRow } from './command.js';
import { COMMANDS } from './commands/index.js';
import { reportFailure } from './failure.js';
import { openTerminal } from './terminal.js';

/** Runs the command line. Sets the exit status: 0, 1 for a failure, 2 for a mistake in the arguments or a run file, 130 after Ctrl-C. */
export async function main(argv: readonly string[]): Promise<void> {
  const terminal = openTerminal(argv.includes('--json'));
  try {
    await buildParser().parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return; // --help, --version
      process.exitCode = error.code === 'commander.help' ? 2 : reportFailure(usageError(error), terminal);
      return;
    }
    // After Ctrl-C the user has been told what happens, and the exit status is set.
    if (error instanceof AppError && error.code === 'INTERRUPTED') return;
    process.exitCode = reportFailure(error, terminal);
  }
}

const HELP_TEXT = 'show this help';

function buildParser(): Parser {
  const parser = new Parser('detdistill')
    .description(
      'EfficientDet training and knowledge distillation as durable pipelines.\nStart with: detdistill demo',
    )
    .version(ownVersion(), '--version', 'show the version')
    .helpOption('-h, --help', HELP_TEXT)
    .helpCommand('help [command]', 'show the help of a command')
    .configureHelp({ subcommandTerm: command => `${command.name()} ${argumentsOf(command)}`.trimEnd() });
  for (const [group, commands] of Object.entries(COMMANDS))
    for (const command of commands) parser.addCommand(parserOf(command).helpGroup(`${group}:`));
  return quiet(parser);
}

const argumentsOf = ({ registeredArguments }: Parser): string =>
  registeredArguments
    .map(argument => (argument.variadic ? `${argument.name()}…` : argument.name()))
    .join(' ')
    .toUpperCase();

function parserOf(command: Command): Parser {
  const { name, args = '', summary, notes, options = {}, json = false } = command;
  const parser = new Parser(name)
    .summary(summary)
    .description(sentence(summary))
    .helpOption('-h, --help', HELP_TEXT);
  if (args) parser.arguments(args);
  for (const [key, row] of Object.entries(options)) parser.addOption(optionOf(key, row));
  if (json) parser.option('--json', 'print the result as JSON on stdout, and nothing else there');
  if (notes) parser.addHelpText('after', `\n${notes}`);
  return quiet(parser).action(() => call(command, parser));
}

async function call(command: Command, parser: Parser): Promise<void> {
  const written = parser.opts<Record<string, unknown>>();
  const values = Object.entries(command.options ?? {}).map(([key, row]) => [
    key,
    row.read(texts(written[key])),
  ]);
  await command.act({
    // All arguments are texts, as none has a parser of its own.
    args: parser.processedArgs.flat().filter(arg => arg !== undefined) as string[],
    options: Object.fromEntries(values) as Record<string, unknown>,
    settings: readSettings(),
    terminal: openTerminal('json' in written),
  });
}

/** commander passes undefined, true, one text or several. */
const texts = (written: unknown): string[] =>
  [written ?? []].flat().map(one => (typeof one === 'string' ? one : ''));

function optionOf(key: string, { text, placeholder, isNeeded, choices }: OptionRow): Option {
  const name = key.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`);
  if (placeholder === null) return new Option(`--${name}`, text);
  const option = new Option(`--${name} <${placeholder}>`, text).makeOptionMandatory(isNeeded);
  if (choices) return option.choices(choices);
  return option.argParser<string[]>((written, before = []) => [...before, written]);
}

/** Keeps commander from printing mistakes and from exiting: they are reported like every other error. */
const quiet = (parser: Parser): Parser =>
  parser.exitOverride().configureOutput({ outputError: () => undefined });

/** commander's message is "error: what" and, if a similar name exists, "(Did you mean that?)". */
function usageError({ message }: CommanderError): AppError {
  const [what = '', nearest] = message.split('\n');
  const hint = nearest?.replace(/^\(D/, 'd').replace(/\)$/, '') ?? 'add --help to show what is allowed';
  return errors.usageWrong(what.replace(/^error: /, ''), hint);
}

const sentence = (summary: string): string => `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`;

function ownVersion(): string {
  const { version } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string };
  return version;
}
