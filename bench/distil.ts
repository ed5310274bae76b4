/** What a frozen teacher adds to its student's step, on a batch in memory: against the same step without one. */
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
import { race } from './contestants.js';
import { inFolder } from './folder.js';
import type { Report } from './report.js';
import { against, type Row } from './row.js';
import { trainer } from './train.js';
import { TEACHERS } from './trained.js';
import { type Case, CLASSES, sizeOf } from './trainee.js';

const STUDENTS = [
  { model: 'efficientdet-d0', batch: 4 },
  { model: 'efficientdet-d0', batch: 8 },
] as const satisfies readonly Case[];
const PLAIN = 'plain-step';
/** Whose kept answers are measured, too: what they cost does not depend on who gave them. */
const KEPT: ModelName = 'efficientdet-d2';
const WARM_UP = 2;
const ROUNDS = 9;

export interface DistilCase {
  /** Of teachers; none: all. */
  readonly models: readonly string[];
  readonly seconds: number;
}

/** One way in which a student learns from a teacher: its step beside the plain one, and what it is called. */
interface Taught {
  readonly student: Case;
  /** In words. */
  readonly how: string;
  readonly step: Case;
}

export const benchDistil = (report: Report, { models, seconds }: DistilCase): Promise<Row[]> =>
  inFolder(async root => {
    const rows: Row[] = [];
    for (const teacher of TEACHERS.filter(name => models.length === 0 || models.includes(name))) {
      report.progress(`freezes ${teacher}`);
      const frozen = await writeFrozen(teacher, { size: sizeOf(STUDENTS[0]), root });
      for (const student of STUDENTS)
        for (const isFed of teacher === KEPT ? [false, true] : [false]) {
          const step = { ...student, teacher: { file: frozen, isFed } };
          const how = `${isFed ? 'answers kept of' : 'taught by'} ${teacher}`;
          rows.push(await compare({ student, how, step }, report, seconds));
        }
    }
    return rows;
  });

/** In pairs: every process has gigabytes. */
async function compare({ student, how, step }: Taught, report: Report, seconds: number): Promise<Row> {
  const contestants = [trainer(how, step), trainer(PLAIN, student)];
  const times = await race(contestants, { report, warmUp: WARM_UP, rounds: ROUNDS, seconds });
  const { model, batch } = student;
  return against(
    report,
    { model: `${model}, ${how}`, batch, size: sizeOf(student) },
    { ours: times.get(how)!, peer: PLAIN, theirs: times.get(PLAIN)! },
  );
}

/** A teacher as an export for its student's input size leaves it, with fresh weights: they cost what trained ones do. */
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
