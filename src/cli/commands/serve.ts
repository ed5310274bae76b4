import type { ServingConfig } from '../../config/serving.js';
import type { Serving } from '../../serving/serve.js';
import type { ModelSource } from '../../serving/versions.js';
import type { Settings } from '../../settings.js';
import { type Call, defineCommand, optional, type OptionRow, several } from '../command.js';
import { SERVING_OPTIONS } from '../serving-config.js';
import type { Terminal } from '../terminal.js';

type Names = keyof typeof SERVING_OPTIONS;
const limits = Object.fromEntries(
  Object.entries(SERVING_OPTIONS).map(([name, [, placeholder, text]]) => [name, optional(placeholder, text)]),
) as Record<Names, OptionRow<string | undefined>>;

const options = {
  model: several(
    '[name=]model',
    "a run's name, a model folder, or a folder of numbered versions; may come again",
  ),
  models: optional('file', 'YAML of the same: models, and any of the limits'),
  versions: optional('which', 'of numbered versions: latest, all, or N,M; latest if left out'),
  ...limits,
};

export const serve = defineCommand({
  name: 'serve',
  summary: "models over HTTP, by TensorFlow Serving's REST interface",
  notes: `GET  /v1/models/NAME[/versions/N|/labels/L][/metadata]
POST /v1/models/NAME[/versions/N|/labels/L]:predict   {"instances": [{"b64": FILE}, …]}
POST /            one model: files as in ModelArts, curl -F images=@image.jpg
GET  /healthz, /readyz, /metrics

New versions of a numbered folder are served as they appear. Ctrl-C answers what was asked for and ends.`,
  options,
  json: true,
  async act({ options: written, settings, terminal }: Call<typeof options>) {
    const { readServingConfig } = await import('../serving-config.js');
    const config = await readServingConfig(written);
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

/** Finds where every model lies; those made of checkpoints are there as long as the work. */
async function withSources<T>(
  { models }: ServingConfig,
  context: Context,
  work: (sources: Sources) => Promise<T>,
): Promise<T> {
  const { hasVersions } = await import('../../serving/versions.js');
  const { withModel } = await import('../model-folder.js');
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
    terminal.say('Stopping: requests are answered first. Ctrl-C again: stop at once.'),
  );
  const log = pino({ base: null }, pino.destination({ fd: 2, sync: true }));
  const serving = await startServing({ config, sources, settings, log, signal });
  terminal.result(described(serving), () => render(serving));
  if (!signal.aborted)
    await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }));
  await serving.stop();
  release();
  // It was asked to end, and did so in order: that is no failure of a service.
  process.exitCode = 0;
}

const described = ({ address, models }: Serving) => ({
  address,
  models: models.flatMap(({ servables }) =>
    servables.map(servable => ({
      name: servable.model,
      version: servable.version,
      engine: servable.loaded().engine,
      url: `${address}/v1/models/${servable.model}`,
    })),
  ),
});

function render(serving: Serving): string {
  const { models } = described(serving);
  const lines = models.map(
    ({ name, version, engine, url }) => `${name} version ${version}, ${engine}: ${url}:predict`,
  );
  const ask = `(printf '{"instances":[{"b64":"'; base64 -w0 image.jpg; printf '"}]}') | curl -d @- ${models[0]!.url}:predict`;
  return [...lines, '', ask].join('\n');
}
