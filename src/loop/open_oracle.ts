import type { Sample } from '../data/types.js';
import type { OracleConfig } from './config/types.js';
import { FileOracle } from './file_oracle.js';
import type { Oracle } from './oracle.js';
import { SimulatedOracle } from './simulated_oracle.js';
import { TerminalOracle } from './terminal_oracle.js';

export interface OracleSources {
  classes: readonly string[];
  /** Everything that may be asked for, with what the manifest knows: a simulated oracle's truth. */
  samples: readonly Sample[];
  onNotice?: (message: string) => void;
}

/** The oracle of a configuration, for samples of one class each. @throws SightlineError E_ARGUMENT */
export function openOracle(config: OracleConfig, { classes, samples, onNotice }: OracleSources): Oracle {
  switch (config.kind) {
    case 'simulated': {
      const { noise, cost, seed } = config;
      return new SimulatedOracle({ classes, samples, noise, cost, seed, onNotice });
    }
    case 'terminal':
      return new TerminalOracle({ classes });
    case 'files':
      return new FileOracle({ classes, wait: config.wait, onNotice });
  }
}
