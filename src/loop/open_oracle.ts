import type { Sample } from '../data/types.js';
import { FileOracle } from './file_oracle.js';
import type { Oracle } from './oracle.js';
import type { OracleConfig } from './run_config.js';
import { SimulatedOracle } from './simulated_oracle.js';
import { TerminalOracle } from './terminal_oracle.js';

export interface OracleSettings {
  classes: readonly string[];
  /** All that can be asked about. */
  samples: readonly Sample[];
  onNotice: (message: string) => void;
}

/** The oracle that a configuration names. */
export function openOracle(config: OracleConfig, settings: OracleSettings): Oracle {
  switch (config.kind) {
    case 'simulated':
      return new SimulatedOracle({ ...settings, noise: config.noise, cost: config.cost, seed: config.seed });
    case 'terminal':
      return new TerminalOracle(settings);
    case 'files':
      return new FileOracle({ ...settings, wait: config.wait });
  }
}
