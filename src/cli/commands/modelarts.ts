import { errors } from '../../errors/index.js';
import { defineCommand, flag, optional } from '../command.js';

const truth = (text: string) => optional('True|False', text);

const options = {
  data_url: optional('path', 'the data set'),
  train_url: optional('dir', 'receives the results'),
  mode: optional('mode', 'train, or train_and_eval: an evaluation after every epoch'),
  model_name: optional('name', 'efficientdet-d0 … d7, t0 … t2'),
  train_batch_size: optional('n', 'per GPU; 8'),
  eval_batch_size: optional('n', '8'),
  num_epochs: optional('n', '100'),
  do_data_cleaning: truth('True if left out'),
  hparams: optional('k=v,…', 'without blanks; has to hold moving_average_decay=0'),
  deps_save_path: optional('dir', 'receives a copy of the evaluation and of the suggestions'),
  export_teacher_model: truth('the result is to teach another one'),
  checkpoint_url: optional('path', 'weights to start from: an earlier version of the model'),
  teacher_model_url: optional('dir', 'the model folder of a teacher that is trained'),
  use_offline_kd: truth('learn from that teacher'),
  use_online_kd: truth('t0, t1, t2: learn from a heavier branch that is trained at the same time'),
  soft_cls_loss: optional('x', 'weight of what the teacher says about classes; 2'),
  soft_box_loss: optional('x', 'weight of what it says about boxes; 200'),
  detach: flag('only start it; needs a server with workers'),
};

export const modelarts = defineCommand({
  name: 'modelarts',
  args: '[job]',
  summary: "a run from the parameters of ModelArts' EfficientDet",
  notes: `JOB is a YAML file of the same names; what is written on the command line comes before it.
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
  throw errors.configInvalid(file, ['(top): has to be names and values']);
}
