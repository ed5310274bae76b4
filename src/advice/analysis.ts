import type { Language, ModelAnalysis, Operator, PieChart } from '../formats/model-analysis.js';
import type { Report } from '../formats/report.js';
import type { Suggestion } from '../formats/suggestions.js';
import type { Evidence } from './rule.js';

interface AnalysisInput extends Evidence {
  readonly suggestions: readonly Suggestion[];
  /** Chooses the text of the language at hand. */
  readonly say: (english: string, chinese: string) => string;
}

type DescribeOperator = (input: AnalysisInput) => Operator;

/** The evaluation and the advice in the form that ModelArts' console shows, in Chinese and in English. */
export function analysisOf(evidence: Evidence, suggestions: readonly Suggestion[]): ModelAnalysis {
  const inLanguage = (language: Language): Record<string, Operator> => {
    const say = (english: string, chinese: string): string => (language === 'zh-cn' ? chinese : english);
    const entries = Object.entries(OPERATORS);
    return Object.fromEntries(
      entries.map(([name, describe]) => [name, describe({ ...evidence, suggestions, say })]),
    );
  };
  return { 'zh-cn': inLanguage('zh-cn'), 'en-us': inLanguage('en-us') };
}

const OPERATORS: Readonly<Record<string, DescribeOperator>> = {
  summary: ({ report: { metrics }, say }) => ({
    title: say('Summary', '模型评估摘要'),
    description: say(
      'COCO metrics on the evaluation split; -1 means undefined.',
      '评估集上的 COCO 指标；-1 表示未定义。',
    ),
    value: { mAP: metrics.AP50, ...metrics },
  }),

  test_split: ({ report: { test }, history, say }) => ({
    title: say('Test split', '测试集'),
    description: test
      ? say(
          'COCO metrics on the test split, not used to choose the checkpoint.',
          '测试集上的 COCO 指标；测试集未用于选择模型。',
        )
      : history.evaluations.length > 1
        ? say(
            'There is no test split: the metrics in the summary are optimistic, as the same evaluation split chose the checkpoint.',
            '没有测试集：摘要中的指标偏乐观，因为模型是在同一评估集上选出的。',
          )
        : say('There is no test split.', '没有测试集。'),
    ...(test && { value: { mAP: test.metrics.AP50, ...test.metrics } }),
  }),

  checkpoints: ({ history: { evaluations }, say }) => {
    const [best, last] = [bestOf(evaluations), evaluations.at(-1)];
    const title = say('Best and last checkpoint', '最优与最后检查点');
    if (!best || !last) return { title, description: say('Not trained here.', '模型不是在此训练的。') };
    const gap = round(best.metrics.AP - last.metrics.AP);
    return {
      title,
      description:
        best.step === last.step
          ? say('The last step is the best one, and is exported.', '最后一步即为最优，已导出。')
          : say(
              `The best of ${evaluations.length} evaluations is exported; its AP is ${gap} above that of the last step.`,
              `导出 ${evaluations.length} 次评估中的最优者；其 AP 比最后一步高 ${gap}。`,
            ),
      table: {
        checkpoints: {
          top_left_cell: say('checkpoint', '检查点'),
          row_labels: [say('best', '最优'), say('last', '最后')],
          col_labels: [say('step', '步数'), 'AP', 'AP50', 'AP75'],
          cell_value: [best, last].map(({ step, metrics: { AP, AP50, AP75 } }) => [
            step,
            ...[AP, AP50, AP75].map(defined),
          ]),
        },
      },
    };
  },

  advice: ({ suggestions, say }) => ({
    title: say('Findings and advice', '现象与建议'),
    description: say('Sorted by expected gain.', '按预期收益排序。'),
    table: {
      advice: {
        top_left_cell: say('rule', '规则'),
        row_labels: suggestions.map(({ id }) => id),
        col_labels: [
          say('finding', '现象'),
          say('value', '数值'),
          say('threshold', '阈值'),
          say('advice', '建议'),
        ],
        cell_value: suggestions.map(({ evidence, advice }) => [
          evidence.metric,
          round(evidence.value),
          round(evidence.threshold),
          say(advice.en, advice.zh),
        ]),
      },
    },
  }),

  accuracy_per_class: ({ report: { perClass }, say }) => ({
    title: say('Accuracy per class', '各类别精度'),
    description: say(
      'Detected: boxes that are detected at the best score threshold.',
      '检出数为最优阈值下的正确检出框数。',
    ),
    table: {
      accuracy_per_class: {
        top_left_cell: say('class', '类别'),
        row_labels: perClass.map(({ name }) => name),
        col_labels: ['AP', 'AP50', 'AP75', say('boxes', '框数'), say('detected', '检出数')],
        cell_value: perClass.map(({ AP, AP50, AP75, boxes, correct }) => [
          ...[AP, AP50, AP75].map(defined),
          boxes,
          correct,
        ]),
      },
    },
  }),

  pr_curve: ({ report, say }) => ({
    title: say('Precision-recall curve', 'P-R 曲线'),
    description: say('Each class at IoU 0.5.', '各类别，IoU 0.5。'),
    line_chart: {
      pr_curve: {
        x_axis_name: say('recall', '召回率'),
        y_axis_name: say('precision', '精确率'),
        x_axis_range: [0, 1],
        y_axis_range: [0, 1],
        curve: precisionCurves(report),
      },
    },
  }),

  nms_threshold: ({ report: { suppression }, say }) => ({
    title: say('AP by IoU threshold of non-maximum suppression', 'AP 与 NMS 的 IoU 阈值'),
    description: suppression
      ? say(
          `Best IoU threshold: ${suppression.best}; deployed: ${suppression.deployed}.`,
          `最优 IoU 阈值 ${suppression.best}，当前 ${suppression.deployed}。`,
        )
      : say('Not measured.', '未评测。'),
    ...(suppression && {
      value: {
        best_threshold: suppression.best,
        deployed_threshold: suppression.deployed,
        gain: round(suppression.gainAP),
      },
      line_chart: {
        nms_threshold: {
          x_axis_name: say('IoU threshold', 'IoU 阈值'),
          y_axis_name: 'AP',
          x_axis_range: [0, 1] as const,
          y_axis_range: [0, 1] as const,
          curve: {
            AP: suppression.curve.map(({ iou, AP }) => [iou, round(AP)] as const),
            AP50: suppression.curve.map(({ iou, AP50 }) => [iou, round(AP50)] as const),
          },
        },
      },
    }),
  }),

  f1_score: ({ report: { operatingCurve, errors }, say }) => ({
    title: say('F1 by score threshold', 'F1 与置信度阈值'),
    description: say(
      `Best score threshold: ${errors.best.threshold.toFixed(3)}, F1 ${errors.best.f1.toFixed(3)}.`,
      `最优：置信度阈值 ${errors.best.threshold.toFixed(3)}，F1 ${errors.best.f1.toFixed(3)}。`,
    ),
    value: {
      best_threshold: errors.best.threshold,
      f1: errors.best.f1,
      precision: errors.best.precision,
      recall: errors.best.recall,
    },
    line_chart: {
      f1_score: {
        x_axis_name: say('score threshold', '置信度阈值'),
        y_axis_name: 'F1',
        x_axis_range: [0, 1],
        y_axis_range: [0, 1],
        curve: { F1: operatingCurve.map(({ threshold, f1 }) => [threshold, round(f1)] as const) },
      },
    },
  }),

  false_detection: ({ report: { errors }, say }) => ({
    title: say('False detections', '误检分析'),
    description: say(
      'Detections at the best score threshold. Duplicates count as localization errors; detections with wrong class and location count as classification errors.',
      '最优阈值下的检出框。重复检出计入位置误检，类别与位置均错误计入类别误检。',
    ),
    pie_chart: {
      false_detection: pie(say, {
        correct: errors.correct,
        cls: errors.counts.cls + errors.counts.both,
        bkg: errors.counts.bkg,
        loc: errors.counts.loc + errors.counts.dup,
      }),
    },
  }),

  missed_detection: ({ report: { errors }, say }) => ({
    title: say('Missed objects', '漏检分析'),
    description: say('Ground-truth boxes at the best score threshold.', '最优阈值下的标注框。'),
    pie_chart: { missed_detection: pie(say, { correct: errors.correct, ...errors.lost }) },
  }),

  error_kinds: ({ report: { errors }, say }) => ({
    title: say('Error types', '错误类型'),
    description: say(
      'ΔAP50: the gain of AP50 if all errors of the type were fixed.',
      'ΔAP50：修复该类全部错误后 AP50 的提升。',
    ),
    table: {
      error_kinds: {
        top_left_cell: say('type', '类型'),
        row_labels: ERROR_TYPE_NAMES.map(({ en, zh }) => say(en, zh)),
        col_labels: [say('count', '数量'), say('share', '占比'), 'ΔAP50'],
        cell_value: ERROR_TYPE_NAMES.map(({ type }) => [
          errors.counts[type],
          round(errors.shares[type]),
          round(errors.deltaAP50[type]),
        ]),
      },
    },
  }),

  sensitivity_area: ({ report: { sizeRecall }, say }) => ({
    title: say('Sensitivity to object size', '目标框面积占比敏感度'),
    description: say(
      'Recall of the boxes in five groups of equal count, from the smallest to the largest share of the image.',
      '按框面积占比由小到大均分五组的召回率。',
    ),
    table: {
      sensitivity_area: {
        top_left_cell: say('share of the area', '面积占比'),
        row_labels: [
          ...sizeRecall.map((_, i) => `${i * 20}%-${(i + 1) * 20}%`),
          say('standard deviation', '标准差'),
        ],
        col_labels: [say('all classes', '全部类别')],
        cell_value: [...sizeRecall.map(({ recall }) => recall), spread(sizeRecall)].map(value => [
          value === null ? null : round(value),
        ]),
      },
    },
  }),
};

