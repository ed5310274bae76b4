import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { hammingDistance } from '../../../src/data/cleaning/hash-index.js';
import { type PerceptualHash, perceptualHash } from '../../../src/data/cleaning/perceptual-hash.js';
import { provideNativeParts } from '../../../src/native/setup.js';
import { readSettings } from '../../../src/settings.js';
import { expectParity } from '../../parity.js';

interface Crop {
  readonly image: string;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly hash: string;
}

const SIZE = { width: 96, height: 64 };
const upright = { ...SIZE, orientation: 1, minContrast: 4 };

/** Of the first of the golden images, so that there is something to see. */
async function scene(): Promise<Buffer> {
  const paths = await provideNativeParts({ settings: readSettings(), parts: ['demo-images'] });
  const file = join(paths['demo-images'], 'SOAP_061.png');
  return sharp(file).removeAlpha().resize({ ...SIZE, fit: 'fill' }).raw().toBuffer(); // prettier-ignore
}

const hashOf = (pixels: Buffer, options = upright): Promise<PerceptualHash | null> =>
  perceptualHash(pixels, options);

describe('perceptual hashes', () => {
  it("are imagehash's of the same pixels, but for two bits at most", async () => {
    const golden = new URL('../../golden/perceptual-hash.json', import.meta.url);
    const { cases } = JSON.parse(await readFile(golden, 'utf8')) as { cases: Crop[] };
    const paths = await provideNativeParts({ settings: readSettings(), parts: ['demo-images'] });
    let error = 0;
    for (const { image, hash, ...crop } of cases) {
      const pixels = await sharp(join(paths['demo-images'], image)).removeAlpha().extract(crop).raw().toBuffer(); // prettier-ignore
      const { width, height } = crop;
      const ours = await hashOf(pixels, { width, height, orientation: 1, minContrast: 0 });
      const theirs = { high: parseInt(hash.slice(0, 8), 16), low: parseInt(hash.slice(8), 16) };
      error = Math.max(error, hammingDistance(ours!, theirs));
    }
    expectParity({
      item: 'Perceptual hashes of real images, bits of 64',
      reference: 'imagehash',
      cases: cases.length,
      error,
      measure: 'differences',
      limit: 2,
    });
  });

  it('stay near when an image is made brighter, smaller or compressed, and move far for another', async () => {
    const pixels = await scene();
    const raw = { ...SIZE, channels: 3 } as const;
    const hash = (await hashOf(pixels))!;
    const variants = [
      sharp(pixels, { raw }).linear(1.1, 5),
      sharp(await sharp(pixels, { raw }).jpeg({ quality: 50 }).toBuffer()),
      sharp(await sharp(pixels, { raw }).resize(72, 48).png().toBuffer()).resize(96, 64),
    ];
    for (const variant of variants)
      expect(hammingDistance(hash, (await hashOf(await variant.raw().toBuffer()))!)).toBeLessThanOrEqual(4);
    const mirrored = await hashOf(await sharp(pixels, { raw }).flop().raw().toBuffer());
    expect(hammingDistance(hash, mirrored!)).toBeGreaterThan(16);
  });

  it.each([2, 3, 4, 5, 6, 7, 8])('are those of the upright image: orientation %i', async orientation => {
    const pixels = await scene();
    const png = await sharp(pixels, { raw: { ...SIZE, channels: 3 } })
      .withMetadata({ orientation })
      .png()
      .toBuffer();
    const { data, info } = await sharp(png).autoOrient().raw().toBuffer({ resolveWithObject: true });
    const turned = await hashOf(data, { ...upright, width: info.width, height: info.height });
    expect(
      hammingDistance((await hashOf(pixels, { ...upright, orientation }))!, turned!),
    ).toBeLessThanOrEqual(2);
  });

  it('are not given to images that show next to nothing', async () => {
    const flat = sharp({
      create: {
        ...SIZE,
        channels: 3,
        background: '#807060',
        noise: { type: 'gaussian', mean: 128, sigma: 3 },
      },
    });
    expect(await hashOf(await flat.removeAlpha().raw().toBuffer())).toBeNull();
  });
});
