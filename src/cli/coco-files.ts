import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { CocoGroundTruth } from '../data/ground-truth.js';
import type { CocoDetection } from '../detection/detections.js';
import { errors } from '../errors.js';

/** x, y, width, height in pixels */
const Bbox = z.tuple([z.number(), z.number(), z.number(), z.number()]);

/** What COCO metrics need of a ground truth; the rest of the file is passed over. */
const GroundTruth = z.object({
  images: z.array(
    z.object({
      id: z.int(),
      width: z.number().default(0),
      height: z.number().default(0),
      file_name: z.string().default(''),
    }),
  ),
  annotations: z.array(
    z
      .object({
        id: z.int(),
        image_id: z.int(),
        category_id: z.int(),
        bbox: Bbox,
        area: z.number().optional(),
        iscrowd: z.literal([0, 1]).default(0),
      })
      .transform(({ area, ...rest }) => ({ ...rest, area: area ?? rest.bbox[2] * rest.bbox[3] })),
  ),
  categories: z.array(z.object({ id: z.int(), name: z.string() })),
});

const Detections = z.array(
  z.object({ image_id: z.int(), category_id: z.int(), bbox: Bbox, score: z.number() }),
);

export const readGroundTruth = (file: string): Promise<CocoGroundTruth> => readAs(GroundTruth, file);

/** COCO's results format; every picture must be one of the ground truth. */
export async function readDetections(file: string, groundTruth: CocoGroundTruth): Promise<CocoDetection[]> {
  const detections = await readAs(Detections, file);
  const known = new Set(groundTruth.images.map(({ id }) => id));
  const stranger = detections.find(({ image_id }) => !known.has(image_id));
  if (!stranger) return detections;
  const problem = `image_id ${stranger.image_id} is no picture of the ground truth (${known.size} pictures)`;
  throw errors.datasetUnreadable(file, new Error(problem));
}

async function readAs<T>(schema: z.ZodType<T>, file: string): Promise<T> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? errors.datasetMissing(file) : errors.datasetUnreadable(file, error);
  });
  const result = schema.safeParse(parseJson(text, file));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw errors.datasetUnreadable(file, new Error(`${issue?.path.join('.') || '(top)'}: ${issue?.message}`));
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw errors.datasetUnreadable(file, error);
  }
}
