import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import { drawImage, temporaryFolder, writeText } from '../scene.js';
import { type Cleaned, cleanFolder, cleanItems, SIZE, type VocItem } from './voc-set.js';

/** One finding as a row: rule, action, reason. */
const found = ({ ledger }: Cleaned): unknown[] =>
  ledger.map(({ rule, action, reason }) => [rule, action, reason]);

const boxesOf = ({ dataset }: Cleaned, id: string): unknown =>
  dataset.splits.train.find(sample => sample.id === id)?.boxes.map(({ box }) => box);

const cleanOne = (item: VocItem, options = {}): Promise<Cleaned> => cleanItems({ odd: item }, options);

const noise = sharp({
  create: { ...SIZE, channels: 3, background: '#000', noise: { type: 'gaussian', mean: 128, sigma: 40 } },
});

describe('rules about images', () => {
  it('I01 drops an image that is truncated, empty, no image at all, or not there', async () => {
    const jpeg = await noise.jpeg().toBuffer();
    const cleaned = await cleanItems({
      'cut.jpg': { image: jpeg.subarray(0, jpeg.length / 2) },
      'empty.jpg': { image: Buffer.alloc(0) },
      'text.jpg': { image: Buffer.from('not an image') },
    });
    expect(cleaned.ledger.map(({ rule, action, file }) => [rule, action, file])).toEqual(
      ['cut.jpg', 'empty.jpg', 'text.jpg'].map(name => ['I01', 'drop-sample', join(cleaned.source, name)]),
    );
    expect(cleaned.ledger[0]!.reason).toContain('premature end');
    expect(cleaned.dataset.splits.train.map(({ id }) => id)).toEqual(['a sound one']);
  });

  it('I01 keeps a JPEG with bytes behind its end', async () => {
    const jpeg = await noise.jpeg().toBuffer();
    const cleaned = await cleanItems({ 'odd.jpg': { image: Buffer.concat([jpeg, Buffer.from('tail')]) } });
    expect(cleaned.ledger).toEqual([]);
  });

  it.each([
    ['grey', noise.clone().toColourspace('b-w'), 1, 'b-w'],
    ['transparent', noise.clone().ensureAlpha(0.5), 4, 'srgb'],
    ['16 bits deep', noise.clone().toColourspace('rgb16'), 3, 'rgb16'],
  ] as const)('I04 converts an image that is %s to RGB', async (_, image, channels, space) => {
    const cleaned = await cleanOne({ image: await image.clone().png().toBuffer() });
    expect(cleaned.ledger).toMatchObject([
      { rule: 'I04', action: 'change', before: { channels, space }, after: { channels: 3, space: 'srgb' } },
    ]);
    const written = await sharp(join(cleaned.outFolder, 'images/train/odd.png')).metadata();
    expect(written).toMatchObject({ channels: 3, space: 'srgb', depth: 'uchar' });
  });

  it('I04 converts CMYK to RGB', async () => {
    const image = await noise.clone().toColourspace('cmyk').jpeg().toBuffer();
    const cleaned = await cleanItems({ 'odd.jpg': { image } });
    expect(cleaned.ledger).toMatchObject([{ rule: 'I04', before: { channels: 4, space: 'cmyk' } }]);
    const written = await sharp(join(cleaned.outFolder, 'images/train/odd.jpg')).metadata();
    expect(written).toMatchObject({ channels: 3, space: 'srgb' });
  });

  it('copies an image that needs no change byte by byte', async () => {
    const { dataset, outFolder, source } = await cleanItems({ 'odd.jpg': { image: noise } });
    for (const { image, original } of dataset.splits.train)
      expect(await readFile(join(outFolder, image))).toEqual(await readFile(original));
    expect(dataset.splits.train.map(({ original }) => original)).toContain(join(source, 'odd.jpg'));
  });
});

