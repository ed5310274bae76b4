import { describeKey } from '../../config/describe-key.js';
import { type ModelArtsInput, ModelArtsParameters } from '../../config/modelarts.js';
import { errors } from '../../errors/index.js';
import { defineCommand, DETACH_HELP, flag, optional, optionsOf } from '../command.js';

const PLACEHOLDERS: Readonly<Record<keyof ModelArtsInput, string>> = {
  data_url: 'path',
  train_url: 'dir',
  mode: 'mode',
  model_name: 'name',
  train_batch_size: 'n',
  eval_batch_size: 'n',
  num_epochs: 'n',
  do_data_cleaning: 'True|False',
  hparams: 'k=v,…',
  deps_save_path: 'dir',
  export_teacher_model: 'True|False',
  checkpoint_url: 'path',
  teacher_model_url: 'dir',
  use_offline_kd: 'True|False',
  use_online_kd: 'True|False',
  soft_cls_loss: 'x',
  soft_box_loss: 'x',
};

/** Booleans are written as in Python. */
const format = (value: unknown): string =>
  typeof value === 'boolean' ? (value ? 'True' : 'False') : String(value);

const options = {
  ...optionsOf(PLACEHOLDERS, (placeholder, key) =>
    optional(placeholder, describeKey(ModelArtsParameters.shape[key], format)),
  ),
  detach: flag(DETACH_HELP),
};

export const modelarts = defineCommand({
  name: 'modelarts',
  args: '[job]',
  summary: "start a run from the parameters of ModelArts' EfficientDet",
  notes: `JOB is a YAML file with the same names; options on the command line take precedence.
detdistill modelarts --data_url=images --train_url=out --model_name=efficientdet-d0 --hparams=moving_average_decay=0`,
  options,
  json: true,
  async act({ args: [file], options: { detach, ...given }, settings, terminal }) {
    const [{ parseModelArts }, { MODELARTS_PATHS, withAbsolutePaths }, { modelNameAt }, { launch }] =
      await Promise.all([
        import('../../config/modelarts.js'),
        import('../../config/paths.js'),
        import('../../store/fetch-model.js'),
        import('../launch.js'),
      ]);
    const written = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
    const values = { ...(file === undefined ? {} : await readJob(file)), ...written };
    const absolute = withAbsolutePaths(values, { places: MODELARTS_PATHS, folder: process.cwd() });
    const teacher = await modelNameAt(absolute.teacher_model_url, settings);
    const { config, warnings } = parseModelArts(absolute, file ?? 'parameters', teacher);
    for (const warning of warnings) terminal.say(`warning: ${warning}`);
    await launch(config, { detach, settings, terminal });
  },
});

async function readJob(file: string): Promise<Record<string, unknown>> {
  const [{ readYaml }, { isSection }] = await Promise.all([
    import('../config-file.js'),
    import('../../config/paths.js'),
  ]);
  const content = await readYaml(file);
  if (isSection(content)) return content;
  throw errors.configInvalid(file, ['(top): must be a section of names and values']);
}
