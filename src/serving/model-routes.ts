import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { errors } from '../errors/index.js';
import type { ModelVersion } from './model-version.js';
import { detectInRequest, limitConcurrency, type PredictContext } from './predict-handler.js';
import { SIGNATURE } from './predict-request.js';
import type { RequestParser } from './request-parser.js';
import { formatPredictions, toPrediction } from './response.js';
import type { ServedModel, VersionChoice } from './served-model.js';

export interface RouteContext extends PredictContext {
  readonly models: ReadonlyMap<string, ServedModel>;
  readonly parser: RequestParser;
}

type Params = Partial<Record<'model' | 'version' | 'label' | 'call', string>>;
interface Route {
  Params: Params;
}

/** A method follows a colon, as in /v1/models/trees/versions/2:predict. */
const METHOD = /^(.*):(\w+)$/;

/** TensorFlow Serving's REST routes. */
export function addModelRoutes(server: FastifyInstance, context: RouteContext): void {
  const { models } = context;
  for (const path of [
    '/v1/models/:model',
    '/v1/models/:model/versions/:version',
    '/v1/models/:model/labels/:label',
  ]) {
    server.get<Route>(path, async ({ params }) => statusOf(models, params));
    server.get<Route>(`${path}/metadata`, async ({ params }) => metadataOf(models, params));
  }
  // The body is JSON whatever its content type is: curl sends it as a form.
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  const hooks = { onRequest: limitConcurrency(context) };
  const post = (path: string, paramsOf: (subject: string) => Params): void =>
    void server.post<Route>(path, hooks, async (request, reply) => {
      const { call = '', ...params } = request.params;
      const [, subject, method] = METHOD.exec(call) ?? [];
      if (subject === undefined || method !== 'predict')
        throw errors.requestInvalid(request.url, `"${method ?? call}" is not a method; allowed: predict`);
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
  const modelVersion = modelOf(models, params).find(choiceOf(params));
  request.modelVersion = modelVersion;
  return modelVersion.use(async () => {
    const { signatures, card } = modelVersion.loaded();
    const { images, places, signatureName, form } = await parser.parse(bodyOf(request));
    if (signatureName !== SIGNATURE || !(SIGNATURE in signatures))
      throw errors.requestInvalid(
        'signature_name',
        `unknown signature "${signatureName}"; allowed: ${Object.keys(signatures).join(', ')}`,
      );
    const detections = await detectInRequest({ request, reply, modelVersion, images, places }, context);
    const slots = card.nms_configs.max_output_size;
    return formatPredictions(
      detections.map(one => toPrediction(one, slots)),
      form,
    );
  });
}

const bodyOf = ({ body }: FastifyRequest): Buffer => (Buffer.isBuffer(body) ? body : Buffer.alloc(0));

function modelOf(models: RouteContext['models'], { model = '' }: Params): ServedModel {
  const found = models.get(model);
  if (found) return found;
  throw errors.servableMissing(`model ${model}`, [...models.keys()]);
}

function choiceOf({ version, label }: Params): VersionChoice {
  if (label !== undefined) return { label };
  if (version === undefined) return null;
  if (/^\d+$/.test(version)) return { version: Number(version) };
  throw errors.requestInvalid('version', `"${version}" is not a version number`);
}

/** GetModelStatusResponse in the JSON form of protobuf. */
function statusOf(models: RouteContext['models'], params: Params): object {
  const model = modelOf(models, params);
  const choice = choiceOf(params);
  const versions = choice === null ? model.versions : [model.known(choice)];
  return { model_version_status: versions.map(versionStatus) };
}

const versionStatus = ({ version, state, error }: ModelVersion): object => ({
  version: String(version),
  state,
  status: error
    ? { error_code: 'UNAVAILABLE', error_message: error.message }
    : { error_code: 'OK', error_message: '' },
});

/** GetModelMetadataResponse in the JSON form of protobuf. */
function metadataOf(models: RouteContext['models'], params: Params): object {
  const found = modelOf(models, params).find(choiceOf(params));
  return {
    model_spec: { name: found.model, signature_name: '', version: String(found.version) },
    metadata: { signature_def: { signature_def: found.loaded().signatures } },
  };
}
