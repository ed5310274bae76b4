import { z } from 'zod';

/** Says that a place is a run's, and which entries of it are. */
export const MARKER = 'run.json';
const Marker = z.object({
  run: z.string(),
  /** null: not all of it is there yet. */
  published: z.string().nullable(),
  entries: z.array(z.string()),
});
type Marker = z.infer<typeof Marker>;

export const readMarker = (text: string): Marker => Marker.parse(JSON.parse(text));

export function markerText(run: string, entries: readonly string[], { isWhole = true } = {}): string {
  const marker: Marker = { run, published: isWhole ? new Date().toISOString() : null, entries: [...entries] };
  return `${JSON.stringify(marker, null, 2)}\n`;
}
