/** Apache Arrow as LanceDB loads it: a plain import would load its other build beside that one, as large and as slow to load. */
import { createRequire } from 'node:module';
import type * as Arrow from 'apache-arrow';

export const arrow = createRequire(import.meta.url)('apache-arrow') as typeof Arrow;
