import { wadors } from '@cornerstonejs/dicom-image-loader';
import { withSoundMetadata } from '../../lib/soundMetadata';
import type { Case, CaseFrame, DicomJson } from '../../api/types';

/** Cornerstone's names of a case's frames, in stack order. */
export function imageIdsOf(reading: Case): string[] {
  return reading.image.frames.map((frame) => imageIdOf(frame));
}

export function imageIdOf(frame: CaseFrame, base: string = document.baseURI): string {
  return `wadors:${new URL(frame.url, base).href}`;
}

/** Hands the case's DICOM JSON to the loader. Throws when a frame's Instance is missing from it. */
export function registerMetadata(reading: Case): void {
  for (const frame of reading.image.frames) {
    const metadata = withSoundMetadata(metadataOf(reading, frame));
    const imageId = imageIdOf(frame);
    wadors.metaDataManager.add(imageId, metadata as never);
    // The loader finds a multi-frame Instance's metadata under its first frame.
    const firstId = imageId.replace(/\/frames\/\d+/, '/frames/1');
    if (firstId !== imageId) wadors.metaDataManager.add(firstId, metadata as never);
  }
}

export function forgetMetadata(imageId: string): void {
  wadors.metaDataManager.remove(imageId);
  wadors.metaDataManager.remove(imageId.replace(/\/frames\/\d+/, '/frames/1'));
}

/** Bytes of one decoded frame, as the metadata have it: two for a grey value, four for a colour. */
export function decodedBytes(reading: Case): number {
  const { columns, rows } = matrixOf(reading);
  return rows * columns * (isColour(reading) ? 4 : 2);
}

/** Of the first frame, and so of all. */
export function matrixOf(reading: Case): { columns: number; rows: number } {
  const [first] = reading.image.frames;
  const metadata = first ? metadataOf(reading, first) : {};
  const [rows = 1, columns = 1] = ['00280010', '00280011'].map((tag) => Number(metadata[tag]?.Value?.[0] ?? 1));
  return { columns, rows };
}

export function isColour(reading: Case): boolean {
  const first = reading.image.frames[0];
  if (!first) return false;
  const photometric = metadataOf(reading, first)['00280004']?.Value?.[0];
  return typeof photometric === 'string' && !photometric.startsWith('MONOCHROME');
}

export function metadataOf(reading: Case, frame: CaseFrame): DicomJson {
  const metadata = reading.instances[frame.sop_instance_uid];
  if (!metadata) throw new Error('The case came without the description of one of its images.');
  return metadata;
}
