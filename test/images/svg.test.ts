import { expect, it } from 'vitest';
import { element, svgDocument, text } from '../../src/images/svg.js';

it('writes names as text, never as markup', () => {
  const drawn = text('a <b> & "c"', { x: 1, y: 2, size: 12, fill: '#000' });
  expect(drawn).toContain('>a &lt;b&gt; &amp; &quot;c&quot;</text>');
  expect(element('rect', { id: '"/><script>' })).toBe('<rect id="&quot;/&gt;&lt;script&gt;"/>');
});

it('gives a document its size', () => {
  expect(svgDocument({ width: 3, height: 4 }, [element('path', { d: 'M0 0' })])).toMatch(
    /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" width="3" height="4" viewBox="0 0 3 4"[^>]*><path d="M0 0"\/><\/svg>$/,
  );
});