/** Of equals the later one, as training keeps it. */
const bestOf = (
  evaluations: Evidence['history']['evaluations'],
): Evidence['history']['evaluations'][number] | null =>
  evaluations.reduce<Evidence['history']['evaluations'][number] | null>(
    (best, one) => (best && one.metrics.AP < best.metrics.AP ? best : one),
    null,
  );

const ERROR_TYPE_NAMES = [
  { type: 'cls', en: 'classification', zh: '类别' },
  { type: 'loc', en: 'localization', zh: '位置' },
  { type: 'both', en: 'classification and localization', zh: '类别与位置' },
  { type: 'dup', en: 'duplicate', zh: '重复' },
  { type: 'bkg', en: 'background', zh: '背景' },
  { type: 'miss', en: 'missed', zh: '漏检' },
] as const;

const round = (value: number): number => Math.round(value * 1e4) / 1e4;
const defined = (value: number): number | null => (value < 0 ? null : round(value));

function pie(
  say: AnalysisInput['say'],
  { correct, cls, bkg, loc }: Readonly<Record<'correct' | 'cls' | 'bkg' | 'loc', number>>,
): PieChart {
  return {
    label: [
      say('correct', '正确'),
      say('classification error', '类别错误'),
      say('background error', '背景错误'),
      say('localization error', '位置错误'),
    ],
    value: [correct, cls, bkg, loc],
  };
}

function precisionCurves({ perClass, curves }: Report): Record<string, (readonly [number, number])[]> {
  const named = curves
    .filter(({ iou }) => iou === 0.5)
    .map(({ categoryId, precision }) => [
      perClass.find(row => row.categoryId === categoryId)?.name ?? String(categoryId),
      precision.map((value, i) => [i / 100, round(value)] as const),
    ]);
  return Object.fromEntries(named) as Record<string, (readonly [number, number])[]>; // as built just above
}

/** The population standard deviation of the bins that are not empty: the one that ModelArts' published tables use. */
export function spread(bins: readonly Pick<Report['sizeRecall'][number], 'recall'>[]): number | null {
  const values = bins.flatMap(({ recall }) => (recall === null ? [] : [recall]));
  if (values.length === 0) return null;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}
