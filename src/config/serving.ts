import { z } from 'zod';
import { errors } from '../errors/index.js';
import { describeIssues } from './issues.js';

const Name = z.string().regex(/^[\w.-]+$/, 'letters, digits, "_", "." and "-"');
const Version = z.int().positive();

/** Selects the versions to serve from a folder with numbered versions. */
export const VersionPolicy = z.union([z.enum(['latest', 'all']), z.array(Version).min(1)], {
  error: 'latest, all, or a list of numbers',
});
export type VersionPolicy = z.infer<typeof VersionPolicy>;

export const ModelConfig = z.strictObject({
  /** The name of a run, a model folder, or a folder whose subfolders 1, 2, … are model folders. */
  path: z.string().min(1),
  versions: VersionPolicy.default('latest').describe('numbered versions to serve: latest, all, or N,M'),
  /** Names for versions, for example { stable: 1 }. */
  labels: z.record(Name, Version).default({}),
});
export type ModelConfig = z.infer<typeof ModelConfig>;

export const ServingConfig = z
  .strictObject({
    models: z
      .record(Name, ModelConfig)
      .refine(models => Object.keys(models).length > 0, 'at least one model is needed'),
    host: z
      .string()
      .min(1)
      .default('127.0.0.1')
      .describe('address to listen on; 127.0.0.1 accepts only this machine'),
    port: z.int().min(0).max(65_535).default(8501).describe('port to listen on; 0 selects a free one'),
    max_batch: z.int().min(1).max(256).default(8).describe('largest number of images in a batch'),
    /** Images always gather while the model is busy. */
    batch_timeout_ms: z
      .number()
      .min(0)
      .default(0)
      .describe('milliseconds that an image waits for others while the model is idle'),
    queue_length: z
      .int()
      .min(1)
      .default(64)
      .describe('largest number of images waiting or in progress; further requests are refused'),
    max_images: z.int().min(1).default(32).describe('largest number of images in a request'),
    max_body_mib: z.number().positive().max(1024).default(64).describe('largest request body in MiB'),
    max_megapixels: z.number().positive().default(32).describe('largest size of an image in megapixels'),
    request_timeout_seconds: z.number().positive().default(60).describe('time limit of a request in seconds'),
    drain_seconds: z
      .number()
      .min(0)
      .default(30)
      .describe('seconds that requests may take to finish when the server stops'),
    /** The interval between two searches for new versions. */
    poll_seconds: z.number().positive().default(1),
  })
  .refine(({ max_images, queue_length }) => max_images <= queue_length, {
    path: ['max_images'],
    message: 'more than queue_length: such a request would never be accepted',
  });
export type ServingConfig = z.infer<typeof ServingConfig>;

/** Parses a serving configuration. Fills in every default. @throws one error that lists everything wrong */
export function parseServingConfig(value: unknown, source: string): ServingConfig {
  const result = ServingConfig.safeParse(value, { reportInput: true });
  if (result.success) return result.data;
  throw errors.configInvalid(source, describeIssues(result.error, ServingConfig));
}
