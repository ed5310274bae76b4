import type { BoxYxyx } from '../boxes.js';
import type { Normalisation } from '../config/families.js';
import type { ModelCard } from '../formats/model-card.js';
import type { Size } from '../images/decode.js';
import { letterbox } from '../images/place.js';

/** What a network expects of pixels. The schema of a card does not say that these are lists of three. */
export const normalisationOf = ({ mean, std }: ModelCard): Normalisation => ({
  mean: mean as [number, number, number],
  std: std as [number, number, number],
});

/** A box of the network input in pixels of the image that was scaled to fit it, clipped to the image. */
export function boxInImage(
  box: ArrayLike<number>,
  image: Size,
  { image_size }: Pick<ModelCard, 'image_size'>,
): BoxYxyx {
  const [scaleY, scaleX] = letterbox(image, image_size).scale;
  const clip = (value: number, limit: number): number => Math.fround(Math.min(Math.max(value, 0), limit));
  const y = (side: 0 | 2): number => clip(box[side]! / scaleY, image.height);
  const x = (side: 1 | 3): number => clip(box[side]! / scaleX, image.width);
  return [y(0), x(1), y(2), x(3)];
}
