import { readFile } from 'node:fs/promises';
import { errors } from '../errors/index.js';
import type { AnchorGrid } from '../detection/anchors.js';
import { FROZEN_INPUT, frozenOutput, type ModelCard } from '../formats/model-card.js';
import { gridOf } from '../detection/anchors.js';
import { extendModel, type Port } from '../onnx/model.js';
import { Nodes } from '../onnx/nodes.js';
import { loadOnnxruntime, physicalCores } from './onnxruntime.js';
import type { RawMaps } from './candidates.js';

export interface OnnxNetwork {
  readonly grid: AnchorGrid;
  /** @param image [height, width, 3], normalised */
  readonly run: (image: Float32Array, selection: CellSelection) => Promise<SelectedMaps>;
}

/** The cells whose class logits are read. A cell is one place of a level's map, with its anchors. */
interface CellSelection {
  /** Cells whose logits are all lower are left out. */
  readonly minLogit: number;
  /** Only so many cells with the highest logits are read; Infinity: all. */
  readonly maxCells: number;
}

/** The first try: with the logits of so many cells, nearly all of the time for D0 with 90 classes is the network's own. */
export const BEST_CELLS = 300;

interface SelectedMaps extends RawMaps {
  /** Every logit that was left out is lower. */
  readonly from: number;
}

/** The network of an ONNX file, one image at a time. */
export async function openNetwork(file: string, card: ModelCard): Promise<OnnxNetwork> {
  const { InferenceSession, Tensor } = await loadOnnxruntime();
  const [height, width] = card.image_size;
  const grid = gridOf(card);
  const open = async (): ReturnType<typeof InferenceSession.create> => {
    const network = withSelection(await readFile(file), { card, grid });
    return InferenceSession.create(network, { intraOpNumThreads: physicalCores() });
  };
  const session = await open().catch((cause: unknown) => {
    throw errors.modelUnreadable(file, cause);
  });
  const count = grid.levels.reduce((sum, { height, width }) => sum + height * width, 0);
  const run: OnnxNetwork['run'] = async (image, { minLogit, maxCells }) => {
    const maps = await session.run({
      [FROZEN_INPUT]: new Tensor('float32', image, [1, height, width, 3]),
      [LEAST]: new Tensor('float32', Float32Array.of(minLogit), []),
      [MOST]: new Tensor('int64', BigInt64Array.of(BigInt(Math.min(maxCells, count))), [1]),
    });
    const ofLevels = <T>(nameOf: (level: number) => string): T[] =>
      grid.levels.map(({ level }) => maps[nameOf(level)]!.data as T); // float32 or int32, as the graph says
    return {
      classLogits: ofLevels<Float32Array>(selected),
      cells: ofLevels<Int32Array>(cells),
      boxDeltas: ofLevels<Float32Array>(level => frozenOutput('box', level)),
      from: maxCells < count ? (maps[FROM]!.data as Float32Array)[0]! : minLogit,
    };
  };
  return { grid, run };
}

const LEAST = 'least_logit';
const MOST = 'most_cells';
const FROM = 'from_logit';
const cells = (level: number): string => `cells_${level}`;
const selected = (level: number): string => `${frozenOutput('class', level)}_of_cells`;

/**
 * The network for one image, with the class logits of selected cells only: onnxruntime copies its outputs to JavaScript, and
 * of the 18 MB of logits that D0 has for 90 classes only few matter.
 */
function withSelection(
  network: Uint8Array,
  { card, grid }: { card: ModelCard; grid: AnchorGrid },
): Uint8Array {
  const [height, width] = card.image_size;
  const after = new Nodes('choice');
  const levels = grid.levels.map(row => {
    const area = row.height * row.width;
    const channels = (row.count / area) * card.classes.length;
    const logits = after.node('Reshape', [frozenOutput('class', row.level), after.ints(channels, area)]);
    const highest = after.node('ReduceMax', [logits, after.ints(0)], { keepdims: 0 });
    return { ...row, area, channels, logits, highest };
  });
  const all = after.node('Concat', levels.map(({ highest }) => highest), { axis: 0 }); // prettier-ignore
  const [best] = after.nodeOfTwo('TopK', [all, MOST]);
  after.output(FROM, 'Max', [after.node('ReduceMin', [best], { keepdims: 0 }), LEAST]);
  const outputs = levels.flatMap(
    ({ level, height, width, count, area, channels, logits, highest }): Port[] => {
      const isHigh = after.node('GreaterOrEqual', [highest, FROM]);
      const places = after.node('Reshape', [after.node('NonZero', [isHigh]), after.ints(-1)]);
      const INT32 = 6; // onnx.TensorProto.INT32
      after.output(cells(level), 'Cast', [places], { to: INT32 });
      after.output(selected(level), 'Gather', [logits, places], { axis: 1 });
      const n = `n_${level}`;
      return [
        { name: cells(level), type: 'int32', shape: [n] },
        { name: selected(level), type: 'float32', shape: [channels, n] },
        { name: frozenOutput('box', level), type: 'float32', shape: [1, (4 * count) / area, height, width] },
      ];
    },
  );
  const inputs: Port[] = [
    { name: FROZEN_INPUT, type: 'float32', shape: [1, height, width, 3] },
    { name: LEAST, type: 'float32', shape: [] },
    { name: MOST, type: 'int64', shape: [1] },
  ];
  outputs.push({ name: FROM, type: 'float32', shape: [] });
  return extendModel(network, { after, inputs, outputs });
}
