import { ANCHORS_PER_CELL } from '../../config/families.js';
import type { Weights, WeightTensor } from './weights.js';

const CLASS_HEAD = ['class_net/class-predict/pointwise_kernel', 'class_net/class-predict/bias'] as const;

/** The number of classes of a class head; null: the weights have no class head. */
export function classesOfHead(weights: Weights): number | null {
  const bias = weights.get(CLASS_HEAD[1]);
  return bias ? bias.values.length / ANCHORS_PER_CELL : null;
}

/**
 * The class head for other classes: the outputs of classes with the same name are adopted, the others are NaN, which stands for random
 * initial values. Names that differ by case only are the same where neither list tells them apart.
 */
export function headForClasses(
  weights: Weights,
  { from, to }: { from: readonly string[]; to: readonly string[] },
): { weights: Weights; known: string[] } {
  const sources = to.map(name => placeOf(name, { from, to }));
  const known = to.filter((_, i) => sources[i]! >= 0);
  const mapped = new Map(weights);
  for (const name of CLASS_HEAD) {
    const tensor = weights.get(name);
    mapped.delete(name);
    if (tensor && known.length > 0) mapped.set(name, pick(tensor, sources, from.length));
  }
  return { weights: mapped, known };
}

function placeOf(name: string, { from, to }: { from: readonly string[]; to: readonly string[] }): number {
  const exact = from.indexOf(name);
  if (exact >= 0) return exact;
  const isSame = (other: string): boolean => other.toLowerCase() === name.toLowerCase();
  const isUnambiguous = from.filter(isSame).length === 1 && to.filter(isSame).length === 1;
  return isUnambiguous ? from.findIndex(isSame) : -1;
}

/** The last dimension is anchors of a cell by classes. */
function pick({ shape, values }: WeightTensor, sources: readonly number[], classes: number): WeightTensor {
  const groups = values.length / classes;
  const picked = new Float32Array(groups * sources.length);
  for (let group = 0; group < groups; group++)
    sources.forEach((source, i) => {
      picked[group * sources.length + i] = source < 0 ? NaN : values[group * classes + source]!;
    });
  return { shape: [...shape.slice(0, -1), ANCHORS_PER_CELL * sources.length], values: picked };
}
