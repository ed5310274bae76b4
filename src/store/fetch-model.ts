import type { ModelName } from '../config/families.js';
import { errors } from '../errors/index.js';
import { fetched, type FetchOptions, hasObject, isBucketAddress } from './bucket.js';
import { type ModelCard, MODEL_CARD, misplaced, readModelCard } from '../formats/model-card.js';

/**
 * The folder of a model on this machine, copied from a bucket if it lies there.
 * @throws MODEL_UNREADABLE: there is none at that level of the bucket
 */
export async function fetchModel(named: string, options: FetchOptions): Promise<string> {
  if (!isBucketAddress(named)) return named;
  const hasCard = (address: string): Promise<boolean> => hasObject(`${address}/${MODEL_CARD}`, options.s3);
  if (!(await hasCard(named)))
    throw errors.modelUnreadable(
      named,
      new Error((await misplaced(named, hasCard)) ?? `there is no ${MODEL_CARD}`),
    );
  return fetched(named, options);
}

/** The family of the model at a place; null: it cannot be read. Whoever needs the model reports why. */
export const modelNameAt = async (named: unknown, options: FetchOptions): Promise<ModelName | null> =>
  typeof named !== 'string'
    ? null
    : fetchModelCard(named, options).then(
        card => card.model_name,
        () => null,
      );

/** The card of a model, here or in a bucket. */
export const fetchModelCard = async (named: string, options: FetchOptions): Promise<ModelCard> =>
  readModelCard(await fetchModel(named, options));
