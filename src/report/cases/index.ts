export { attentionDrift, attentionDriftOf, type Drift, type DriftCase, type DriftCell } from './attention_drift.js';
export { CaseSource, type CaseOptions } from './case_source.js';
export { clusterMap, clusterMapOf, type ClusterMap, type MapPoint } from './cluster_map.js';
export { driftHtml } from './drift_html.js';
export { galleries, galleriesOf, type Case, type Gallery, type GalleryOptions } from './galleries.js';
export { galleryHtml } from './gallery_html.js';
export { casesStyle } from './style.js';
