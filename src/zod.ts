import { config, z } from 'zod';

/**
 * The only door to zod. A command checks each kind of thing a few times, and zod would compile every schema to
 * JavaScript on its first use: that takes longer than all the checks of a run. A journal of 100,000 events opens an
 * eighth of a second later for it.
 */
config({ jitless: true });

export { z };
