import { Command, CommanderError } from 'commander';
import { reportFailure } from '../src/cli/failure.js';
import { showParts } from '../src/cli/progress/parts.js';
import { openTerminal, type Terminal } from '../src/cli/terminal.js';
import type { PartName } from '../src/native/parts.js';
import { provideNativeParts } from '../src/native/setup.js';
import { readSettings } from '../src/settings.js';
import { benchAll } from './all.js';
import { BENCHES } from './names.js';
import { load, machine, openReport } from './report.js';
import { jsonLine } from './row.js';

/**
 * The command line of the benchmarks. Sets the exit status: 0, 1 after a failure, 2 after a mistake in what was written, which
 * is told in one line.
 */
export async function main(argv: readonly string[]): Promise<void> {
  const terminal = openTerminal(argv.includes('--json'));
  try {
    await parserOf(terminal).parseAsync(argv, { from: 'user' });
  } catch (error) {
    process.exitCode = statusOf(error, terminal);
  }
}

/** What `setup` does, for what is missing. */
async function provideParts(parts: readonly PartName[], terminal: Terminal): Promise<void> {
  const { onProgress, end } = await showParts(terminal);
  await provideNativeParts({ settings: readSettings(), parts, onProgress }).finally(end);
}

async function run(
  name: string,
  values: Readonly<Record<string, unknown>>,
  terminal: Terminal,
): Promise<void> {
  const { parts, run: measure } = BENCHES[name]!;
  // Folders are removed on exit, and contestants end when their input does.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  await provideParts(parts, terminal);
  const report = await openReport(terminal);
  report.say(`${name}: ${machine()}, ${load()}`);
  const rows = await measure(report, values).finally(() => report.end());
  if (terminal.json) console.log(jsonLine(name, rows));
}

function parserOf(terminal: Terminal): Command {
  const program = quiet(new Command('npm run bench --'));
  program.usage('NAME [--json]').helpCommand('help NAME', 'what can be written after a name');
  for (const [name, { summary, args, options = [] }] of Object.entries(BENCHES)) {
    const command = quiet(program.command(name).description(summary));
    for (const arg of args) command.addArgument(arg);
    for (const option of options) command.addOption(option);
    command.option('--json', 'one line of JSON on stdout, and nothing else there');
    command.action(() => {
      const values = args.map((arg, i) => [arg.name(), command.processedArgs[i]] as const);
      return run(name, { ...Object.fromEntries(values), ...command.opts() }, terminal);
    });
  }
  quiet(program.command('all'))
    .description('every one of them, some with less to do, one after the other; goes on after one that fails')
    .option('--json', 'a line of JSON for each on stdout, and nothing else there')
    .action(async () => {
      const failed = await benchAll(terminal);
      if (failed.length > 0) process.exitCode = 1;
    });
  return program;
}

/** Nothing is printed on a mistake, and nothing ends the process: it is told in one line. */
const quiet = (command: Command): Command =>
  command.exitOverride().configureOutput({ outputError: () => undefined });

function statusOf(error: unknown, terminal: Terminal): number {
  if (!(error instanceof CommanderError)) return reportFailure(error, terminal);
  if (error.exitCode === 0) return 0; // --help
  if (error.code !== 'commander.help') terminal.say(mistakeIn(error));
  return 2;
}

/** commander writes "error: what", and on a further line a name that was near. */
function mistakeIn({ code, message }: CommanderError): string {
  const what = message.replace(/^error: /, '').split('\n')[0]!;
  return code === 'commander.unknownCommand'
    ? `${what}; allowed: ${Object.keys(BENCHES).join(', ')}, all`
    : what;
}
