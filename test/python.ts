import type { TestContext } from 'vitest';
import { messageOf } from '../src/errors/index.js';
import { runCommand } from '../src/native/command.js';
import { providePython as provide, type PythonPackages } from '../src/native/python.js';
import { readSettings } from '../src/settings.js';

type Skip = Pick<TestContext, 'skip'>;

interface ScriptOptions {
  /** Lets the test be skipped where there is no Python. */
  readonly test?: Skip;
  readonly args?: readonly string[];
  readonly input?: string;
  readonly packages?: PythonPackages;
}

const made = new Map<PythonPackages, Promise<string>>();

/** The Python of an environment with these packages. Where there is none the test is skipped and says why; CI fails. */
export async function providePython(packages: PythonPackages, test?: Skip): Promise<string> {
  const { cacheFolder } = readSettings();
  const python = made.get(packages) ?? provide({ cacheFolder, packages });
  made.set(packages, python);
  try {
    return await python;
  } catch (error) {
    if (test && process.env.CI !== 'true') test.skip(messageOf(error));
    throw error;
  }
}

/** Runs a script, the path of a .py file or its text, and gives what it printed. */
export async function runPython(
  script: string,
  { test, args = [], input, packages = 'light' }: ScriptOptions = {},
): Promise<string> {
  const python = await providePython(packages, test);
  const program = script.endsWith('.py') ? [script] : ['-c', script];
  const env = {
    ...process.env,
    CUDA_VISIBLE_DEVICES: '-1',
    PYTHONDONTWRITEBYTECODE: '1',
    TF_CPP_MIN_LOG_LEVEL: '3',
  };
  return runCommand(python, [...program, ...args], { env, input });
}
