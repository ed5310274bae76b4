import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { plotCurves, renderPlot } from '../../src/evaluation/curve-plot.js';

describe('a plot', () => {
  it('draws a line a curve, within the frame, and names it', async () => {
    const svg = plotCurves(
      [
        {
          name: 'cat & dog',
          points: [
            [0, 1],
            [1, 0],
          ],
        },
      ],
      {
        title: 'title',
        xName: 'recall',
        yName: 'precision',
      },
    );
    expect(svg).toContain('points="56.0,40.0 456.0,440.0"');
    expect(svg).toContain('cat &amp; dog');
    expect((await sharp(await renderPlot(svg)).metadata()).width).toBeGreaterThan(600);
  });
});
