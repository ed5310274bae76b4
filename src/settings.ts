import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { errors } from './errors/index.js';

/** What runs an exported network. */
export const ENGINES = ['tensorflow', 'onnxruntime'] as const;
export type EngineName = (typeof ENGINES)[number];

/** What the environment says, typed. Read once per process, at its edge. */
export interface Settings {
  /** State of the product on this machine: cache/, temporal.db, artifacts/, runs/, work/. */
  readonly home: string;
  readonly cacheFolder: string;
  /** file:///folder or s3://bucket/prefix (endpoint and keys: S3_ENDPOINT, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY). */
  readonly storeUrl: string;
  /** Host and port of a Temporal server; null: the embedded one. */
  readonly temporalAddress: string | null;
  readonly temporalNamespace: string;
  /** Of the embedded server; its web page is at the port 1000 above. */
  readonly temporalPort: number;
  /** Where google/automl's published checkpoints lie, in the order they are tried: its own address, or mirrors. */
  readonly weightsUrls: readonly string[];
  /** Of predictions and evaluations; auto: onnxruntime on CPUs, TensorFlow on GPUs. */
  readonly engine: EngineName | 'auto';
  /** Native parts provided by hand; null: found or downloaded. */
  readonly libtensorflow: string | null;
  readonly temporalCli: string | null;
  readonly minio: string | null;
}

/** The port of the embedded Temporal server, unless DETDISTILL_PORT sets another one. */
export const TEMPORAL_PORT = 7233;

export function readSettings(env: NodeJS.ProcessEnv = process.env): Settings {
  const home = resolve(env.DETDISTILL_HOME || join(homedir(), '.detdistill'));
  return {
    home,
    cacheFolder: join(home, 'cache'),
    storeUrl: env.DETDISTILL_STORE || pathToFileURL(join(home, 'artifacts')).href,
    temporalAddress: env.TEMPORAL_ADDRESS || null,
    temporalNamespace: env.TEMPORAL_NAMESPACE || 'default',
    temporalPort: Number(env.DETDISTILL_PORT || TEMPORAL_PORT),
    weightsUrls: (env.DETDISTILL_WEIGHTS_URL || 'https://storage.googleapis.com/cloud-tpu-checkpoints')
      .split(',')
      .map(url => url.trim()),
    engine: readEngine(env.DETDISTILL_ENGINE || 'auto'),
    libtensorflow: env.DETDISTILL_LIBTENSORFLOW || null,
    temporalCli: env.TEMPORAL_CLI || null,
    minio: env.DETDISTILL_MINIO || null,
  };
}

function readEngine(written: string): Settings['engine'] {
  const allowed = ['auto', ...ENGINES] as const;
  const engine = allowed.find(name => name === written);
  if (engine) return engine;
  throw errors.usageWrong(`DETDISTILL_ENGINE=${written}: unknown engine`, `allowed: ${allowed.join(', ')}`);
}
