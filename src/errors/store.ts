import { AppError, type Catalogue, messageOf } from './app-error.js';

export const storeErrors = {
  storeUnconfigured: (url: string) =>
    new AppError('STORE_UNCONFIGURED', `${url}: no address or keys for it`, {
      hint: 'set S3_ENDPOINT, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
      facts: { url },
    }),
  storeUrlInvalid: (url: string) =>
    new AppError('STORE_URL_INVALID', `${url}: no store; allowed: file:///FOLDER or s3://BUCKET/PREFIX`, {
      facts: { url },
    }),
  storeFailed: (url: string, cause: unknown) =>
    new AppError('STORE_FAILED', `${url}: ${messageOf(cause)}`, { retryable: true, cause, facts: { url } }),
  storeRefused: (url: string, cause: unknown) =>
    new AppError('STORE_REFUSED', `${url}: refused: ${messageOf(cause)}`, {
      hint: 'check the keys and what they may do, or the owner of the folder',
      cause,
      facts: { url },
    }),
  storeEndpointInvalid: (endpoint: string) =>
    new AppError(
      'STORE_ENDPOINT_INVALID',
      `S3_ENDPOINT=${endpoint}: no address; allowed: http://HOST:PORT or https://HOST`,
      { facts: { endpoint } },
    ),
  storeKeyInvalid: (key: string) =>
    new AppError(
      'STORE_KEY_INVALID',
      `"${key}" is no key; allowed: names of letters, digits, "_", "-", joined by "/", 500 characters in all`,
      { facts: { key } },
    ),
  storeSourceUnreadable: (folder: string, cause: unknown) =>
    new AppError('STORE_SOURCE_UNREADABLE', `${folder}: ${messageOf(cause)}`, { cause, facts: { folder } }),
  storeSourceUnusable: (path: string, what: string) =>
    new AppError('STORE_SOURCE_UNUSABLE', `${path}: ${what}; an artifact is made of files`, {
      facts: { path },
    }),
  storeSourceChanged: (path: string) =>
    new AppError('STORE_SOURCE_CHANGED', `${path}: was written to while it was being stored`, {
      retryable: true,
      facts: { path },
    }),
  artifactElsewhere: (uri: string, url: string) =>
    new AppError('ARTIFACT_ELSEWHERE', `${uri}: not in the store ${url}`, {
      hint: 'every worker of a run needs the same DETDISTILL_STORE',
      facts: { uri, url },
    }),
  artifactMissing: (uri: string, hash: string) =>
    new AppError('ARTIFACT_MISSING', `${uri}: the artifact with hash ${hash} is not there any more`, {
      hint: 'start the run again: the stage that makes it is repeated',
      facts: { uri, hash },
    }),
  artifactDamaged: (facts: { file: string; expected: string; found: string }) =>
    new AppError('ARTIFACT_DAMAGED', `${facts.file}: hash ${facts.found}, expected ${facts.expected}`, {
      hint: 'remove the artifact: the stage that makes it is then repeated',
      facts,
    }),
} satisfies Catalogue;
