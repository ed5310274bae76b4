import {
  type CleaningFindings,
  type CleaningReport,
  type LedgerEntry,
  shownSplits,
} from '../../formats/cleaning-report.js';
import type { Split } from '../../formats/dataset.js';
import { escapeXml } from '../../images/svg.js';
import { plotHistograms, SPLIT_COLOURS } from './histogram-plot.js';
import { BOX_LEGEND, renderGallery, SHOWN_IMAGES } from './report-gallery.js';

const SHOWN_CLASSES = 40;

/** The findings as one HTML page that needs no other file. */
export async function renderReportPage({ report, ledger }: CleaningFindings): Promise<string> {
  const galleries: string[] = [];
  for (const { id, title } of report.rules) {
    const entries = ledger.filter(({ rule }) => rule === id);
    if (entries.length > 0) galleries.push(await renderGallery({ id, title, entries }));
  }
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Cleaning report</title>
<style>${STYLE}</style></head><body>
<h1>Cleaning report</h1>
<p>${escapeXml(report.format)} data set; ${report.dropped} dropped, ${report.changed} changed. The originals are unchanged.</p>
${summary(report)}
${datasetFindings(report)}
${rulesTable(report, ledger)}
${reviewTable(report)}
${distributions(report)}
${galleries.length > 0 ? `<h2>Findings by rule</h2><p class="legend">${legend()}</p>` : ''}
${galleries.join('\n')}
</body></html>
`;
}

const STYLE = `body{font:15px/1.45 system-ui,sans-serif;color:#1d2330;max-width:1100px;margin:32px auto;padding:0 20px}
h1{font-size:26px;margin:0 0 4px}h2{font-size:20px;margin:36px 0 10px;border-bottom:1px solid #dde1e7;padding-bottom:4px}
h3{font-size:16px;margin:26px 0 8px}table{border-collapse:collapse}td,th{padding:4px 14px 4px 0;text-align:left;border-bottom:1px solid #eceff3;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}.muted{color:#6b7484}.plots{display:flex;flex-wrap:wrap;gap:12px}
.plots svg,.images figure{background:#fff;border:1px solid #e3e7ed;border-radius:6px}.warn li{margin:3px 0}
.images{display:flex;flex-wrap:wrap;gap:12px}.images figure{margin:0;padding:8px;width:240px}
.images img{display:block;max-width:100%;margin:0 auto}.images figcaption{font-size:12px;overflow-wrap:anywhere;margin-top:6px}
.none{height:110px;display:grid;place-items:center;background:#f4f6f8;color:#6b7484}.bar{height:10px;border-radius:2px;display:inline-block}
.legend span{margin-right:18px}.mark{display:inline-block;width:10px;height:10px;border:2.5px solid;margin-right:6px;vertical-align:-1px}
code{background:#f1f3f6;padding:1px 4px;border-radius:3px}`;

const mark = (name: string, colour: string): string =>
  `<span><i class="mark" style="border-color:${colour}"></i>${escapeXml(name)}</span>`;
const legend = (): string =>
  Object.entries(BOX_LEGEND)
    .map(([name, colour]) => mark(name, colour))
    .join('');

const row = (cells: readonly string[], { header = false } = {}): string =>
  `<tr>${cells.map((cell, i) => (header ? `<th${numeric(i)}>${cell}</th>` : `<td${numeric(i)}>${cell}</td>`)).join('')}</tr>`;
/** In every table of this page, the first column holds names and the others hold numbers. */
const numeric = (column: number): string => (column > 0 ? ' class="n"' : '');

function summary(report: CleaningReport): string {
  const rows = shownSplits(report).map(split => {
    const { images, boxes } = report.splits[split];
    return row([split, String(images), String(boxes)]);
  });
  return `<table>${row(['split', 'images', 'boxes'], { header: true })}${rows.join('')}</table>`;
}

function datasetFindings({ dataset, suggestedLabelMap }: CleaningReport): string {
  const map = Object.entries(suggestedLabelMap).map(([from, to]) => `${from}: ${to}`);
  const lines = [
    ...dataset.map(({ rule, reason }) => `<li><b>${rule}</b> ${escapeXml(reason)}</li>`),
    ...(map.length > 0
      ? [
          `<li><b>L09</b> labels that may be typos: <code>label_map: { ${escapeXml(map.join(', '))} }</code></li>`,
        ]
      : []),
  ];
  return lines.length === 0 ? '' : `<h2>The data set as a whole</h2><ul class="warn">${lines.join('')}</ul>`;
}

function rulesTable({ rules }: CleaningReport, ledger: readonly LedgerEntry[]): string {
  const header = row(['rule', 'images dropped', 'boxes dropped', 'changed', 'warnings'], { header: true });
  const rows = rules.map(({ id, title, found }) => {
    const counts = (['drop-sample', 'drop-box', 'change'] as const).map(
      action => ledger.filter(entry => entry.rule === id && entry.action === action).length,
    );
    // Findings about the data set as a whole are warnings, too, but not in the ledger.
    const warnings = found - counts.reduce((sum, count) => sum + count, 0);
    const cells = [...counts, warnings].map(count => (count > 0 ? String(count) : '·'));
    const name = `<b>${id}</b> ${escapeXml(title)}`;
    return row([found > 0 ? name : `<span class="muted">${name}</span>`, ...cells]);
  });
  return `<h2>Rules</h2><table>${header}${rows.join('')}</table>`;
}

function reviewTable({ review }: CleaningReport): string {
  if (!review || review.length === 0) return '';
  const rows = review
    .slice(0, SHOWN_IMAGES)
    .map(({ file, score, findings }) => row([escapeXml(file), score.toFixed(3), String(findings)]));
  return `<h2>Review queue, the worst first</h2><p>A trained model doubts these labels (M01). A score of 0 means certainly wrong, 1 means correct.</p>
<table>${row(['image', 'score', 'doubts'], { header: true })}${rows.join('')}</table>`;
}

function distributions(report: CleaningReport): string {
  const { splits, classes } = report;
  const shown = shownSplits(report);
  const plots = (
    [
      ['boxesPerImage', 'Boxes per image', 'boxes'],
      ['boxSides', 'Box sizes', 'square root of the area, px'],
      ['imageSides', 'Image sizes', 'longer side, px'],
    ] as const
  ).map(([key, title, xName]) =>
    plotHistograms(
      shown.map(split => [split, splits[split][key]] as const),
      { title, xName },
    ),
  );
  const boxesOf = (split: Split, name: string): number => splits[split].boxesPerClass[name] ?? 0;
  const highest = Math.max(1, ...classes.map(name => boxesOf('train', name)));
  const bars = classes
    .toSorted((a, b) => boxesOf('train', b) - boxesOf('train', a))
    .slice(0, SHOWN_CLASSES)
    .map(name => {
      const counts = shown.map(split => `<td class="n">${boxesOf(split, name)}</td>`);
      const lines = shown.map(split => {
        const width = Math.round((300 * boxesOf(split, name)) / highest);
        return `<i class="bar" style="width:${width}px;background:${SPLIT_COLOURS[split]}"></i>`;
      });
      return `<tr><td>${escapeXml(name)}</td>${counts.join('')}<td>${lines.join('<br>')}</td></tr>`;
    });
  const more = classes.length > SHOWN_CLASSES ? `<p>… and ${classes.length - SHOWN_CLASSES} more</p>` : '';
  const marks = shown.map(split => mark(split, SPLIT_COLOURS[split]));
  const heads = shown.map(split => `<th class="n">${split}</th>`);
  return `<h2>The cleaned data set</h2><p class="legend">${marks.join('')}</p>
<div class="plots">${plots.join('')}</div>
<h3>Boxes per class</h3><table><tr><th>class</th>${heads.join('')}<th></th></tr>${bars.join('')}</table>${more}`;
}
