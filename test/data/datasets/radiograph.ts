import { imageItem, writeDicom } from '../dicom_writer.js';

/** A radiograph in DICOM, 8 bit, with a gradient; it holds a name and ids that must never come out. */
export function radiograph(width: number, height = width): Uint8Array {
  const pixels = Uint8Array.from({ length: width * height }, (_, i) => (i * 7) % 256);
  return writeDicom(imageItem(height, width, { '0020000d': ['UI', '1.2.3.4.6'], '7fe00010': ['OW', pixels] }));
}

/** What identifies the patient in such a file. */
export const secrets = /Secret|SECRET-ID|1\.2\.3\.4\./;