describe('rules about what images show', () => {
  const all = { cleaning: {} };
  /** Of noise, each another. */
  const unlike = (mean: number, sigma: number, size = SIZE): Sharp =>
    sharp({ create: { ...size, channels: 3, background: '#000', noise: { type: 'gaussian', mean, sigma } } });

  /** A few rectangles, moved by so many pixels. */
  const shapes = (shift: number): Sharp => {
    const at = [[5, 8, 30, 20], [50, 30, 20, 40], [20, 55, 60, 10], [70, 5, 15, 15]] as const; // prettier-ignore
    const drawn = at.map(
      ([x, y, w, h], i) =>
        `<rect x="${x + shift}" y="${y}" width="${w}" height="${h}" fill="#${i * 2}a${9 - i * 2}"/>`,
    );
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${SIZE.width}" height="${SIZE.height}">${drawn.join('')}</svg>`;
    return sharp(Buffer.from(svg)).flatten({ background: '#eee' });
  };

  it.each([
    ['jpeg named .png', 'odd.png', 'jpeg', 'its content is jpeg'],
    ['png named .jpg', 'odd.jpg', 'png', 'its content is png'],
    ['webp', 'odd.webp', 'webp', 'webp is stored as JPEG or PNG'],
    ['tiff', 'odd.tiff', 'tiff', 'tiff is stored as JPEG or PNG'],
  ] as const)('I02 stores %s by what it is', async (_, name, format, reason) => {
    const image = await unlike(128, 40).toFormat(format).toBuffer();
    const cleaned = await cleanItems({ [name]: { image } });
    expect(found(cleaned)).toEqual([['I02', 'change', reason]]);
    const sample = cleaned.dataset.splits.train.find(({ id }) => id === 'odd')!;
    const written = await sharp(join(cleaned.outFolder, sample.image)).metadata();
    expect(`.${written.format}`.replace('jpeg', 'jpg')).toBe(
      sample.image.slice(sample.image.lastIndexOf('.')),
    );
  });

  it('I05 drops a tiny image, and makes a huge one smaller with its boxes', async () => {
    const cleaned = await cleanItems(
      {
        tiny: {
          image: unlike(128, 40, { width: 90, height: 20 }),
          declared: { width: 90, height: 20 },
          boxes: [[1, 1, 15, 15]],
        },
        huge: {
          image: unlike(128, 40, { width: 400, height: 200 }),
          declared: { width: 400, height: 200 },
          boxes: [[40, 80, 120, 200]],
        },
      },
      { cleaning: { off: ['I07', 'I08', 'I09'], max_image_side: 100 } },
    );
    expect(found(cleaned)).toEqual([
      ['I05', 'change', 'longer side scaled to 100 px'],
      ['I05', 'drop-sample', 'a side of 20 px, the minimum is 32'],
    ]);
    const [, huge] = cleaned.dataset.splits.train;
    expect(huge).toMatchObject({ width: 100, height: 50, boxes: [{ box: [10, 20, 30, 50], area: 600 }] });
    const written = await sharp(join(cleaned.outFolder, huge!.image)).metadata();
    expect(written).toMatchObject({ width: 100, height: 50 });
  });

  it('I06 warns of a long image', async () => {
    const size = { width: 400, height: 40 };
    const cleaned = await cleanItems({
      odd: { image: unlike(128, 40, size), declared: size, boxes: [[1, 1, 30, 30]] },
    });
    expect(found(cleaned)).toEqual([
      ['I06', 'warn', 'aspect ratio 10.0 : 1 leaves most of the network input empty'],
    ]);
  });

  it.each([
    ['dark', unlike(30, 10)],
    ['overexposed', unlike(253, 1)],
    ['almost a single colour', sharp({ create: { ...SIZE, channels: 3, background: '#a06040' } })],
    ['blurred', unlike(128, 60).blur(12)],
  ] as const)('I07 warns of an image that is %s', async (word, image) => {
    const cleaned = await cleanOne({ image: await image.png().toBuffer() }, all);
    const reasons = cleaned.ledger.filter(({ rule, file }) => rule === 'I07' && file.endsWith('odd.png'));
    expect(reasons.map(({ reason }) => reason)).toContainEqual(
      expect.stringMatching(new RegExp(`^${word}: `)),
    );
    expect(cleaned.dataset.splits.train.some(({ id }) => id === 'odd')).toBe(true);
  });

  it('I07 says nothing of an ordinary image', async () => {
    const cleaned = await cleanOne({ image: await unlike(128, 60).png().toBuffer() }, all);
    expect(cleaned.ledger.filter(({ file }) => file.endsWith('odd.png'))).toEqual([]);
  });

  it('I08 keeps one of several equal images, and says when labels differ', async () => {
    const png = await unlike(128, 40).png({ compressionLevel: 1 }).toBuffer();
    const again = await sharp(png).png({ compressionLevel: 9 }).toBuffer();
    const cleaned = await cleanItems(
      { a: { image: png }, b: { image: again }, c: { image: again, boxes: [[1, 1, 30, 30]] } },
      { cleaning: { off: ['I07', 'I09'] } },
    );
    const first = join(cleaned.source, 'a.png');
    expect(found(cleaned)).toEqual([
      // Drawn like the one that evaluates.
      ['I10', 'drop-sample', expect.stringMatching(/sound\.png, which is used for evaluation/)],
      ['I08', 'drop-sample', `same pixels as ${first}`],
      ['I08', 'drop-sample', `same pixels as ${first}; their labels differ`],
    ]);
  });

  it('I09 warns of near duplicates, and from the second limit on of what may be one', async () => {
    const png = await shapes(0).png().toBuffer();
    const brighter = sharp(png).linear(1.05, 3).jpeg({ quality: 60 });
    const items = {
      a: { image: png },
      'b.jpg': { image: await brighter.toBuffer() },
      c: { image: shapes(9) },
    };
    const near = await cleanItems(items, { cleaning: { off: ['I07', 'I08'] } });
    expect(found(near)).toEqual([
      ['I09', 'warn', expect.stringMatching(/^near duplicate of .*a\.png: \d of 64 bits differ$/)],
    ]);
    expect(near.dataset.splits.train).toHaveLength(4);
    const strict = { off: ['I07' as const, 'I08' as const], max_near_bits: 0, max_review_bits: 16 };
    const review = await cleanItems({ a: items.a, b: { image: shapes(1) } }, { cleaning: strict });
    expect(found(review)).toEqual([
      ['I09', 'warn', expect.stringMatching(/^possible near duplicate of .*a\.png: \d+ of 64 bits differ$/)],
    ]);
  });

  it('leaves out the rules that are switched off', async () => {
    const cleaned = await cleanOne({ boxes: [[30, 10, 20, 40], [1, 2, 30, 40]] }, { cleaning: { off: ['L03', 'L04', 'L05', 'L06', 'I07', 'I08', 'I09'] } }); // prettier-ignore
    expect(cleaned.ledger).toEqual([]);
    expect(boxesOf(cleaned, 'odd')).toHaveLength(2);
  });
});

