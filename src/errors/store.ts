import { AppError, type Catalogue, messageOf } from './app-error.js';

export const storeErrors = {
  storeUnconfigured: (url: string) =>
    new AppError('STORE_UNCONFIGURED', `${url}: the S3 endpoint or keys are not configured`, {
      hint: 'set S3_ENDPOINT, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
      facts: { url },
    }),
  storeUrlInvalid: (url: string) =>
    new AppError(
      'STORE_URL_INVALID',
      `${url}: not a store URL; allowed: file:///FOLDER or s3://BUCKET/PREFIX`,
      {
        facts: { url },
      },
    ),
  storeFailed: (url: string, cause: unknown) =>
    new AppError('STORE_FAILED', `${url}: ${messageOf(cause)}`, { retryable: true, cause, facts: { url } }),
  storeRefused: (url: string, cause: unknown) =>
    new AppError('STORE_REFUSED', `${url}: access denied: ${messageOf(cause)}`, {
      hint: 'check the keys and their permissions, or the owner of the folder',
      cause,
      facts: { url },
    }),
  storeEndpointInvalid: (endpoint: string) =>
    new AppError(
      'STORE_ENDPOINT_INVALID',
      `S3_ENDPOINT=${endpoint}: not an endpoint; allowed: http://HOST:PORT or https://HOST`,
      { facts: { endpoint } },
    ),
  storeKeyInvalid: (key: string) =>
    new AppError(
      'STORE_KEY_INVALID',
      `"${key}" is not a valid key; allowed: names of letters, digits, "_" and "-", joined by "/", at most 500 characters`,
      { facts: { key } },
    ),
  storeSourceUnreadable: (folder: string, cause: unknown) =>
    new AppError('STORE_SOURCE_UNREADABLE', `${folder}: ${messageOf(cause)}`, { cause, facts: { folder } }),
  storeSourceUnusable: (path: string, what: string) =>
    new AppError('STORE_SOURCE_UNUSABLE', `${path}: ${what}; an artifact consists of files`, {
      facts: { path },
    }),
  storeSourceChanged: (path: string) =>
    new AppError('STORE_SOURCE_CHANGED', `${path}: changed while it was being stored`, {
      retryable: true,
      facts: { path },
    }),
  artifactElsewhere: (uri: string, url: string) =>
    new AppError('ARTIFACT_ELSEWHERE', `${uri}: not in the store ${url}`, {
      hint: 'all workers of a run must use the same DETDISTILL_STORE',
      facts: { uri, url },
    }),
  artifactMissing: (uri: string, hash: string) =>
    new AppError('ARTIFACT_MISSING', `${uri}: the artifact with hash ${hash} no longer exists`, {
      hint: 'start the run again: the stage that produces it is repeated',
      facts: { uri, hash },
    }),
  artifactDamaged: (facts: { file: string; expected: string; found: string }) =>
    new AppError('ARTIFACT_DAMAGED', `${facts.file}: hash ${facts.found}, expected ${facts.expected}`, {
      hint: 'delete the artifact: the stage that produces it is then repeated',
      facts,
    }),
} satisfies Catalogue;
