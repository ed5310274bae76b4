/** 8 s · 3 min 20 s · 1 h 05 min */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const [minutes, hours] = [Math.floor(whole / 60), Math.floor(whole / 3600)];
  if (hours === 0) return `${minutes} min ${twoDigits(whole % 60)} s`;
  return `${hours} h ${twoDigits(minutes % 60)} min`;
}

/** 900 B · 4.2 MB · 274 MB */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const scaled = bytes / 1000 ** power;
  return `${scaled.toFixed(power > 0 && scaled < 10 ? 1 : 0)} ${units[power]}`;
}

/** COCO metrics have three digits; -1 stands for a metric without any objects. */
export const formatMetric = (metric: number): string => (metric < 0 ? '–' : metric.toFixed(3));

/** Four digits are enough to see whether a loss falls. */
export const formatLoss = (loss: number): string => loss.toPrecision(4).replace(/e\+?(-?\d+)$/, 'e$1');

export function formatBar(share: number, width: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * width);
  return '█'.repeat(filled) + '░'.repeat(width - filled);
}

/** In local time: 2026-03-01 14:05 */
export function formatTime(date: Date): string {
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16).replace('T', ' ');
}

const twoDigits = (value: number): string => String(value).padStart(2, '0');
