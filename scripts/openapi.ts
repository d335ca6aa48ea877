// Writes docs/openapi.json: the document that the server serves at /openapi.json. A test holds the two equal.
import { writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { servedDocument } from '../src/server/openapi/served.ts';

const DOCUMENT = 'docs/openapi.json';

const options = await resolveConfig(DOCUMENT);
writeFileSync(DOCUMENT, await format(JSON.stringify(servedDocument()), { ...options, filepath: DOCUMENT }));
console.log(`wrote ${DOCUMENT}`);
