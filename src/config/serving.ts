import { z } from 'zod';
import { errors } from '../errors/index.js';
import { describeIssues } from './issues.js';

const Name = z.string().regex(/^[\w.-]+$/, 'letters, digits, "_", "." and "-"');
const Version = z.int().positive();

/** Which versions of a folder of versions are served. */
export const VersionPolicy = z.union([z.enum(['latest', 'all']), z.array(Version).min(1)], {
  error: 'latest, all, or a list of numbers',
});
export type VersionPolicy = z.infer<typeof VersionPolicy>;

const Model = z.strictObject({
  /** A run's name, a model folder, or a folder whose subfolders 1, 2, … are model folders. */
  path: z.string().min(1),
  versions: VersionPolicy.default('latest'),
  /** Names of versions, as in { stable: 1 }. */
  labels: z.record(Name, Version).default({}),
});
export type ModelConfig = z.infer<typeof Model>;

export const ServingConfig = z
  .strictObject({
    models: z
      .record(Name, Model)
      .refine(models => Object.keys(models).length > 0, 'at least one model is needed'),
    host: z.string().min(1).default('127.0.0.1'),
    /** 0: any that is free. */
    port: z.int().min(0).max(65_535).default(8501),
    /** Images of one size that are looked at together, at most. */
    max_batch: z.int().min(1).max(256).default(8),
    /** How long an image waits for others when the model has nothing to do. While it works, they gather anyway. */
    batch_timeout_ms: z.number().min(0).default(0),
    /** Images that are worked on or wait; more are refused. */
    queue_length: z.int().min(1).default(64),
    /** In one request. */
    max_images: z.int().min(1).default(32),
    max_body_mib: z.number().positive().max(1024).default(64),
    /** Of one image, in millions of pixels. */
    max_megapixels: z.number().positive().default(32),
    request_timeout_seconds: z.number().positive().default(60),
    /** How long requests may go on once the server is asked to end. */
    drain_seconds: z.number().min(0).default(30),
    /** How often folders of versions are looked at. */
    poll_seconds: z.number().positive().default(1),
  })
  .refine(({ max_images, queue_length }) => max_images <= queue_length, {
    path: ['max_images'],
    message: 'more than queue_length: such a request would never be let in',
  });
export type ServingConfig = z.infer<typeof ServingConfig>;

/** A typed value with every default filled, or one error that lists everything wrong with it. */
export function parseServingConfig(value: unknown, source: string): ServingConfig {
  const result = ServingConfig.safeParse(value, { reportInput: true });
  if (result.success) return result.data;
  throw errors.configInvalid(source, describeIssues(result.error, ServingConfig));
}
