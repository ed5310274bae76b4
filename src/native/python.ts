import { join } from 'node:path';
import { errors } from '../errors/index.js';
import { sha256 } from '../files/hashing.js';
import { describeFailure } from './network-failure.js';
import { createAtomically } from '../files/atomic.js';
import { findOnPath, isExecutable, runCommand } from './command.js';
import { silent, type OnProgress } from './progress.js';

const PART = 'Python for tests';
const BY_HAND = 'install Python 3.10 to 3.13 with venv and pip';

/** onnxruntime has the version that package.json pins. */
const ONNX = ['onnx==1.23.2', 'onnxruntime==1.30.0'] as const;

/** References for numbers: `light` and `onnx` for the tests, `heavy` (gigabytes) to make golden files anew, `serving` for bench/. */
const PYTHON_PACKAGES = {
  light: [
    'pycocotools==2.0.11',
    'tensorflow-cpu==2.21.0; platform_machine == "x86_64"',
    'tensorflow==2.21.0; platform_machine != "x86_64"',
    'pillow',
    'numpy',
  ],
  onnx: [...ONNX, 'numpy'],
  heavy: [
    'effdet==0.4.1',
    'timm==1.0.31',
    'torch==2.15.0',
    'torchvision==0.29.2',
    'tidecv==1.0.1',
    'onnxscript==0.7.2',
    ...ONNX,
    'imagehash==4.3.2',
    'cleanlab==2.9.0',
    'numpy',
  ],
  serving: [
    'fastapi==0.165.0',
    'uvicorn[standard]==0.54.0',
    'tensorflow-cpu==2.21.0; platform_machine == "x86_64"',
    'tensorflow==2.21.0; platform_machine != "x86_64"',
    'pillow',
    'numpy',
  ],
} as const;
export type PythonPackages = keyof typeof PYTHON_PACKAGES;

interface PythonOptions {
  readonly cacheFolder: string;
  readonly packages: PythonPackages;
  readonly onProgress?: OnProgress;
}

/** The Python of a virtual environment with these packages; null: the cache has none. */
function findPython({ cacheFolder, packages }: PythonOptions): string | null {
  const python = join(folderOf(cacheFolder, packages), 'bin', 'python');
  return isExecutable(python) ? python : null;
}

/** The same Python, installed once with venv and pip. */
export async function providePython(options: PythonOptions): Promise<string> {
  const { cacheFolder, packages, onProgress = silent } = options;
  const folder = folderOf(cacheFolder, packages);
  await createAtomically(folder, {
    isThere: () => findPython(options) !== null,
    make: partial => build(join(partial, 'environment'), PYTHON_PACKAGES[packages], onProgress),
  });
  return join(folder, 'bin', 'python');
}

const folderOf = (cacheFolder: string, packages: PythonPackages): string =>
  join(cacheFolder, `python-${sha256(PYTHON_PACKAGES[packages].join(' ')).slice(0, 12)}`);

/** The environment is moved after it has been built. Its bin/python still runs then; its other scripts do not. */
async function build(
  folder: string,
  requirements: readonly string[],
  onProgress: OnProgress,
): Promise<string> {
  onProgress({ part: PART, phase: 'install', bytes: 0, totalBytes: null });
  try {
    await runCommand(pythonCommand(), ['-m', 'venv', folder]);
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--only-binary=:all:'];
    await runCommand(join(folder, 'bin', 'python'), [...pip, ...requirements]);
    return folder;
  } catch (error) {
    const attempts = [{ what: `venv with ${requirements.join(', ')}`, ...describeFailure(error) }];
    throw errors.nativePartUnavailable({ part: PART, attempts, byHand: BY_HAND });
  }
}

const pythonCommand = (): string => (findOnPath('python3') === null ? 'python' : 'python3');
