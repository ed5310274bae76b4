import { AppError, type Catalogue, messageOf } from './app-error.js';

export const exportErrors = {
  modelUnreadable: (file: string, cause: unknown) =>
    new AppError('MODEL_UNREADABLE', `${file}: ${messageOf(cause)}`, {
      cause,
      hint: 'name the folder that holds model.json and saved_model.pb',
      facts: { file },
    }),
  onnxNetworkMissing: (folder: string) =>
    new AppError('ONNX_NETWORK_MISSING', `${folder}: has no network.onnx`, {
      hint: 'export the model again, or set DETDISTILL_ENGINE to auto',
      facts: { folder },
    }),
  onnxUnsupported: (operation: string, use: string) =>
    new AppError('ONNX_UNSUPPORTED', `${operation} ${use} cannot be said in ONNX`, {
      hint: 'add it to src/export/onnx/operations.ts',
      facts: { operation },
    }),
  onnxSoftSuppression: () =>
    new AppError('ONNX_SOFT_SUPPRESSION', 'nms_configs.method gaussian: ONNX has no operator for it', {
      hint: 'export the model as saved-model, or its network alone as onnx-network',
    }),
} satisfies Catalogue;
