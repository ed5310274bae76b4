import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { errors } from './errors/index.js';

/** The libraries that run an exported network. */
export const ENGINES = ['tensorflow', 'onnxruntime'] as const;
export type EngineName = (typeof ENGINES)[number];

/** Access to S3, which also stores data sets and outputs; null: not configured. */
export interface S3Settings {
  /** http://HOST:PORT or https://HOST */
  readonly endpoint: string | null;
  readonly accessKeyId: string | null;
  readonly secretAccessKey: string | null;
  readonly sessionToken: string | null;
  readonly region: string | null;
}

/** The configuration of a process. Read from the environment once, at the edge of the process. */
export interface Settings {
  /** The state of the product on this machine: cache/, temporal.db, artifacts/, runs/, work/. */
  readonly home: string;
  readonly cacheFolder: string;
  /** file:///folder or s3://bucket/prefix */
  readonly storeUrl: string;
  readonly s3: S3Settings;
  /** Host and port of a Temporal server; null: the embedded server. */
  readonly temporalAddress: string | null;
  readonly temporalNamespace: string;
  /** The port of the embedded server. The port of its web page is higher by 1000. */
  readonly temporalPort: number;
  /** The URLs of google/automl's published checkpoints, in the order in which they are tried. */
  readonly weightsUrls: readonly string[];
  /** The engine of predictions and evaluations; auto: onnxruntime on CPUs, TensorFlow on GPUs. */
  readonly engine: EngineName | 'auto';
  /** Paths of native parts; null: found or downloaded. */
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
    s3: {
      endpoint: env.S3_ENDPOINT || null,
      accessKeyId: env.AWS_ACCESS_KEY_ID || null,
      secretAccessKey: env.AWS_SECRET_ACCESS_KEY || null,
      sessionToken: env.AWS_SESSION_TOKEN || null,
      region: env.AWS_REGION || null,
    },
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
