import { z } from 'zod';

/** pycocotools' twelve numbers; -1 where undefined. */
export const CocoMetrics = z.strictObject({
  AP: z.number(),
  AP50: z.number(),
  AP75: z.number(),
  APs: z.number(),
  APm: z.number(),
  APl: z.number(),
  AR1: z.number(),
  AR10: z.number(),
  AR100: z.number(),
  ARs: z.number(),
  ARm: z.number(),
  ARl: z.number(),
});
export type CocoMetrics = Readonly<z.infer<typeof CocoMetrics>>;
