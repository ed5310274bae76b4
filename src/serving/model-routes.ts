import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { errors } from '../errors/index.js';
import { predictAnswer, predictionOf } from './answers.js';
import { admit, look, type LookContext } from './look.js';
import { SIGNATURE } from './predict-request.js';
import type { RequestParser } from './request-parser.js';
import type { Servable } from './servable.js';
import type { ServedModel, VersionChoice } from './served-model.js';

export interface RouteContext extends LookContext {
  readonly models: ReadonlyMap<string, ServedModel>;
  readonly parser: RequestParser;
}

type Params = Partial<Record<'model' | 'version' | 'label' | 'call', string>>;

/** A verb is written after a colon, as in /v1/models/trees/versions/2:predict. */
const CALL = /^(.*):(\w+)$/;

/** TensorFlow Serving's REST routes. */
export function addModelRoutes(server: FastifyInstance, context: RouteContext): void {
  const { models } = context;
  for (const path of [
    '/v1/models/:model',
    '/v1/models/:model/versions/:version',
    '/v1/models/:model/labels/:label',
  ]) {
    server.get(path, async request => statusOf(models, request.params as Params));
    server.get(`${path}/metadata`, async request => metadataOf(models, request.params as Params));
  }
  // The body is JSON whatever its type is called: curl calls it a form.
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  const hooks = { onRequest: admit(context) };
  const post = (path: string, paramsOf: (subject: string) => Params): void =>
    void server.post(path, hooks, async (request, reply) => {
      const { call = '', ...params } = request.params as Params;
      const [, subject, verb] = CALL.exec(call) ?? [];
      if (subject === undefined || verb !== 'predict')
        throw errors.requestInvalid(request.url, `"${verb ?? call}" is no call; models answer :predict`);
      return predict(request, reply, { ...context, params: { ...params, ...paramsOf(subject) } });
    });
  post('/v1/models/:call', model => ({ model }));
  post('/v1/models/:model/versions/:call', version => ({ version }));
  post('/v1/models/:model/labels/:call', label => ({ label }));
}

function predict(
  request: FastifyRequest,
  reply: FastifyReply,
  context: RouteContext & { params: Params },
): Promise<object> {
  const { params, models, parser } = context;
  const servable = modelOf(models, params).find(choiceOf(params));
  request.servable = servable;
  return servable.use(async () => {
    const { signatures, card } = servable.loaded();
    const asked = await parser.parse((request.body as Buffer | undefined) ?? Buffer.alloc(0));
    if (asked.signatureName !== SIGNATURE || !(SIGNATURE in signatures))
      throw errors.requestInvalid(
        'signature_name',
        `there is no signature "${asked.signatureName}"; there is ${Object.keys(signatures).join(', ')}`,
      );
    const found = await look({ request, reply, servable }, asked, context);
    const slots = card.nms_configs.max_output_size;
    return predictAnswer(
      found.map(detections => predictionOf(detections, slots)),
      asked.form,
    );
  });
}

function modelOf(models: RouteContext['models'], { model = '' }: Params): ServedModel {
  const found = models.get(model);
  if (found) return found;
  throw errors.servableMissing(`model ${model}`, [...models.keys()]);
}

function choiceOf({ version, label }: Params): VersionChoice {
  if (label !== undefined) return { label };
  if (version === undefined) return null;
  if (/^\d+$/.test(version)) return { version: Number(version) };
  throw errors.requestInvalid('version', `"${version}" is no number`);
}

/** GetModelStatusResponse in protobuf's JSON. */
function statusOf(models: RouteContext['models'], params: Params): object {
  const model = modelOf(models, params);
  const choice = choiceOf(params);
  const servables = choice === null ? model.servables : [model.known(choice)];
  return { model_version_status: servables.map(versionStatus) };
}

const versionStatus = ({ version, state, error }: Servable): object => ({
  version: String(version),
  state,
  status: error
    ? { error_code: 'UNAVAILABLE', error_message: error.message }
    : { error_code: 'OK', error_message: '' },
});

/** GetModelMetadataResponse in protobuf's JSON. */
function metadataOf(models: RouteContext['models'], params: Params): object {
  const servable = modelOf(models, params).find(choiceOf(params));
  return {
    model_spec: { name: servable.model, signature_name: '', version: String(servable.version) },
    metadata: { signature_def: { signature_def: servable.loaded().signatures } },
  };
}
