import { AppError, type Catalogue, messageOf } from './app-error.js';

export const exportErrors = {
  modelUnreadable: (file: string, cause: unknown) =>
    new AppError('MODEL_UNREADABLE', `${file}: ${messageOf(cause)}`, {
      cause,
      hint: 'the model folder must contain model.json and saved_model.pb',
      facts: { file },
    }),
  onnxNetworkMissing: (folder: string) =>
    new AppError('ONNX_NETWORK_MISSING', `${folder}: network.onnx not found`, {
      hint: 'export the model again, or set DETDISTILL_ENGINE to auto',
      facts: { folder },
    }),
  onnxUnsupported: (operation: string, use: string) =>
    new AppError('ONNX_UNSUPPORTED', `${operation} ${use} cannot be expressed in ONNX`, {
      hint: 'add it to src/export/onnx/operations.ts',
      facts: { operation },
    }),
  onnxSoftSuppression: () =>
    new AppError('ONNX_SOFT_SUPPRESSION', 'nms_configs.method gaussian: no ONNX operator implements it', {
      hint: 'export the model as saved-model, or only its network as onnx-network',
    }),
} satisfies Catalogue;
