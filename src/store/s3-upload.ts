import type { Client } from 'minio';
import { type FileHandle, open } from 'node:fs/promises';

/** A file below this size travels in one request. */
const PART_BYTES = 16 * 2 ** 20;
/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
const MAX_PARTS = 10_000;

interface Upload {
  readonly bucket: string;
  readonly name: string;
  readonly path: string;
}

/**
 * Uploads a file, one part in memory at a time. The client's own putObject takes up any unfinished upload of the same
 * name, another process's too, and never ends when the file cannot be read.
 */
export async function uploadFile(client: Client, upload: Upload): Promise<void> {
  const file = await open(upload.path);
  try {
    const { size } = await file.stat();
    if (size > PART_BYTES) return await uploadParts(client, upload, { file, size });
    const bytes = await readAt(file, 0, size);
    await client.putObject(upload.bucket, upload.name, bytes, bytes.length);
  } finally {
    await file.close();
  }
}

async function uploadParts(
  client: Client,
  { bucket, name }: Upload,
  { file, size }: { file: FileHandle; size: number },
): Promise<void> {
  const partBytes = Math.max(PART_BYTES, Math.ceil(size / MAX_PARTS));
  const id = await client.initiateNewMultipartUpload(bucket, name, {});
  try {
    const parts: { part: number; etag: string }[] = [];
    for (let offset = 0; offset < size; offset += partBytes) {
      const bytes = await readAt(file, offset, Math.min(partBytes, size - offset));
      const where = { bucketName: bucket, objectName: name, uploadID: id, partNumber: parts.length + 1 };
      const { etag } = await client.uploadPart({ ...where, headers: {} }, bytes);
      parts.push({ part: where.partNumber, etag });
    }
    await client.completeMultipartUpload(bucket, name, id, parts);
  } catch (error) {
    // Parts that are left are swept later; the first error is the one to report.
    await client.abortMultipartUpload(bucket, name, id).catch(() => undefined);
    throw error;
  }
}

async function readAt(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}
