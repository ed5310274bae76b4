import multipart from '@fastify/multipart';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { errors, messageOf } from '../errors/index.js';
import { detectInRequest, limitConcurrency, type PredictContext } from './predict-handler.js';
import { formatModelArts } from './response.js';
import type { ServedModel } from './served-model.js';

const MIB = 2 ** 20;

/** A file in base64, or as a data: URL. */
const Base64 = z.string().transform(text => Buffer.from(text.replace(/^data:[^,]*,/, ''), 'base64'));
const Json = z.object({ images: z.union([Base64.transform(one => [one]), z.array(Base64).min(1)]) });

interface ImageFile {
  readonly place: string;
  readonly encoded: Uint8Array;
}

/** The route / of ModelArts' customize_service.py: files as `images`, or JSON {"images": BASE64}. */
export function addModelArtsRoute(
  server: FastifyInstance,
  model: ServedModel,
  context: PredictContext,
): void {
  const { max_images: files, max_body_mib: mib } = context.config;
  void server.register(async scope => {
    await scope.register(multipart, { limits: { files, fileSize: mib * MIB, fields: 0 } });
    scope.post('/', { onRequest: limitConcurrency(context) }, async (request, reply) => {
      const modelVersion = model.find(null);
      request.modelVersion = modelVersion;
      return modelVersion.use(async () => {
        const { card, scoreThreshold } = modelVersion.loaded();
        const images = request.isMultipart()
          ? await readFiles(request, mib * MIB)
          : readJson(request.body, files);
        if (images.length === 0)
          throw errors.requestInvalid('images', 'no image given; send files as images');
        const places = images.map(({ place }) => place);
        const detections = await detectInRequest({ request, reply, modelVersion, images, places }, context);
        const responses = detections.map(one =>
          formatModelArts(one, { classes: card.classes, scoreThreshold }),
        );
        return responses.length === 1 ? responses[0] : responses;
      });
    });
  });
}

async function readFiles(request: FastifyRequest, maxBytes: number): Promise<ImageFile[]> {
  const files: ImageFile[] = [];
  let bytes = 0;
  for await (const part of request.files()) {
    const encoded = await part.toBuffer();
    bytes += encoded.length;
    if (bytes > maxBytes)
      throw errors.requestTooLarge('images', `${bytes} bytes, at most ${maxBytes} allowed`);
    files.push({ place: part.filename || part.fieldname, encoded });
  }
  return files;
}

function readJson(body: unknown, maxImages: number): ImageFile[] {
  const result = Json.safeParse(body);
  if (!result.success) throw errors.requestInvalid('request', messageOf(result.error));
  const { images } = result.data;
  if (images.length > maxImages)
    throw errors.requestTooLarge('images', `${images.length} images, at most ${maxImages}`);
  return images.map((encoded, i) => ({ place: `images[${i}]`, encoded }));
}
