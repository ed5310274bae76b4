import { closest } from '../config/closest.js';
import { MODEL_NAMES, type ModelName } from '../config/families.js';
import { errors } from '../errors/index.js';

/** Parses the value of --model_name. */
export function modelNamed(name: string): ModelName {
  const found = MODEL_NAMES.find(known => known === name);
  if (found) return found;
  throw errors.usageWrong(
    `--model_name ${name}: unknown model; did you mean ${closest(name, MODEL_NAMES)}?`,
    `allowed: ${MODEL_NAMES.join(', ')}`,
  );
}
