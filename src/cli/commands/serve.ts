import { describeKey } from '../../config/describe-key.js';
import { ModelConfig, ServingConfig } from '../../config/serving.js';
import type { Serving } from '../../serving/serve.js';
import type { ModelSource } from '../../serving/versions.js';
import type { Settings } from '../../settings.js';
import { type Call, defineCommand, optional, optionsOf, several } from '../command.js';
import type { Terminal } from '../terminal.js';

/** Options that set one key of the configuration each, with the placeholders of their values. */
const KEYS = {
  host: ['host', 'address'],
  port: ['port', 'n'],
  maxBatch: ['max_batch', 'n'],
  batchTimeout: ['batch_timeout_ms', 'ms'],
  queue: ['queue_length', 'n'],
  maxImages: ['max_images', 'n'],
  maxBody: ['max_body_mib', 'mib'],
  maxMegapixels: ['max_megapixels', 'n'],
  requestTimeout: ['request_timeout_seconds', 's'],
  drainSeconds: ['drain_seconds', 's'],
} as const satisfies Record<string, readonly [keyof ServingConfig, placeholder: string]>;

const options = {
  model: several('[name=]model', 'name of a run, model folder, or folder with numbered versions; repeatable'),
  models: optional('file', 'YAML file with models and any of the settings below'),
  versions: optional('which', describeKey(ModelConfig.shape.versions)),
  ...optionsOf(KEYS, ([key, placeholder]) => optional(placeholder, describeKey(ServingConfig.shape[key]))),
};

export const serve = defineCommand({
  name: 'serve',
  summary: "serve models over HTTP with TensorFlow Serving's REST API",
  notes: `GET  /v1/models/NAME[/versions/N|/labels/L][/metadata]
POST /v1/models/NAME[/versions/N|/labels/L]:predict   {"instances": [{"b64": FILE}, …]}
POST /            for a single model: files as in ModelArts, curl -F images=@image.jpg
GET  /healthz, /readyz, /metrics

New versions in a folder with numbered versions are served as they appear. Ctrl-C completes pending requests and stops.`,
  options,
  json: true,
  async act({ options: written, settings, terminal }: Call<typeof options>) {
    const { readServingConfig } = await import('../serving-config.js');
    const keys = Object.entries(KEYS).flatMap(([name, [key]]) => {
      const text = written[name as keyof typeof KEYS];
      return text === undefined ? [] : [[key, text] as const];
    });
    const config = await readServingConfig({ ...written, keys });
    await withSources(config, { settings, terminal }, sources =>
      run({ config, sources, settings, terminal }),
    );
  },
});

interface Context {
  readonly settings: Settings;
  readonly terminal: Terminal;
}
type Sources = Readonly<Record<string, ModelSource>>;

/** Finds the folder of every model. Models built from checkpoints exist only until `work` ends. */
async function withSources<T>(
  { models }: ServingConfig,
  context: Context,
  work: (sources: Sources) => Promise<T>,
): Promise<T> {
  const { hasVersions } = await import('../../serving/versions.js');
  const { withModel } = await import('../with-model.js');
  const names = Object.keys(models);
  const add = async (at: number, found: Sources): Promise<T> => {
    const name = names[at];
    if (name === undefined) return work(found);
    const { path } = models[name]!;
    const next = (source: ModelSource): Promise<T> => add(at + 1, { ...found, [name]: source });
    if (await hasVersions(path)) return next({ folder: path, isNumbered: true });
    return withModel(path, context, folder => next({ folder, isNumbered: false }));
  };
  return add(0, {});
}

async function run({
  config,
  sources,
  settings,
  terminal,
}: Context & { config: ServingConfig; sources: Sources }): Promise<void> {
  const [{ pino }, { provideNativeParts }, { startServing }, { watchInterruption }, { showParts }] =
    await Promise.all([
      import('pino'),
      import('../../native/setup.js'),
      import('../../serving/serve.js'),
      import('../interruption.js'),
      import('../progress/parts.js'),
    ]);
  const { onProgress, end } = await showParts(terminal);
  await provideNativeParts({ settings, parts: ['tfjs-addon'], onProgress }).finally(end);
  const { signal, release } = watchInterruption(() =>
    terminal.say('Stopping after pending requests are completed. Press Ctrl-C again to stop at once.'),
  );
  const log = pino({ base: null }, pino.destination({ fd: 2, sync: true }));
  const serving = await startServing({ config, sources, settings, log, signal });
  terminal.result(described(serving), () => render(serving));
  if (!signal.aborted)
    await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }));
  await serving.stop();
  release();
  // A service that was asked to stop, and did, has not failed.
  process.exitCode = 0;
}

const described = ({ address, models }: Serving) => ({
  address,
  models: models.flatMap(({ versions }) =>
    versions.map(one => ({
      name: one.model,
      version: one.version,
      engine: one.loaded().engine,
      url: `${address}/v1/models/${one.model}`,
    })),
  ),
});

function render(serving: Serving): string {
  const { models } = described(serving);
  const lines = models.map(
    ({ name, version, engine, url }) => `${name} version ${version}, ${engine}: ${url}:predict`,
  );
  const example = `(printf '{"instances":[{"b64":"'; base64 -w0 image.jpg; printf '"}]}') | curl -d @- ${models[0]!.url}:predict`;
  return [...lines, '', example].join('\n');
}
