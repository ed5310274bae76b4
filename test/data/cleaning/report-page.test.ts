import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { REPORT_PAGE } from '../../../src/data/cleaning/report.js';
import { cleanItems } from './voc-set.js';

describe('the report page', () => {
  it('shows what each rule found with its box, needs no other file, and writes names as text', async () => {
    const name = 'odd <b>&"x"';
    const { outFolder } = await cleanItems({
      [name]: { boxes: [[30, 10, 20, 40], [-10, 20, 30, 60], [NaN, 1, 2, 3]] }, // prettier-ignore
      'cut.jpg': { image: Buffer.from('x') },
      cat: { boxes: [{ label: '<script>', box: [1, 1, 30, 30] }] },
    });
    const page = await readFile(join(outFolder, REPORT_PAGE), 'utf8');
    for (const rule of ['L03', 'L04', 'L05', 'I01']) expect(page).toContain(`<h3>${rule} · `);
    expect(page).not.toContain('<h3>L07');
    expect(page).toContain('odd &lt;b&gt;&amp;&quot;x&quot;.png');
    expect(page).not.toMatch(/<script|odd <b>/);
    expect(page).toContain('cannot be shown');
    expect(page).not.toMatch(/(src|href)="(?!data:)/);
    const [, encoded] = /<h3>L03[^]*?base64,([^"]+)"/.exec(page)!;
    const { data, info } = await sharp(Buffer.from(encoded!, 'base64'))
      .raw()
      .toBuffer({ resolveWithObject: true });
    const pixelAt = (x: number, y: number): number[] => [
      ...data.subarray((y * info.width + x) * 3).subarray(0, 3),
    ];
    // The image is 100 × 80 and blue; the lower edge of the box whose corners were in the wrong order is drawn red.
    const [red, green, blue] = pixelAt(Math.round(0.25 * info.width), Math.round((30 / 80) * info.height));
    expect(red!).toBeGreaterThan(1.5 * Math.max(green!, blue!));
    expect(pixelAt(5, info.height - 5)[2]).toBeGreaterThan(180);
  });

  it('is one when nothing was found', async () => {
    const { outFolder } = await cleanItems({});
    const page = await readFile(join(outFolder, REPORT_PAGE), 'utf8');
    expect(page).toContain('<h2>The cleaned data set</h2>');
    expect(page).not.toContain('<h2>Findings by rule</h2>');
  });
});
