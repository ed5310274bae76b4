/** The cost of a frozen teacher: the training step of its student, compared with the same step without a teacher. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ASPECT_RATIOS, familyOf, type ModelName } from '../src/config/families.js';
import { NmsConfigs } from '../src/config/run.js';
import { modelCard } from '../src/formats/model-card.js';
import { freshWeights } from '../src/export/model-folder.js';
import { frozenNetwork } from '../src/export/network.js';
import { encodeGraph } from '../src/graph/graph-def.js';
import { prune } from '../src/graph/graph.js';
import { variableSpecs } from '../src/model/efficientdet.js';
import { isSelected, type ModelSelection, TEACHERS } from './models.js';
import type { Report } from './report.js';
import { pairOf, timeRounds } from './rounds.js';
import { comparisonRow, type Row } from './row.js';
import { inTemporaryFolder } from './temporary-folder.js';
import { CLASSES, sizeOf, type TrainingCase } from './training-case.js';
import { ourTraining, subjectOf } from './training-candidates.js';

const STUDENTS = [
  { model: 'efficientdet-d0', batch: 4 },
  { model: 'efficientdet-d0', batch: 8 },
] as const satisfies readonly TrainingCase[];
const PLAIN = 'plain-step';
/** The teacher whose cached answers are measured, too: their cost does not depend on the teacher. */
const CACHED: ModelName = 'efficientdet-d2';
const WARM_UP = 2;
const ROUNDS = 9;

/** The selection names teachers. */
export interface DistilOptions extends ModelSelection {
  /** The time limit of each comparison. */
  readonly seconds: number;
}

/** A student with its teacher, and the name of the combination. */
interface Distillation {
  readonly name: string;
  readonly plain: TrainingCase;
  readonly distilled: TrainingCase;
}

export const benchDistil = (report: Report, options: DistilOptions): Promise<Row[]> =>
  inTemporaryFolder(async root => {
    const rows: Row[] = [];
    for (const teacher of TEACHERS.filter(name => isSelected(options, name))) {
      report.progress(`${teacher} is frozen`);
      const frozen = await writeFrozen(teacher, { size: sizeOf(STUDENTS[0]), root });
      for (const student of STUDENTS)
        for (const isFed of teacher === CACHED ? [false, true] : [false]) {
          const distilled = { ...student, teacher: { file: frozen, isFed } };
          const name = `${isFed ? 'cached answers of' : 'taught by'} ${teacher}`;
          rows.push(await compare({ name, plain: student, distilled }, report, options.seconds));
        }
    }
    return rows;
  });

/** Only two at a time, because every process takes gigabytes. */
async function compare(
  { name, plain, distilled }: Distillation,
  report: Report,
  seconds: number,
): Promise<Row> {
  const candidates = [ourTraining(name, distilled), ourTraining(PLAIN, plain)];
  const { rounds } = await timeRounds(candidates, { report, warmUp: WARM_UP, rounds: ROUNDS, seconds });
  const subject = { ...subjectOf(plain), model: `${plain.model}, ${name}` };
  return comparisonRow(report, subject, pairOf(rounds, name, PLAIN));
}

/**
 * Writes a teacher as an export for its student's input size does, with fresh weights, which take as long as trained ones.
 * @returns the file of its frozen graph
 */
async function writeFrozen(
  model: ModelName,
  { size, root }: { size: number; root: string },
): Promise<string> {
  const specs = variableSpecs({ family: familyOf(model), numClasses: CLASSES });
  const card = modelCard({
    model_name: model,
    classes: Array.from({ length: CLASSES }, (_, i) => `class ${i + 1}`),
    image_size: [size, size],
    aspect_ratios: [...ASPECT_RATIOS],
    nms_configs: NmsConfigs.parse({}),
    step: 0,
    metrics: {},
  });
  const weights = await freshWeights(join(root, model), { specs, seed: 1 });
  const file = join(root, `${model}.pb`);
  await writeFile(file, encodeGraph(prune(frozenNetwork(card, weights).outputs)));
  return file;
}
