import { AppError } from '../errors/index.js';
import type { Settings } from '../settings.js';
import type { Download } from './download.js';
import { cudaEnvironment, hasNvidiaGpu } from './libtensorflow.js';
import { PARTS, type PartContext, type PartName } from './parts.js';
import { silent, type OnProgress } from './progress.js';
import { providePython } from './python.js';
import { tensorFlowEnvironment } from './tensorflow-environment.js';

export interface ProvideOptions<P extends PartName> {
  readonly settings: Settings;
  readonly parts: readonly P[];
  readonly onProgress?: OnProgress;
  /** Whether to use TensorFlow for NVIDIA GPUs; default: where there is one. */
  readonly gpu?: boolean;
  readonly download?: Download;
}

/** Provides the parts that are missing on this machine, one after the other, and gives the paths of all. */
export async function provideNativeParts<P extends PartName>(
  options: ProvideOptions<P>,
): Promise<Record<P, string>> {
  const context = contextOf(options);
  const paths: [P, string][] = [];
  for (const part of options.parts) {
    paths.push([part, PARTS[part].find(context) ?? (await PARTS[part].provide(context))]);
    context.onProgress({ part, phase: 'ready', bytes: 0, totalBytes: null });
  }
  // One entry was pushed for each part.
  return Object.fromEntries(paths) as Record<P, string>;
}

/** The path of each part; null: it is not on this machine. Changes nothing. */
export function nativePaths(settings: Settings, gpu?: boolean): Record<PartName, string | null> {
  const context = contextOf({ settings, parts: [], gpu });
  const paths = Object.entries(PARTS).map(([name, part]) => [name, part.find(context)]);
  // The keys are those of PARTS.
  return Object.fromEntries(paths) as Record<PartName, string | null>;
}

/** The variables that a TensorFlow process needs in addition to its parent's environment. */
export const trainerEnvironment = (
  { cacheFolder }: Pick<Settings, 'cacheFolder'>,
  env: NodeJS.ProcessEnv = process.env,
): NodeJS.ProcessEnv => ({ ...tensorFlowEnvironment(env), ...cudaEnvironment(cacheFolder, env) });

interface TestParts {
  /** The parts whose tests are skipped, with the reasons. */
  readonly unavailable: readonly { readonly part: string; readonly reason: string }[];
}

const FOR_TESTS = [
  'tfjs-addon',
  'temporal',
  'demo-images',
  'imagenet-lite0',
  'imagenet-lite1',
  'imagenet-lite2',
] as const satisfies readonly PartName[];

/** Provides everything that the tests use, so that none waits for a download. MinIO and Python may be unavailable. */
export async function provideTestParts(
  settings: Settings,
  onProgress: OnProgress = silent,
): Promise<TestParts> {
  const { cacheFolder } = settings;
  const [native, minio, python] = await Promise.allSettled([
    provideNativeParts({ settings, parts: FOR_TESTS, onProgress }),
    provideNativeParts({ settings, parts: ['minio'], onProgress }),
    provideTestPython({ cacheFolder, onProgress }),
  ]);
  if (native.status === 'rejected') throw native.reason;
  if (python.status === 'rejected' && process.env.CI === 'true') throw python.reason;
  return { unavailable: [...missing('minio', minio), ...missing('python', python)] };
}

/** Installs one set of packages after the other: both download and unpack much. */
async function provideTestPython(options: { cacheFolder: string; onProgress: OnProgress }): Promise<void> {
  for (const packages of ['light', 'onnx'] as const) await providePython({ ...options, packages });
}

function missing(part: string, outcome: PromiseSettledResult<unknown>): TestParts['unavailable'] {
  if (outcome.status === 'fulfilled') return [];
  if (outcome.reason instanceof AppError) return [{ part, reason: outcome.reason.message }];
  throw outcome.reason;
}

function contextOf({ settings, gpu, onProgress = silent, download }: ProvideOptions<PartName>): PartContext {
  return { settings, gpu: gpu ?? hasNvidiaGpu(), onProgress, download };
}