describe('rules about labels', () => {
  it('L01 drops an image whose label file cannot be read', async () => {
    const cleaned = await cleanOne({ xml: '<annotation><object>' });
    expect(cleaned.ledger).toMatchObject([{ rule: 'L01', action: 'drop-sample' }]);
    expect(cleaned.ledger[0]!.reason).toContain('odd.xml: ');
  });

  it('L01 may take it for background, or refuse the data set', async () => {
    const broken = { xml: '<annotation><object>' };
    const background = await cleanOne(broken, {
      cleaning: { off: ['I07', 'I08', 'I09'], unreadable_annotation: 'background' },
    });
    expect(background.ledger).toMatchObject([
      { rule: 'L01', action: 'warn', reason: expect.stringMatching(/; used as background$/) as string },
    ]);
    expect(boxesOf(background, 'odd')).toEqual([]);
    await expect(cleanOne(broken, { cleaning: { unreadable_annotation: 'fail' } })).rejects.toMatchObject({
      code: 'DATA_UNREADABLE',
      message: expect.stringContaining('odd.xml: ') as string,
    });
  });

  it('L02 uses the size of the image where the label file has another, a pixel is forgiven', async () => {
    const cleaned = await cleanItems({
      far: { declared: { width: 200, height: 80 } },
      near: { declared: { width: SIZE.width + 1, height: SIZE.height - 1 } },
    });
    expect(cleaned.ledger).toMatchObject([
      { rule: 'L02', action: 'change', before: { width: 200, height: 80 }, after: SIZE },
    ]);
    expect(cleaned.dataset.splits.train.every(({ width }) => width === SIZE.width)).toBe(true);
    const strict = await cleanOne(
      { declared: { width: SIZE.width + 1, height: SIZE.height } },
      { cleaning: { off: ['I07', 'I08', 'I09'], size_tolerance: 0 } },
    );
    expect(strict.ledger).toMatchObject([{ rule: 'L02', action: 'change' }]);
  });

  it('L03 drops a box whose min is larger than its max', async () => {
    const cleaned = await cleanOne({ boxes: [[30, 10, 20, 40], [1, 2, 30, 40], [10, 40, 30, 20]] }); // prettier-ignore
    const row = ['L03', 'drop-box', 'min is larger than max'];
    expect(found(cleaned)).toEqual([row, row]);
    expect(boxesOf(cleaned, 'odd')).toEqual([[1, 2, 30, 40]]);
  });

  it('L03 may put the corners in order instead', async () => {
    const cleaned = await cleanOne(
      { boxes: [[30, 10, 20, 40], [10, 40, 30, 20]] }, // prettier-ignore
      { cleaning: { off: ['I07', 'I08', 'I09'], wrong_order: 'swap' } },
    );
    const row = ['L03', 'change', 'min and max swapped'];
    expect(found(cleaned)).toEqual([row, row]);
    expect(boxesOf(cleaned, 'odd')).toEqual([[20, 10, 30, 40], [10, 20, 30, 40]]); // prettier-ignore
  });

  it('L04 drops a box without area, thinner than 2 px, without a corner or without a name', async () => {
    const cleaned = await cleanOne({
      boxes: [
        [10, 10, 10, 40],
        [10, 10, 40, 11.5],
        [10, NaN, 40, 40],
        { label: '', box: [1, 1, 30, 30] },
        [10, 10, 12, 40],
      ],
    });
    expect(found(cleaned)).toEqual([
      ['L04', 'drop-box', 'a side of 0 px, the minimum is 2'],
      ['L04', 'drop-box', 'a side of 1.5 px, the minimum is 2'],
      ['L04', 'drop-box', 'a corner is missing or not a number'],
      ['L04', 'drop-box', 'its label is empty'],
    ]);
    expect(boxesOf(cleaned, 'odd')).toEqual([[10, 10, 12, 40]]);
  });

  it('L05 clips a box that is half outside, drops one that is more than half outside', async () => {
    const cleaned = await cleanOne({
      boxes: [
        [-10, 20, 10, 40],
        [60, 90, 100, 130],
        [200, 200, 240, 240],
        [0, 0, 80, 70],
      ],
    });
    expect(found(cleaned)).toEqual([
      ['L05', 'change', 'clipped to the image'],
      ['L05', 'drop-box', '87.5 % of its area is outside'],
      ['L05', 'drop-box', '100 % of its area is outside'],
    ]);
    expect(boxesOf(cleaned, 'odd')).toEqual([
      [0, 20, 10, 40],
      [0, 0, 80, 70],
    ]);
  });

  it('L04 drops what clipping makes too thin', async () => {
    const cleaned = await cleanOne({ boxes: [[-1, 10, 1.5, 40], [1, 1, 30, 30]] }); // prettier-ignore
    expect(cleaned.ledger.map(({ rule, action }) => [rule, action])).toEqual([
      ['L05', 'change'],
      ['L04', 'drop-box'],
    ]);
  });

  it('L06 warns of a box as large as the image, or tiny, and keeps it', async () => {
    const cleaned = await cleanOne({ boxes: [[0, 0, 80, 98], [5, 5, 6.9999, 7]], image: drawImage(SIZE) }); // prettier-ignore
    expect(found(cleaned)).toEqual([
      ['L04', 'drop-box', expect.stringContaining('the minimum is 2')],
      ['L06', 'warn', 'covers 98 % of the image'],
    ]);
    const large = { width: 400, height: 300 };
    const tiny = await cleanOne({ boxes: [[5, 5, 8, 8]], image: drawImage(large), declared: large });
    expect(found(tiny)).toEqual([['L06', 'warn', 'covers 0.0075 % of the image']]);
    expect(boxesOf(tiny, 'odd')).toEqual([[5, 5, 8, 8]]);
  });

  it('L07 drops a box that is there twice, not one of another class', async () => {
    const cleaned = await cleanOne({
      boxes: [
        { label: 'cat', box: [10, 10, 50, 50] },
        { label: 'cat', box: [10, 10, 50, 51] },
        { label: 'dog', box: [10, 10, 50, 50] },
        { label: 'cat', box: [10, 10, 50, 60] },
      ],
    });
    expect(found(cleaned)[0]).toEqual(['L07', 'drop-box', 'IoU 0.976 with another cat']);
    expect(cleaned.ledger.filter(({ rule }) => rule === 'L07')).toHaveLength(1);
    expect(boxesOf(cleaned, 'odd')).toHaveLength(3);
  });

  it('L08 warns of a box with two labels, and keeps both', async () => {
    const box = [10, 10, 40, 40] as const;
    const cleaned = await cleanOne({
      boxes: [
        { label: 'cat', box },
        { label: 'dog', box },
      ],
    });
    expect(found(cleaned)).toEqual([['L08', 'warn', 'IoU 1.000 with a cat']]);
    expect(boxesOf(cleaned, 'odd')).toHaveLength(2);
  });

  it('L12 warns of more boxes than a model detects', async () => {
    const boxes = [[1, 1, 20, 20], [1, 30, 20, 50], [30, 1, 50, 20]] as const; // prettier-ignore
    const cleaned = await cleanOne({ boxes }, { cleaning: { off: ['I07', 'I08', 'I09'], max_boxes: 2 } });
    expect(found(cleaned)).toEqual([
      ['L12', 'warn', '3 boxes; a model detects up to hparams.nms_configs.max_output_size of them'],
    ]);
  });

  it('L13 takes a difficult object for a crowd: neither to be found nor background', async () => {
    const xml = `<annotation><object><name>thing</name><difficult>1</difficult><bndbox><xmin>5</xmin><ymin>5</ymin>
      <xmax>40</xmax><ymax>40</ymax></bndbox></object></annotation>`;
    const cleaned = await cleanOne({ xml });
    expect(found(cleaned)).toEqual([['L13', 'change', 'ignored in training and evaluation, as a crowd is']]);
    expect(cleaned.dataset.splits.train.find(({ id }) => id === 'odd')!.boxes).toMatchObject([
      { crowd: true, difficult: true },
    ]);
  });

  it('L11 leaves an image without label file out, or takes it as background', async () => {
    const excluded = await cleanOne({ xml: null });
    expect(found(excluded)).toEqual([
      ['L11', 'drop-sample', 'no annotation; data.unlabelled: background would keep it'],
    ]);
    expect(boxesOf(excluded, 'odd')).toBeUndefined();
    const background = await cleanOne({ xml: null }, { unlabelled: 'background' });
    expect(found(background)).toEqual([['L11', 'warn', 'no annotation; used as background']]);
    expect(boxesOf(background, 'odd')).toEqual([]);
  });

  it('L11 takes an image of a YOLO set without label file as background, and warns where they are many', async () => {
    const source = await temporaryFolder();
    for (let i = 0; i < 10; i++) {
      await drawImage(SIZE)
        .png()
        .toFile(join(source, `${i}.png`));
      if (i > 0) await writeText(join(source, `${i}.txt`), '0 0.5 0.5 0.5 0.5\n');
    }
    await writeText(join(source, 'classes.txt'), 'thing\n');
    const warnings = ({ report }: Cleaned): string[] =>
      report.dataset.filter(({ rule }) => rule === 'L11').map(({ reason }) => reason);
    const few = await cleanFolder(source);
    expect(found(few)).toEqual([['L11', 'warn', 'no annotation; used as background']]);
    expect(few.dataset.splits.train).toHaveLength(10);
    expect(boxesOf(few, '0')).toEqual([]);
    expect(warnings(few)).toEqual([]);

    await rm(join(source, '1.txt'));
    // Of the eleven images, one is the sound one to evaluate on.
    expect(warnings(await cleanFolder(source))).toEqual([
      "2 of 11 images have no label file and are used as background, as is YOLO's custom; if they show objects that are " +
        'not labelled yet, set data.unlabelled: exclude',
    ]);
    const excluded = await cleanFolder(source, { unlabelled: 'exclude' });
    expect(excluded.dataset.splits.train).toHaveLength(8);
    expect(warnings(excluded)).toEqual([]);
  });

  it('L11 takes a label file without objects as background', async () => {
    const cleaned = await cleanOne({ boxes: [] });
    expect(cleaned.ledger).toEqual([]);
    expect(boxesOf(cleaned, 'odd')).toEqual([]);
  });

  it('L11 leaves an image out when none of its boxes is usable: it is no background', async () => {
    const cleaned = await cleanOne({ boxes: [[10, 10, 10, 40], [30, 10, 20, 40]] }); // prettier-ignore
    expect(found(cleaned).at(-1)).toEqual([
      'L11',
      'drop-sample',
      'none of its 2 boxes is usable; data.unlabelled: background would keep it',
    ]);
  });
});
