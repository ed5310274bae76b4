import sharp from 'sharp';

/** How an image looks, by cleanvision's measures; each lies between 0 (bad) and 1. */
export interface Appearance {
  /** The 99th percentile of the pixels' brightness. */
  readonly brightness: number;
  /** 1 − the 5th percentile of the brightness. */
  readonly darkness: number;
  /** 1 − exp(−0.01 · standard deviation of the edge image). */
  readonly sharpness: number;
  /** A tenth of the entropy of the grey levels in bits. */
  readonly information: number;
}

/** The image is reduced to this size first, so that the noise of single pixels does not count as edges. */
const SIDE_PX = 64;

/** @param pixels RGB, 0–255 */
export async function measureAppearance(
  pixels: Buffer,
  { width, height }: { width: number; height: number },
): Promise<Appearance> {
  const { data, info } = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .resize({ width: SIDE_PX, height: SIDE_PX, fit: 'inside', withoutEnlargement: true })
    .raw()
    .toBuffer({ resolveWithObject: true });
  const count = info.width * info.height;
  const brightness = new Float64Array(count);
  const grey = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const [r, g, b] = [data[3 * i]!, data[3 * i + 1]!, data[3 * i + 2]!];
    brightness[i] = Math.sqrt(0.241 * r * r + 0.691 * g * g + 0.068 * b * b) / 255;
    grey[i] = Math.round(0.299 * r + 0.587 * g + 0.114 * b);
  }
  brightness.sort();
  const percentile = (share: number): number => brightness[Math.round(share * (count - 1))]!;
  return {
    brightness: percentile(0.99),
    darkness: 1 - percentile(0.05),
    sharpness: 1 - Math.exp(-0.01 * deviation(edges(grey, info))),
    information: 0.1 * entropy(grey),
  };
}

/** PIL's FIND_EDGES: eight times a pixel minus its neighbours, clipped to 0–255; the border pixels stay as they are. */
function edges(grey: Uint8Array, { width, height }: { width: number; height: number }): Float64Array {
  const found = Float64Array.from(grey);
  for (let y = 1; y < height - 1; y++)
    for (let x = 1; x < width - 1; x++) {
      let sum = 9 * grey[y * width + x]!;
      for (let dy = -1; dy <= 1; dy++)
        for (let dx = -1; dx <= 1; dx++) sum -= grey[(y + dy) * width + x + dx]!;
      found[y * width + x] = Math.min(255, Math.max(0, sum));
    }
  return found;
}

function deviation(values: Float64Array): number {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

function entropy(grey: Uint8Array): number {
  const counts = new Float64Array(256);
  for (const value of grey) counts[value]!++;
  return counts.reduce((sum, count) => {
    const share = count / grey.length;
    return share > 0 ? sum - share * Math.log2(share) : sum;
  }, 0);
}
