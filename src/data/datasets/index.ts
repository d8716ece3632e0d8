import { brats } from './brats.js';
import { coco } from './coco.js';
import type { Dataset } from './dataset.js';
import { glas } from './glas.js';
import { imageFolder } from './image_folder.js';
import { nihChestXray14 } from './nih_chestxray14.js';
import { pascalVoc } from './pascal_voc.js';

const all = [nihChestXray14, glas, brats, coco, pascalVoc, imageFolder] as unknown as readonly Dataset[];

/** The sets that can be imported, by name. */
export const datasets: ReadonlyMap<string, Dataset> = new Map(all.map((set) => [set.name, set]));
