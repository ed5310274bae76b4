import { readFileSync, realpathSync, statSync } from 'node:fs';
import { copyFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { errors } from '../errors/index.js';
import { canonicalJson, sha256 } from '../files/hashing.js';
import { ADDON, addonLink, tfjsFolder } from './addon-files.js';
import { createAtomically, writeFileAtomically } from '../files/atomic.js';
import { subfolder } from '../files/temporary-folder.js';
import { isFile } from '../files/walk.js';
import { findOnPath, runCommand } from './command.js';
import { silent, type OnProgress } from './progress.js';

interface AddonPlace {
  readonly cacheFolder: string;
  /** The folder with libtensorflow_cc.so.2, libtensorflow_framework.so.2 and include/. */
  readonly library: string;
}
interface AddonOptions extends AddonPlace {
  readonly onProgress?: OnProgress;
}

const PART = 'the tfjs addon';
const FLAGS = ['-O2', '-std=c++17', '-fPIC', '-shared', '-DNAPI_VERSION=8'];
const COMPILERS = ['g++', 'c++', 'clang++'];

/** tfjs-node's link to the addon for this library; null: it is not in place. */
export function findAddon(place: AddonPlace): string | null {
  const link = addonLink();
  return isSameAddon(link, join(folderOf(place), ADDON)) ? link : null;
}

/** Compiles tfjs's addon against the library, once, and puts a link to it where tfjs-node looks for it. */
export async function provideAddon(options: AddonOptions): Promise<string> {
  const folder = folderOf(options);
  await createAtomically(folder, {
    isThere: () => isFile(join(folder, ADDON)),
    make: partial => build(partial, options),
  });
  await linkAddon(folder, addonLink());
  return addonLink();
}

/** The folder for this combination of tfjs, library and flags, whatever path leads to the library. */
function folderOf({ cacheFolder, library: named }: AddonPlace): string {
  const library = realpathSync(named);
  const tfjs = readFileSync(join(tfjsFolder(), 'package.json'), 'utf8');
  const { size, mtimeMs } = statSync(join(library, 'libtensorflow_cc.so.2'));
  const key = sha256(canonicalJson({ tfjs, library, size, mtimeMs, FLAGS }));
  return join(cacheFolder, `tfjs-addon-${key.slice(0, 12)}`);
}

async function build(
  partial: string,
  { library: named, onProgress = silent }: AddonOptions,
): Promise<string> {
  const library = realpathSync(named);
  onProgress({ part: PART, phase: 'compile', bytes: 0, totalBytes: null });
  const folder = await subfolder(partial, 'addon');
  await compileAddon(folder, library);
  await checkThatItLoads(folder, library);
  return folder;
}

async function compileAddon(folder: string, library: string): Promise<void> {
  const sources = ['tfjs_binding.cc', 'tfjs_backend.cc'].map(name => join(tfjsFolder(), 'binding', name));
  const includes = [`-I${join(library, 'include')}`, `-I${nodeHeaders()}`];
  const libraries = [`-L${library}`, '-l:libtensorflow_cc.so.2', '-l:libtensorflow_framework.so.2'];
  const output = ['-o', join(folder, ADDON), `-Wl,-rpath,${library}`];
  await compile([...FLAGS, ...includes, ...sources, ...libraries, ...output], library);
}

const nodeHeaders = (): string =>
  join(dirname(createRequire(import.meta.url).resolve('node-api-headers/package.json')), 'include');

async function compile(args: readonly string[], library: string): Promise<void> {
  const compiler = COMPILERS.find(name => findOnPath(name) !== null);
  if (compiler === undefined)
    throw errors.nativeToolMissing({
      part: PART,
      tool: `a C++ compiler (${COMPILERS.join(', ')})`,
      install: 'install one: `apt-get install g++`, `dnf install gcc-c++`, or what your system offers',
    });
  try {
    await runCommand(compiler, args);
  } catch (error) {
    throw errors.nativeAddonBroken({ what: `${PART} could not be compiled`, library }, error);
  }
}

/** Loads the addon in a process of its own: a library that does not fit this machine may crash the process. */
async function checkThatItLoads(folder: string, library: string): Promise<void> {
  try {
    await runCommand(process.execPath, ['-e', 'require(process.argv[1])', join(folder, ADDON)]);
  } catch (error) {
    throw errors.nativeAddonBroken({ what: `${PART} does not load`, library }, error);
  }
}

/** Makes `link` a link to the addon in `folder`, or a copy of it where links are not possible; replaces what is there. */
export async function linkAddon(folder: string, link: string): Promise<void> {
  const addon = join(folder, ADDON);
  if (isSameAddon(link, addon)) return;
  try {
    await writeFileAtomically(
      link,
      partial => symlink(addon, partial).catch(() => copyFile(addon, partial)), // not every disk has links
    );
  } catch (error) {
    throw errors.nativeLinkRefused({ path: link }, error);
  }
}

/** Whether a path is a link to the addon, or a copy of it. */
function isSameAddon(link: string, addon: string): boolean {
  try {
    if (realpathSync(link) === realpathSync(addon)) return true;
    return readFileSync(link).equals(readFileSync(addon));
  } catch {
    return false; // one of them is not there
  }
}
