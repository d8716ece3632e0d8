import { criteria } from '../core/criteria.js';

/** Written into every store; a store of another version is refused with a remedy. */
export const schemaVersion = 3;

/** The tables. `idx` is the position in the pool. */
export const schema = `
CREATE TABLE IF NOT EXISTS meta (key VARCHAR PRIMARY KEY, value VARCHAR);
CREATE TABLE IF NOT EXISTS samples (
  idx INTEGER, id VARCHAR, path VARCHAR, slice VARCHAR, label VARCHAR, mask VARCHAR, boxes VARCHAR, patient VARCHAR, split VARCHAR
);
CREATE TABLE IF NOT EXISTS scores (
  idx INTEGER, predicted INTEGER, confidence DOUBLE, logits FLOAT[],
  ${criteria.map((name) => `${name} DOUBLE`).join(', ')}, flat BOOLEAN, roi VARCHAR
);
CREATE TABLE IF NOT EXISTS attention (idx INTEGER, dice DOUBLE, hit DOUBLE, energy DOUBLE, roi_share DOUBLE, flat BOOLEAN);
CREATE TABLE IF NOT EXISTS quarantine (idx INTEGER, stage VARCHAR, code VARCHAR, message VARCHAR);
CREATE TABLE IF NOT EXISTS chunks (chunk INTEGER);
CREATE TABLE IF NOT EXISTS ranking (rank INTEGER, idx INTEGER, score DOUBLE);
CREATE OR REPLACE MACRO class_name(k) AS
  coalesce(json_extract_string((SELECT value FROM meta WHERE key = 'labels'), '$[' || k || ']'), k::VARCHAR);
`;

/** The radiomics of a run, a column a feature; a run without any has no such table. */
export const featureTable = (names: readonly string[]) => `
DROP TABLE IF EXISTS features;
${names.length ? `CREATE TABLE features (idx INTEGER, ${names.map((name) => `"${name}" DOUBLE`).join(', ')});` : ''}
`;

/** `ranked` is the table people export: the whole ranking with the sample, every criterion and every feature. */
export const rankedView = (features: readonly string[]) => `
CREATE OR REPLACE VIEW ranked AS
  SELECT rank, id, path, score, class_name(predicted) AS predicted, confidence,
         ${criteria.join(', ')}, ${features.map((name) => `"${name}", `).join('')}roi, flat AS flat_map
  FROM ranking JOIN scores USING (idx) JOIN samples USING (idx) ${features.length ? 'JOIN features USING (idx)' : ''};
`;
