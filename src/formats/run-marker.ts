import { z } from 'zod';

/** The file that marks a folder or bucket as the output of a run, and names the entries that the run put there. */
export const MARKER = 'run.json';
const Marker = z.object({
  run: z.string(),
  /** When the output was complete, in ISO 8601; null: it is not yet. */
  published: z.string().nullable(),
  entries: z.array(z.string()),
});
type Marker = z.infer<typeof Marker>;

export const readMarker = (text: string): Marker => Marker.parse(JSON.parse(text));

export function markerText(run: string, entries: readonly string[], { isWhole = true } = {}): string {
  const marker: Marker = { run, published: isWhole ? new Date().toISOString() : null, entries: [...entries] };
  return `${JSON.stringify(marker, null, 2)}\n`;
}
