import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { renderReportPage } from './report-page.js';
import type { CleaningReport, LedgerEntry } from './report.js';

const LEDGER = 'ledger.jsonl';
const REPORT = 'report.json';
/** The same for people. */
export const REPORT_PAGE = 'report.html';

export interface Findings {
  readonly report: CleaningReport;
  readonly ledger: readonly LedgerEntry[];
}

export async function writeFindings(folder: string, { report, ledger }: Findings): Promise<void> {
  const lines = ledger.map(entry => `${JSON.stringify(entry)}\n`);
  await writeFile(join(folder, LEDGER), lines.join(''));
  await writeFile(join(folder, REPORT), `${JSON.stringify(report, null, 2)}\n`);
  await writeFile(join(folder, REPORT_PAGE), await renderReportPage(report, ledger));
}

/** What `writeFindings` wrote there. */
export async function readFindings(folder: string): Promise<Findings> {
  const lines = (await readFile(join(folder, LEDGER), 'utf8')).split('\n').filter(Boolean);
  return {
    report: JSON.parse(await readFile(join(folder, REPORT), 'utf8')) as CleaningReport,
    ledger: lines.map(line => JSON.parse(line) as LedgerEntry),
  };
}
