import { readFileSync } from 'node:fs';

/** This package's version: package.json lies two folders above both src/core and dist/core. */
export const LIBRARY_VERSION: string = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
).version;
