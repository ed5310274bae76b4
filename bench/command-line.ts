import { Command, CommanderError } from 'commander';
import { reportFailure } from '../src/cli/failure.js';
import { showParts } from '../src/cli/progress/parts.js';
import { openTerminal, type Terminal } from '../src/cli/terminal.js';
import type { PartName } from '../src/native/parts.js';
import { provideNativeParts } from '../src/native/setup.js';
import { readSettings } from '../src/settings.js';
import { runAll } from './all.js';
import { type Benchmark, BENCHMARKS } from './benchmarks.js';
import { describeMachine, thisMachine } from './machine.js';
import { openReport } from './report.js';
import { jsonLine } from './row.js';

/**
 * The command line of the benchmarks. Sets the exit status: 0, 1 after a failure, 2 after a mistake in the arguments, which is
 * reported in one line.
 */
export async function main(argv: readonly string[]): Promise<void> {
  const terminal = openTerminal(argv.includes('--json'));
  try {
    await parserOf(terminal).parseAsync(argv, { from: 'user' });
  } catch (error) {
    process.exitCode = statusOf(error, terminal);
  }
}

/** Installs missing native parts, as `detdistill setup` does. */
async function provideParts(parts: readonly PartName[], terminal: Terminal): Promise<void> {
  const { onProgress, end } = await showParts(terminal);
  await provideNativeParts({ settings: readSettings(), parts, onProgress }).finally(end);
}

async function run(
  [name, { parts, run: measure }]: readonly [string, Benchmark],
  values: Readonly<Record<string, unknown>>,
  terminal: Terminal,
): Promise<void> {
  // An exit removes temporary folders and closes the input of the candidates, which ends them.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  await provideParts(parts, terminal);
  const report = await openReport(terminal);
  const machine = thisMachine();
  report.say(`${name}: ${describeMachine(machine)}`);
  const rows = await measure(report, values).finally(() => report.end());
  if (terminal.json) console.log(jsonLine({ name, machine, rows }));
}

function parserOf(terminal: Terminal): Command {
  const program = silenced(new Command('npm run bench --'));
  program.usage('NAME [--json]').helpCommand('help NAME', 'show the arguments and options of a benchmark');
  for (const [name, benchmark] of Object.entries(BENCHMARKS)) {
    const { summary, args, options = [] } = benchmark;
    const command = silenced(program.command(name).description(summary));
    for (const arg of args) command.addArgument(arg);
    for (const option of options) command.addOption(option);
    command.option('--json', 'write one line of JSON to stdout, and nothing else');
    command.action(() => {
      const values = args.map((arg, i) => [arg.name(), command.processedArgs[i]] as const);
      return run([name, benchmark], { ...Object.fromEntries(values), ...command.opts() }, terminal);
    });
  }
  silenced(program.command('all'))
    .description('run all benchmarks one after the other, some of them shortened, and go on after a failure')
    .option('--json', 'write a line of JSON for each benchmark to stdout, and nothing else')
    .action(async () => {
      const failed = await runAll(terminal);
      if (failed.length > 0) process.exitCode = 1;
    });
  return program;
}

/** Keeps commander from printing mistakes and from ending the process: `main` reports them in one line. */
const silenced = (command: Command): Command =>
  command.exitOverride().configureOutput({ outputError: () => undefined });

function statusOf(error: unknown, terminal: Terminal): number {
  if (!(error instanceof CommanderError)) return reportFailure(error, terminal);
  if (error.exitCode === 0) return 0; // --help
  if (error.code !== 'commander.help') terminal.say(mistakeIn(error));
  return 2;
}

/** commander writes "error: " before a message, and may suggest a similar name on a further line. */
function mistakeIn({ code, message }: CommanderError): string {
  const [mistake] = message.replace(/^error: /, '').split('\n');
  return code === 'commander.unknownCommand'
    ? `${mistake}; allowed: ${Object.keys(BENCHMARKS).join(', ')}, all`
    : String(mistake);
}
