import multipart from '@fastify/multipart';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { errors, messageOf } from '../errors/index.js';
import { modelArtsAnswer } from './answers.js';
import { admit, look, type LookContext } from './look.js';
import type { ServedModel } from './served-model.js';

const MIB = 2 ** 20;

/** A file's base64 text, also as a data: address. */
const Text = z.string().transform(text => Buffer.from(text.replace(/^data:[^,]*,/, ''), 'base64'));
const Json = z.object({ images: z.union([Text.transform(one => [one]), z.array(Text).min(1)]) });

interface File {
  readonly place: string;
  readonly encoded: Uint8Array;
}

/** What ModelArts' customize_service.py answers at /: files under `images`, or JSON {"images": BASE64}. */
export function addModelArtsRoute(server: FastifyInstance, model: ServedModel, context: LookContext): void {
  const { max_images: files, max_body_mib: mib } = context.config;
  void server.register(async scope => {
    await scope.register(multipart, { limits: { files, fileSize: mib * MIB, fields: 0 } });
    scope.post('/', { onRequest: admit(context) }, async (request, reply) => {
      const servable = model.find(null);
      request.servable = servable;
      return servable.use(async () => {
        const { card, shownScore } = servable.loaded();
        const images = request.isMultipart()
          ? await readFiles(request, mib * MIB)
          : readJson(request.body, files);
        if (images.length === 0) throw errors.requestInvalid('images', 'no image; send files as images');
        const places = images.map(({ place }) => place);
        const found = await look({ request, reply, servable }, { images, places }, context);
        const answers = found.map(one => modelArtsAnswer(one, { classes: card.classes, shownScore }));
        return answers.length === 1 ? answers[0] : answers;
      });
    });
  });
}

async function readFiles(request: FastifyRequest, most: number): Promise<File[]> {
  const found: File[] = [];
  let bytes = 0;
  for await (const part of request.files()) {
    const encoded = await part.toBuffer();
    bytes += encoded.length;
    if (bytes > most) throw errors.requestTooLarge('images', `${bytes} bytes, at most ${most}`);
    found.push({ place: part.filename || part.fieldname, encoded });
  }
  return found;
}

function readJson(body: unknown, most: number): File[] {
  const result = Json.safeParse(body);
  if (!result.success) throw errors.requestInvalid('request', messageOf(result.error));
  const { images } = result.data;
  if (images.length > most)
    throw errors.requestTooLarge('images', `${images.length} images, at most ${most}`);
  return images.map((encoded, i) => ({ place: `images[${i}]`, encoded }));
}
