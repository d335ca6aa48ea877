/** Loads the model folder in argv in int8 with the cache folder in argv, and prints features as base64. */
import { int8Features } from './int8-features.js';

const [folder = '', cacheDir = '', pooling = ''] = process.argv.slice(2);
const { features } = await int8Features(folder, cacheDir, pooling as 'first' | 'mean');
process.stdout.write(Buffer.concat(features.map((row) => new Uint8Array(row.slice().buffer))).toString('base64'));
