export { colormap, colormapNames, type ColormapName } from './colormap.js';
export { renderContactSheet, type ContactSheetOptions, type ContactTile } from './contact_sheet.js';
export { renderOverlay, type OverlayInput, type OverlayOptions } from './overlay.js';
export type { Picture, Rectangle, SaliencyMap } from './picture.js';
